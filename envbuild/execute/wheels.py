"""The builtin that takes a built wheel out of the layer of the step that built it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from envbuild.core.errors import BuildError
from envbuild.core.platform import Facts, Platform
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import WHEEL
from envbuild.rule.facts import read_facts
from envbuild.rule.sdist_program import WHEEL_FOLDER


def take_wheel(job: Job) -> None:
    """A wheel that is what its sdist states and that the target takes."""
    from envbuild.archive.decompress import open_layer
    from envbuild.archive.wheel_writer import write_wheel

    with job.inputs["layer"].open("rb") as layer:
        told = write_wheel(open_layer(layer), job.outputs[WHEEL], WHEEL_FOLDER)
    facts = read_facts(job.parameters, Platform.parse(job.parameters["platform"]))
    _check_package(told["METADATA"], job.parameters)
    _check_requires(told["METADATA"], job.parameters, facts)
    _check_tags(_values(told["WHEEL"], "Tag"), facts)


def _check_package(metadata: str, locked: Mapping[str, Any]) -> None:
    from packaging.utils import canonicalize_name, canonicalize_version

    (name,), (version,) = (_values(metadata, field)[:1] or ("",) for field in ("Name", "Version"))
    same = canonicalize_name(name) == locked["name"]
    if not same or canonicalize_version(version) != canonicalize_version(locked["version"]):
        raise BuildError(
            f"the backend made a wheel of `{name[:80]} {version[:80]}`, not of the locked package",
            hint=f"look at what its build takes the version from, or list a wheel of `{locked['name']}`",
        )


def _check_requires(metadata: str, locked: Mapping[str, Any], facts: Facts) -> None:
    from envbuild.lock.markers import marker_environment, reduce_edges

    environment = marker_environment(facts)
    made = set(reduce_edges(_values(metadata, "Requires-Dist"), locked["extras"], environment))
    if changed := sorted(made.symmetric_difference(locked["requires"])):
        listed = ", ".join(f"`{each[:80]}`" for each in changed[:8])
        raise BuildError(
            f"the wheel does not require what its sdist states: {listed}",
            hint=f"build a wheel of `{locked['name']}`, and list it under `wheels`",
        )


def _check_tags(tags: Sequence[str], facts: Facts) -> None:
    from envbuild.lock.tags import rank_wheel

    if all(rank_wheel(f"x-1-{tag}.whl", facts) is None for tag in tags):
        listed = ", ".join(f"`{tag[:80]}`" for tag in tags[:8]) or "nothing"
        raise BuildError(
            f"the wheel is for {listed}, which does not fit the target `{facts.platform}`",
            hint="look at what the build takes its platform from",
        )


def _values(text: str, field: str) -> tuple[str, ...]:
    from email.parser import HeaderParser

    return tuple(" ".join(str(each).split()) for each in HeaderParser().parsestr(text).get_all(field, []))
