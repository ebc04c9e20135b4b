"""Files that ADD takes from URLs: pinned by a checksum in the Dockerfile, locked, fetched like packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.lock.model import Download
from envbuild.oci.config import Runtime
from envbuild.rule.dockerfile.plan import Plan
from envbuild.spec.dockerfile.instruction import Instruction

_URL: Final = compile_later(r"https?://")
_GIT: Final = compile_later(r"(?:git|ssh)://|git@|https?://[^?]+\.git(?:#|\Z)")
_CHECKSUM: Final = compile_later(r"sha256:[0-9a-f]{64}\Z")


def is_url(source: str) -> bool:
    """Whether a source is a file of the web."""
    return bool(_URL.match(source))


def refuse_git(source: str) -> None:
    """Raise SpecError where a source of ADD is what Docker takes for a git repository."""
    if _GIT.match(source):
        raise SpecError(
            f"`ADD {source[:60]}` of a git repository is not supported",
            hint="clone it into the context, or by a RUN with `--network=default`",
        )


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


def find_downloads(plan: Plan, inherited: Mapping[int, Runtime]) -> tuple[Download, ...]:
    """What the needed stages take from the web.

    `inherited` has the configuration of what each stage stands on, a target or a registry's image. Of an
    image that is not locked yet it has none: any variable may be the image's, so what the stages on it take
    is left out until it is. Raises SpecError with the line.
    """
    found: dict[Download, None] = {}
    known: dict[int, tuple[dict[str, str], dict[str, str]]] = {}
    for stage in plan.stages():
        base = plan.base(stage)
        if base and (base.stage.number not in known if base.stage else stage.number not in inherited):
            continue
        arguments, variables = known[base.stage.number] if base and base.stage else ({}, {})
        below = inherited.get(stage.number, Runtime())
        known[stage.number] = dict(arguments), {**variables, **below.variables}
        for instruction, scope in _walk(plan, plan.instructions(stage), *known[stage.number]):
            found |= dict.fromkeys(_read(plan, instruction, scope))
    return tuple(sorted(found))


def _walk(
    plan: Plan, instructions: Sequence[Instruction], arguments: dict[str, str], variables: dict[str, str]
) -> Iterator[tuple[Instruction, Mapping[str, str]]]:
    """Each ADD with what its words may name; ARGs and ENVs go to `arguments` and `variables`."""
    for instruction in instructions:
        scope = {**variables, **arguments}
        if instruction.name == "ARG":
            plan.declare(instruction, arguments, variables)
        elif instruction.name == "ENV":
            words = [plan.expand(word, scope, instruction) for word in instruction.words]
            for name, value in zip(words[::2], words[1::2], strict=True):
                arguments.pop(name, None)
                variables[name] = value
        elif instruction.name == "ADD":
            yield instruction, scope


def _read(plan: Plan, instruction: Instruction, scope: Mapping[str, str]) -> Iterator[Download]:
    checksum = plan.expand(instruction.flag("checksum"), scope, instruction)
    for word in instruction.words[:-1]:
        source = plan.expand(word, scope, instruction)
        try:
            refuse_git(source)
            if is_url(source):
                yield read_download(source, checksum)
        except SpecError as error:
            raise SpecError(error.message, hint=error.hint, location=instruction.location) from None
