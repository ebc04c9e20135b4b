"""Does a lock still answer what its target asks? Decided offline, without a solver.

A lock whose recorded inputs are equal to the target's is trusted to satisfy them; of any other,
each requirement is judged. What a lock cannot know, such as a better version, makes none stale.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from envbuild.core.errors import ResolveError
from envbuild.core.platform import Facts, Libc, Platform
from envbuild.lock.check_builds import check_builds
from envbuild.lock.check_conda import check_conda, conda_inputs
from envbuild.lock.check_graph import check_graph
from envbuild.lock.check_image import check_images, image_inputs
from envbuild.lock.conda_python import follow_in
from envbuild.lock.model import (
    CondaQuestion,
    DebianQuestion,
    Json,
    Lock,
    PlatformLock,
    PythonQuestion,
    Question,
    Single,
    split_question,
)


def check_lock(
    lock: Lock, rule: str, questions: Mapping[Platform, Question], platforms: Collection[Platform]
) -> tuple[str, ...]:
    """Why the lock is stale, as sentences for users, each once; none where it is fresh.

    `questions` are those to be judged; `platforms` are all that the target states.
    """
    if lock.rule != rule:
        return (f"it was locked for the rule `{lock.rule}`, but the target's is `{rule}`",)
    reasons = [
        f"`{each}` is no longer a platform of the target"
        for each in sorted(lock.platforms)
        if each not in platforms
    ]
    for platform, question in questions.items():
        part = lock.platforms.get(platform)
        if part is None:
            reasons.append(f"it is not locked for `{platform}`")
        else:
            for single in follow_in(question, part.artifacts):
                reasons += _check_single(single, part, lock.inputs)
    if questions and not reasons:
        reasons += _refuse_others(lock.inputs, questions)
    return tuple(dict.fromkeys(reasons))


def _check_single(question: Single, part: PlatformLock, recorded: Mapping[str, Json]) -> Iterable[str]:
    if isinstance(question, PythonQuestion):
        return check_python(part, question, recorded)
    if isinstance(question, DebianQuestion):
        return (*check_debian(question, recorded), *check_installed(part, question))
    if isinstance(question, CondaQuestion):
        return check_conda(part, question, recorded)
    return check_images(part, question)


def _refuse_others(recorded: Mapping[str, Json], questions: Mapping[Platform, Question]) -> Iterator[str]:
    """Whether the lock answers something that nobody asks any more."""
    if not recorded.keys() <= record_inputs(questions).keys():
        yield "it answers more than the target asks"


def record_inputs(questions: Mapping[Platform, Question]) -> Mapping[str, Json]:
    """What a lock records of the questions it answers: what every platform asks alike, and what of conda."""
    asked = [split_question(question) for question in questions.values()]
    recorded = conda_inputs(each for singles in asked for each in singles if isinstance(each, CondaQuestion))
    for question in asked[0]:
        recorded |= _record_single(question)
    return recorded


def refuse_unlike(questions: Mapping[Platform, Question]) -> None:
    """Raise ResolveError where platforms ask for Debian packages of different suites.

    A lock records them once. They differ where the images of a base do.
    """
    asked: dict[tuple[str, tuple[str, ...]], Platform] = {}
    for platform, question in questions.items():
        for single in split_question(question):
            if isinstance(single, DebianQuestion):
                asked.setdefault((single.suite, single.components), platform)
    if len(asked) > 1:
        listed = ", ".join(
            f"`{suite}` ({', '.join(areas)}) for `{platform}`" for (suite, areas), platform in asked.items()
        )
        raise ResolveError(
            f"its base takes packages from {listed}",
            hint="lock the base with `--upgrade`, or state `apt_suite` and `apt_components`",
        )


def _record_single(question: Single) -> dict[str, Json]:
    if isinstance(question, PythonQuestion):
        return _python_inputs(question)
    if isinstance(question, DebianQuestion):
        return _debian_inputs(question)
    return {} if isinstance(question, CondaQuestion) else image_inputs(question)


def check_python(
    part: PlatformLock, question: PythonQuestion, recorded: Mapping[str, Json]
) -> tuple[str, ...]:
    """Why this part of a lock does not answer the question."""
    inputs = _python_inputs(question)
    same = {key: recorded.get(key) == value for key, value in inputs.items()}
    return (
        *_check_facts(part.facts, question.facts),
        *(() if same["indexes"] else _check_indexes(recorded.get("indexes"), question)),
        *_check_pins(part, question),
        *check_graph(part, question, unchanged=all(same.values())),
        *check_builds(part, question),
    )


def check_debian(question: DebianQuestion, recorded: Mapping[str, Json]) -> tuple[str, ...]:
    """Why a lock with these inputs does not answer the question; solving is cheap, so any change counts."""
    inputs = _debian_inputs(question)
    reasons = [
        f"`{key}` is {_shown(inputs[key])} now, and was {_shown(recorded.get(key))}"
        for key in ("source", "suite", "components", "essential")
        if recorded.get(key) != inputs[key]
    ]
    was, now = recorded.get("packages"), inputs["packages"]
    if isinstance(was, list) and isinstance(now, list):
        reasons += [f"`{each}` is now required" for each in now if each not in was]
        reasons += [f"`{each}` is no longer required" for each in was if each not in now]
    elif was != now:
        reasons.append("its packages are not recorded")
    return tuple(reasons)


def check_installed(part: PlatformLock, question: DebianQuestion) -> Iterator[str]:
    """Whether the base still has the Debian packages that the lock relies on, and none that the lock has."""
    for name, version in sorted(part.installed.items()):
        now = question.installed.get(name)
        if now is None:
            yield f"the Debian package `{name}` is no longer in the base"
        elif now != version:
            yield f"the base has the Debian package `{name}` {now} now, and had {version}"
    for artifact in part.artifacts:
        if artifact.kind == "deb" and artifact.name in question.installed:
            yield f"the Debian package `{artifact.name}` is in the base now"


def _python_inputs(question: PythonQuestion) -> dict[str, Json]:
    return {
        "requirements": list[Json](sorted(set(question.requirements))),
        "constraints": list[Json](sorted(set(question.constraints))),
        "wheels": [[file, sha256] for file, sha256 in sorted({(w.file, w.sha256) for w in question.wheels})],
        "indexes": [
            {"alias": each.alias, "url": each.url, "packages": list[Json](sorted(each.packages))}
            for each in question.indexes
        ],
        **({"sdists": list[Json](sorted(set(question.sdists)))} if question.sdists else {}),
    }


def _debian_inputs(question: DebianQuestion) -> dict[str, Json]:
    return {
        "source": question.source,
        "suite": question.suite,
        "components": list[Json](sorted(set(question.components))),
        "packages": list[Json](sorted(set(question.packages))),
        "essential": question.essential,
    }


def _check_facts(recorded: Mapping[str, str], facts: Facts) -> Iterator[str]:
    """Whether the target still offers what the lock needs."""
    python, needed = facts.python, recorded.get("python", "")
    if python is None or not (python.version + ".").startswith(needed + "."):
        yield f"it is locked for Python {needed}, but the target has {python.version if python else 'none'}"
    needs = Libc.parse(recorded["libc"]) if "libc" in recorded else None
    if needs and not (facts.libc and facts.libc.runs(needs)):
        yield f"its wheels need {needs}, but the target has {facts.libc or 'no known one'}"


def _check_indexes(recorded: Json, question: PythonQuestion) -> Iterator[str]:
    known = [each for each in recorded if isinstance(each, dict)] if isinstance(recorded, list) else []
    aliases = [each.alias for each in question.indexes]
    if [each.get("alias") for each in known] != aliases:
        listed = ", ".join(f"`{alias}`" for alias in aliases) or "none"
        yield f"the package indexes changed; by priority, they are now {listed}"
        return
    for was, now in zip(known, question.indexes, strict=True):
        if was.get("url") != now.url:
            yield f"the URL of the package index `{now.alias}` changed"
        elif was.get("packages") != sorted(now.packages):
            yield f"the packages that only the index `{now.alias}` serves changed"


def _check_pins(part: PlatformLock, question: PythonQuestion) -> Iterator[str]:
    """Whether the base still has what the lock relies on, and nothing that the lock has."""
    for name, pin in sorted(part.pins.items()):
        now = question.pins.get(name)
        if now is None:
            yield f"`{name}` is no longer in the base"
        elif now.version != pin.version:
            yield f"the base has `{name}` {now.version} now, and had {pin.version}"
    for artifact in part.artifacts:
        if artifact.is_python and artifact.name in question.pins:
            yield f"`{artifact.name}` is in the base now"


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value) or "nothing"
    return (
        "not recorded" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
    )
