"""Files that ADD takes from URLs: pinned by a checksum in the Dockerfile, locked, fetched like packages."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from envbuild.core.errors import SpecError
from envbuild.lock.model import Download
from envbuild.rule.dockerfile.plan import Plan
from envbuild.spec.dockerfile.instruction import Instruction, Stage

_URL: Final = re.compile(r"https?://")
_CHECKSUM: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")


def is_url(source: str) -> bool:
    """Whether a source is a file of the web."""
    return bool(_URL.match(source))


def read_download(source: str, checksum: str) -> Download:
    """A source of ADD with its `--checksum`, both expanded; raises SpecError."""
    if not _CHECKSUM.match(checksum):
        stated = f"the checksum `{checksum[:80]}`" if checksum else "no checksum"
        raise SpecError(
            f"`ADD {source[:80]}` has {stated}", hint="pin it: `--checksum=sha256:<64 hex digits>`"
        )
    try:
        parts = urlsplit(source)
    except ValueError:
        raise SpecError(f"`{source[:80]}` is no URL") from None
    if "@" in parts.netloc or not parts.hostname or not source.isprintable():
        raise SpecError("a URL of ADD has a login in it, or no host", hint="logins belong into ~/.netrc")
    return Download(source, checksum.removeprefix("sha256:"))


def find_downloads(plan: Plan, inherited: Mapping[int, Mapping[str, str]]) -> tuple[Download, ...]:
    """What the needed stages take from the web, by what is known before anything is locked.

    `inherited` has the variables of each stage's base where that is a target: those of a registry's
    image are not known yet, and none of them may stand in a URL. Raises SpecError with the line.
    """
    found: dict[Download, None] = {}
    known: dict[int, tuple[dict[str, str], dict[str, str]]] = {}
    foreign: set[int] = set()  # the stages on images of registries
    for stage in plan.stages():
        base = plan.base(stage)
        arguments, variables = known[base.stage.number] if base and base.stage else ({}, {})
        if base and (base.image or (base.stage and base.stage.number in foreign)):
            foreign.add(stage.number)
        known[stage.number] = dict(arguments), {**variables, **inherited.get(stage.number, {})}
        adds = _walk(plan, stage, *known[stage.number])
        for instruction, scope in adds:
            found |= dict.fromkeys(_read(plan, instruction, scope, foreign=stage.number in foreign))
    return tuple(sorted(found))


def _walk(
    plan: Plan, stage: Stage, arguments: dict[str, str], variables: dict[str, str]
) -> Iterator[tuple[Instruction, _Noted]]:
    """Each ADD of a stage with what its words may name; ARGs and ENVs go to `arguments` and `variables`."""
    declared: set[str] = set()
    for instruction in stage.instructions:
        scope = _Noted({**variables, **arguments}, declared)
        if instruction.name == "ARG":
            declared |= {word.partition("=")[0] for word in instruction.words}
            plan.declare(instruction, arguments, variables)
        elif instruction.name == "ENV":
            words = [plan.expand(word, scope, instruction) for word in instruction.words]
            for name, value in zip(words[::2], words[1::2], strict=True):
                arguments.pop(name, None)
                variables[name] = value
        elif instruction.name == "ADD":
            yield instruction, scope


class _Noted(Mapping[str, str]):
    """Variables, and which others were asked for that no ARG declares."""

    def __init__(self, known: Mapping[str, str], declared: Collection[str]) -> None:
        self._known = known
        self._declared = declared
        self.unknown: list[str] = []

    def __getitem__(self, name: str) -> str:
        if name not in self._known and name not in self._declared:
            self.unknown.append(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _read(plan: Plan, instruction: Instruction, noted: _Noted, *, foreign: bool) -> Iterator[Download]:
    checksum = plan.expand(instruction.flag("checksum"), noted, instruction)
    for word in instruction.words[:-1]:
        source = plan.expand(word, noted, instruction)
        if foreign and noted.unknown and (is_url(source) or checksum):
            raise SpecError(
                f"`ADD {word[:80]}` names `${noted.unknown[0]}`, which the Dockerfile does not set: what an "
                "image of a registry sets is not known when the lock is made",
                hint="set it by an ARG, or name the image by a `base_image` in `contexts`",
                location=instruction.location,
            )
        if is_url(source):
            try:
                yield read_download(source, checksum)
            except SpecError as error:
                raise SpecError(error.message, hint=error.hint, location=instruction.location) from None
