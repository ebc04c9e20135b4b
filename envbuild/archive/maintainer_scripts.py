"""Maintainer scripts, read and never run: which alternatives they install, and what else they would do.

Reading shell without running it can only be an approximation: what cannot be read with certainty is
reported by `script_effects`, rather too often than too seldom.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.pattern import compile_later

SCRIPTS: Final = ("preinst", "postinst")  # what an installation runs, in this order

_CONTINUED: Final = compile_later(r"\\\n\s*")
_INSTALL: Final = compile_later(r"update-alternatives\s+(?:--(?:quiet|verbose|force)\s+)*+--install\s+(.*)")
_SHELL_ENDS: Final = compile_later(r"[;&|)}].*|\d?[<>].*")
_STATIC: Final = compile_later(r"[A-Za-z0-9/][A-Za-z0-9._+@:~/\[-]*\Z")
# A word where a shell expects a command: at the beginning of a line or behind an operator or a keyword.
# Repetitions give nothing back (`++`): else absurd scripts take a time that grows with their size squared.
_COMMAND: Final = compile_later(
    r"(?:^|[;&|({])[^\S\n]*+"
    r"(?:(?:if|while|until|then|else|elif|do|exec|command|!)[^\S\n]++)*+"
    r"([\w./+-]++)(?!\))",
    re.MULTILINE,
)
_COMMENT: Final = compile_later(r"^[^\S\n]*+#.*$", re.MULTILINE)
MAX_SCRIPT: Final = 1 << 20  # larger ones are not read, and reported

# Programs that leave something behind. dpkg-maintscript-helper and dpkg-trigger are none of them: the one
# serves upgrades, the other names a package whose own scripts are judged by themselves.
_LASTING: Final = compile_later(
    r"""
    add-shell | addgroup | adduser | groupadd | useradd | usermod | shadowconfig | pam-auth-update
    | chgrp | chmod | chown | cp | install | ln | mkdir | mkfifo | mknod | mv | setcap | tee | touch | ucf
    | deb-systemd-helper | deb-systemd-invoke | invoke-rc\.d | systemctl | systemd-sysusers | systemd-tmpfiles
    | dpkg-divert | dpkg-statoverride | install-info | ldconfig | locale-gen | localedef | iconvconfig
    | fc-cache | gdk-pixbuf-query-loaders | glib-compile-schemas
    | py3compile | pycompile | python3(\.\d+)? | perl
    | update-(?!alternatives)[a-z.-]+
    """,
    re.VERBOSE,
)

# What `debian_state` and `debian_root` do in the scripts' stead, by package.
_DONE: Final[Mapping[str, frozenset[str]]] = {
    "base-files": frozenset(("chmod", "chown", "cp", "ln", "mkdir")),
    "base-passwd": frozenset(("cp", "update-passwd")),
    "ca-certificates": frozenset(
        ("chgrp", "chmod", "chown", "dpkg-statoverride", "mkdir", "mv", "update-ca-certificates")
    ),
    "dash": frozenset(("cp", "dpkg-divert", "ln", "mv", "touch")),  # the package itself holds bin/sh
    "debianutils": frozenset(("cp", "update-shells")),
    "libc-bin": frozenset(("cp",)),
    "passwd": frozenset(("groupadd", "shadowconfig")),
    "tzdata": frozenset(("ln", "mv")),
}


@dataclass(frozen=True, slots=True)
class AlternativeLink:
    """`/usr/bin/awk`, named `awk`, may lead to `/usr/bin/mawk`."""

    link: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a package offers for a link, and the links that follow it where their own files exist."""

    main: AlternativeLink
    priority: int
    followers: tuple[AlternativeLink, ...]


def read_alternatives(scripts: Mapping[str, bytes]) -> tuple[Alternative, ...]:
    """The alternatives that a package's `postinst` installs, as far as they are written out in it."""
    script = scripts.get("postinst", b"")
    if len(script) > MAX_SCRIPT:
        return ()
    return tuple(_read_installation(words) for words in _installations(_text(script)) if words is not None)


def script_effects(control: Mapping[str, bytes]) -> tuple[str, ...]:
    """What a package's scripts would have done and we do not: one short text per script, () for nothing.

    `control` are the package's control files by name.
    """
    package = package_name(control["control"])
    effects = []
    for script in SCRIPTS:
        contents = control.get(script, b"")
        if len(contents) > MAX_SCRIPT:
            effects.append(f"{script} of {package} was not run: it is too large to be read")
            continue
        text = _text(contents)
        programs = sorted(set(_lasting_programs(text)) - _DONE.get(package, frozenset()))
        if text and not text.startswith("#!"):
            effects.append(f"{script} of {package} is a program that was not run")
        elif programs:
            effects.append(f"{script} of {package} was not run: {', '.join(programs)}")
    return tuple(effects)


def package_name(stanza: bytes) -> str:
    """The `Package` field of a control stanza, "" where there is none that may name a file (policy 5.6.7)."""
    match = re.search(rb"^Package:[ \t]*([a-z0-9][a-z0-9+.-]*)[ \t]*$", stanza, re.MULTILINE | re.IGNORECASE)
    return match[1].decode() if match else ""


def _lasting_programs(text: str) -> Iterator[str]:
    plain = _COMMENT.sub("", _CONTINUED.sub(" ", text))
    for command in _COMMAND.findall(plain):
        program = command.rpartition("/")[2]
        if _LASTING.fullmatch(program):
            yield program
    if any(words is None for words in _installations(text)):
        yield "update-alternatives"


def _installations(text: str) -> Iterator[list[str] | None]:
    """The words behind each `update-alternatives --install`, None where they are not known before it runs."""
    for match in _INSTALL.finditer(_CONTINUED.sub(" ", text)):
        try:
            words = shlex.split(match[1], comments=True)
        except ValueError:
            yield None
            continue
        own = list(_until_shell_ends(words))
        yield own if _is_static(own) else None


def _until_shell_ends(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if _SHELL_ENDS.match(word):
            return
        yield word.rstrip(";")
        if word.endswith(";"):
            return


def _is_static(words: list[str]) -> bool:
    plain = [word for word in [*words[:3], *words[4:]] if word != "--slave"]
    numbered = len(words) >= 4 and re.fullmatch(r"-?\d{1,9}", words[3]) is not None
    return numbered and len(plain) == 3 + 3 * words.count("--slave") and all(map(_STATIC.match, plain))


def _read_installation(words: list[str]) -> Alternative:
    link, name, path, priority = words[:4]
    followers = tuple(AlternativeLink(*words[at + 1 : at + 4]) for at in range(4, len(words), 4))
    return Alternative(AlternativeLink(link, name, path), int(priority), followers)


def _text(script: bytes) -> str:
    return script.decode("utf-8", "replace")
