"""Dependency markers (PEP 508) judged for a target, never for this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Facts
from envbuild.core.text import excerpt
from envbuild.spec.requirement_line import normal_form, read_pep508

if TYPE_CHECKING:
    from packaging.markers import Marker

Environment = Mapping[str, str]

GET_PYTHON = "ask conda for `python`, add one to the base, or state `python`"
_PATCH = compile_later(r"python_full_version|implementation_version")


def marker_environment(facts: Facts) -> dict[str, str]:
    """The variables of PEP 508 for a target; kernel release and version are empty: nobody knows them."""
    python = facts.python
    if python is None:
        raise SpecError("the target has no Python", hint=GET_PYTHON)
    full = full_version(python.version)
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": facts.platform.machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": python.minor,
        "sys_platform": "linux",
    }


def full_version(version: str) -> str:
    """A Python version with its patch number; the first release where none is stated."""
    return version if version.count(".") >= 2 else f"{version}.0"


def holds(marker: Marker | None, environment: Environment, extra: str = "") -> bool:
    """Whether a marker holds on the target, for a package asked with this extra.

    Raises SpecError where it compares what cannot be compared.
    """
    try:
        return marker is None or marker.evaluate({**environment, "extra": extra})
    except (ValueError, LookupError):
        message = f"the marker `{excerpt(str(marker))}` compares what cannot be compared"
        raise SpecError(message, hint="see PEP 508 for what markers may say") from None


def reduce_edges(requires: Iterable[str], extras: Iterable[str], environment: Environment) -> tuple[str, ...]:
    """The dependencies that hold on the target with these extras, in normal form and sorted.

    Markers are gone but for the extra that asks for an edge: `pysocks>=1.5.6; extra == "socks"`.
    Lines that are no PEP 508, as old packages have them, or whose marker nobody can judge, are left
    out, as installers do.
    """
    wanted = sorted(extras)
    return tuple(sorted({edge for text in requires for edge in _reduce_edge(text, wanted, environment)}))


def _reduce_edge(text: str, extras: list[str], environment: Environment) -> Iterator[str]:
    from packaging.markers import Marker

    try:
        requirement = read_pep508(text)
        marker, requirement.marker = requirement.marker, None
        always = holds(marker, environment)
        gates = [] if always else [each for each in extras if holds(marker, environment, each)]
    except (ValueError, SpecError):
        return
    if always:
        yield normal_form(requirement)
    for extra in gates:
        requirement.marker = Marker(f"extra == '{extra}'")
        yield normal_form(requirement)


def asks_for_patch(requires: Iterable[str], requires_python: Iterable[str], minor: str) -> bool:
    """Whether a package's metadata tells patch releases of the Python version `minor` apart."""
    from packaging.specifiers import SpecifierSet

    if any(_PATCH.search(text) for text in requires):
        return True
    try:
        bounds = [each.version for text in requires_python for each in SpecifierSet(text)]
    except ValueError:
        return True
    patches = [bound.removeprefix(f"{minor}.") for bound in bounds if bound.startswith(f"{minor}.")]
    return any(patch not in ("0", "*") for patch in patches)
