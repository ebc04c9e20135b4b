"""Words of a Dockerfile: quotes, escapes and variables, as BuildKit expands them.

The rules are those of the Dockerfile reference, "Environment replacement": nearly a shell's, without
commands, and with an escape character that a directive may change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later

_NAME: Final = compile_later(r"[^\W\d]\w*|\d+|[@*#?$!-]")  # of letters and digits of any script
_QUOTED: Final = frozenset('"$')  # what an escape takes its meaning from within double quotes
_BLANKS: Final = frozenset(" \t\n\r")
_GLOB: Final = compile_later(r"\\(.?)|(\*)|(\?)|(.)", re.DOTALL)


def expand_word(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """The text with variables replaced and quotes removed, blanks kept; raises SpecError."""
    return _Reader(text, variables, escape).read_all()


def expand_words(text: str, variables: Mapping[str, str], escape: str = "\\") -> tuple[str, ...]:
    """The text's words: blanks outside of quotes, also those of variables' values, separate them."""
    return _Reader(text, variables, escape).split()


@dataclass(slots=True)
class _Reader:
    text: str
    variables: Mapping[str, str]
    escape: str
    at: int = 0
    words: list[str] = field(default_factory=list)
    word: list[str] | None = None  # the one being read; None between two
    raw: bool = False  # whether escapes stay, for whoever reads a pattern next

    def read_all(self) -> str:
        return self._until("")

    def split(self) -> tuple[str, ...]:
        while self.at < len(self.text):
            start = self.text[self.at]
            if start in _BLANKS:
                self.at += 1
                self._end_word()
            elif start == "$":
                first, *rest = re.split(r"[ \t\r\n]+", self._piece())
                self._add(first, quoted=False)
                for each in rest:
                    self._end_word()
                    self._add(each, quoted=False)
            else:
                self._add(self._piece(), quoted=True)
        self._end_word()
        return tuple(self.words)

    def _add(self, piece: str, *, quoted: bool) -> None:
        """Go on with a word; quotes make one even of nothing."""
        if piece or quoted:
            self.word = [*(self.word or ()), piece]

    def _end_word(self) -> None:
        if self.word is not None:
            self.words.append("".join(self.word))
        self.word = None

    def _until(self, stop: str) -> str:
        pieces = []
        while self.at < len(self.text) and self.text[self.at] != stop:
            pieces.append(self._piece())
        if stop:
            self._expect(stop)
        return "".join(pieces)

    def _piece(self) -> str:
        """What the next character begins, expanded."""
        start = self.text[self.at]
        if start == "'":
            return self._single_quoted()
        if start == '"':
            return self._double_quoted()
        self.at += 1
        if start == "$":
            return self._variable()
        if start == self.escape:
            literal = self.text[self.at : self.at + 1]
            self.at += 1
            return start + literal if self.raw else literal
        return start

    def _single_quoted(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise self._broken("a single quote is not closed")
        quoted = self.text[self.at + 1 : end]
        self.at = end + 1
        return quoted

    def _double_quoted(self) -> str:
        self.at += 1
        pieces = []
        while (start := self.text[self.at : self.at + 1]) != '"':
            if not start:
                raise self._broken("a double quote is not closed")
            self.at += 1
            if start == "$":
                pieces.append(self._variable())
            elif start == self.escape:
                pieces.append(start if self.raw else "")
                if self.text[self.at : self.at + 1] in _QUOTED | {self.escape}:
                    start = self.text[self.at]
                    self.at += 1
                pieces.append(start)
            else:
                pieces.append(start)
        self.at += 1
        return "".join(pieces)

    def _variable(self) -> str:
        """What stands for a dollar sign, which is read already, and what belongs to it."""
        if self.text[self.at : self.at + 1] != "{":
            name = self._name()
            return self.variables.get(name, "") if name else "$"
        self.at += 1
        name = self._name()
        if not name:
            raise self._broken("`${` is not followed by a name")
        return self._modified(name)

    def _modified(self, name: str) -> str:
        """The value of `${name...}`, of which the name is read."""
        value = self.variables.get(name)
        mark = self._take()
        if mark == "}":
            return value or ""
        if mark == ":":
            value, mark = value or None, self._take()
        if mark == "-":
            word = self._until("}")
            return word if value is None else value
        if mark == "+":
            word = self._until("}")
            return "" if value is None else word
        if mark == "?":
            word = self._until("}")
            if value is None:
                raise self._broken(f"`{name}`: {word or 'is not set'}")
            return value
        return self._edited(mark, value or "")

    def _edited(self, mark: str, value: str) -> str:
        """`#` and `%` remove a prefix or suffix, `/` replaces; doubled, the longest, or all.

        In patterns only `*` and `?` mean something, and a backslash takes it from them.
        """
        if mark not in ("#", "%", "/"):
            raise self._broken(f"`{mark}` is no modifier of a variable")
        doubled = self.text[self.at : self.at + 1] == mark
        self.at += doubled
        if mark == "/":
            pattern, replacement = self._glob(self._raw_until("/")), self._raw_until("}")
            return _replace(pattern, replacement, value, everywhere=doubled)
        pattern = self._glob(self._raw_until("}"))
        ends = range(len(value) + 1)
        if mark == "#":
            cuts = (n for n in (reversed(ends) if doubled else ends) if re.fullmatch(pattern, value[:n]))
            return value[next(cuts, 0) :]
        cuts = (n for n in (ends if doubled else reversed(ends)) if re.fullmatch(pattern, value[n:]))
        return value[: next(cuts, len(value))]

    def _raw_until(self, stop: str) -> str:
        before, self.raw = self.raw, True
        try:
            return self._until(stop)
        finally:
            self.raw = before

    def _glob(self, pattern: str) -> re.Pattern[str]:
        return re.compile("".join(map(self._translate, _GLOB.finditer(pattern))), re.DOTALL)

    def _translate(self, part: re.Match[str]) -> str:
        escaped, star, one, plain = part.groups()
        if escaped is not None and (not escaped or escaped not in "*?\\/}"):
            raise self._broken(f"`\\{escaped}` means nothing in a pattern")
        if star or one:
            return ".*" if star else "."
        return re.escape(escaped or plain)

    def _name(self) -> str:
        match = _NAME.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    def _take(self) -> str:
        taken = self.text[self.at : self.at + 1]
        if not taken:
            raise self._broken("`${` is not closed")
        self.at += 1
        return taken

    def _expect(self, stop: str) -> None:
        if self.text[self.at : self.at + 1] != stop:
            raise self._broken("`${` is not closed" if stop == "}" else f"`{stop}` is missing")
        self.at += 1

    def _broken(self, what: str) -> SpecError:
        return SpecError(f"{what} in `{self.text[:80]}`", hint="see the Dockerfile reference on variables")


def _replace(pattern: re.Pattern[str], replacement: str, value: str, *, everywhere: bool) -> str:
    """The value with a pattern replaced; nothing behind a match is none of its own, as in Go."""
    pieces, at, after = [], 0, -1
    for match in pattern.finditer(value):
        if match.start() == match.end() == after:
            continue
        pieces += [value[at : match.start()], replacement]
        at = after = match.end()
        if not everywhere:
            break
    return "".join((*pieces, value[at:]))
