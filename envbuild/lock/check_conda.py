"""Do locked conda packages still answer what is asked? Solving keeps what it can: any change counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from envbuild.core.pattern import compile_later
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.model import CondaQuestion, Json, Locked, PlatformLock

# What stands before the name: a channel, maybe with a subdir (conda's MatchSpec).
_NAME = compile_later(r"(?:.*::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")


def conda_inputs(questions: Iterable[CondaQuestion]) -> dict[str, Json]:
    """What a lock records of a target's conda questions; only the specs differ by platform."""
    asked = list(questions)
    if not asked:
        return {}
    specs: dict[str, Json] = {str(each.platform): list[Json](sorted(set(each.specs))) for each in asked}
    recorded: dict[str, Json] = {
        "channels": list[Json](asked[0].channels),
        "priority": asked[0].priority,
        "specs": specs,
    }
    if any(each.exact for each in asked):
        recorded["exact"] = {str(each.platform): _exact_inputs(each) for each in asked}
    return {CONDA: recorded}


def check_conda(part: PlatformLock, question: CondaQuestion, recorded: Mapping[str, Json]) -> Iterator[str]:
    """Why the conda packages of a lock do not answer the question."""
    was = recorded.get(CONDA)
    known = was if isinstance(was, dict) else {}
    if known.get("channels") != list(question.channels):
        listed = ", ".join(f"`{channel}`" for channel in question.channels)
        yield f"the channels changed; by priority, they are now {listed}"
    if known.get("priority") != question.priority:
        yield f"the priority of channels is `{question.priority}` now"
    yield from _check_specs(known.get("specs"), question)
    exact = known.get("exact")
    if (exact.get(str(question.platform)) if isinstance(exact, dict) else []) != _exact_inputs(question):
        yield "the conda packages that are named by their URLs changed"
    yield from _check_presence(part, question)
    if part.facts.get("virtual", "") != " ".join(question.virtual):
        yield from _check_virtual(part, question)


def spec_name(text: str) -> str:
    """The package that a MatchSpec names, in lower case."""
    match = _NAME.match(text.strip())
    return match[1].lower() if match else ""


def _check_specs(recorded: Json, question: CondaQuestion) -> Iterator[str]:
    stated = recorded.get(str(question.platform)) if isinstance(recorded, dict) else None
    was = [str(each) for each in stated] if isinstance(stated, list) else []
    now = sorted(set(question.specs))
    yield from (f"`{each}` is now required of conda" for each in now if each not in was)
    yield from (f"`{each}` is no longer required of conda" for each in was if each not in now)


def _exact_inputs(question: CondaQuestion) -> list[Json]:
    found = sorted({(each.url, each.sha256 or each.md5) for each in question.exact})
    return [" ".join(filter(None, each)) for each in found]


def _check_presence(part: PlatformLock, question: CondaQuestion) -> Iterator[str]:
    """A merge may have lost packages, or kept too many."""
    locked = {each.name: each for each in part.artifacts if each.kind == CONDA}
    wants = _reach(locked, question)
    for name, by in sorted(wants.items()):
        if name not in locked:
            yield f"`{name}` is not locked, but {f'`{by}` requires it' if by else 'it is required'}"
    for name in sorted(locked.keys() - wants.keys()):
        yield f"`{name}` is no longer required of conda"


def _reach(locked: Mapping[str, Locked], question: CondaQuestion) -> dict[str, str]:
    """The packages that are needed, and who needs each first; "" for the spec."""
    wants = {spec_name(text): "" for text in question.specs}
    ahead = sorted(wants)
    # These are taken as they are: nothing else is locked for their sake.
    wants |= {each.name.lower(): "" for each in question.exact}
    while ahead:
        by = ahead.pop()
        for each in locked[by].requires if by in locked else ():
            name = spec_name(each)
            # What the target offers is no package, and a dependency with a condition may be none.
            if name in wants or name.startswith("__") or "when=" in each:
                continue
            wants[name] = by
            ahead.append(name)
    return wants


def _check_virtual(part: PlatformLock, question: CondaQuestion) -> Iterator[str]:
    """Whether the target still offers what the packages ask of it."""
    offered = _offered(question)
    for artifact in part.artifacts:
        for text in artifact.requires if artifact.kind == CONDA else ():
            if spec_name(text).startswith("__") and not offered(text):
                yield f"`{artifact.name}` needs `{text}`, which the target does not offer now"


def _offered(question: CondaQuestion) -> Callable[[str], bool]:
    from rattler import MatchSpec, PackageRecord
    from rattler.exceptions import InvalidMatchSpecError
    from rattler.package import BuildString

    parts = [each.split("=") for each in question.virtual]
    records = [
        PackageRecord(name, version, BuildString(build), 0, "noarch") for name, version, build in parts
    ]

    def offers(text: str) -> bool:
        try:
            spec = MatchSpec(text)
        except InvalidMatchSpecError:  # no channel said so
            return False
        return any(spec.matches(record) for record in records)

    return offers
