"""What attributes that name files hold: the files' contents, read and hashed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from envbuild.core.errors import EnvbuildError
from envbuild.spec.attribute import Kind
from envbuild.spec.conda.model import CondaSpec
from envbuild.spec.dockerfile.context import ContextEntry, read_context
from envbuild.spec.dockerfile.instruction import Dockerfile
from envbuild.spec.dockerfile.parse import parse_dockerfile
from envbuild.spec.files import FileEntry, read_file, read_files
from envbuild.spec.place import Place
from envbuild.spec.positions import Value
from envbuild.spec.problems import Problems
from envbuild.spec.requirements import Requirements, read_requirements
from envbuild.spec.schema import Placed, Schema, Written
from envbuild.spec.wheels import LocalWheel, read_local_wheel


def read_contents(
    checked: Mapping[str, Any], schema: Schema, place: Place, problems: Problems
) -> dict[str, Any]:
    """The attributes as a rule gets them, from those that `check_attributes` gave."""
    read = {}
    for name, value in checked.items():
        kind = schema[name].kind
        if kind is Kind.CONTEXT:
            dockerfile = _find_dockerfile(checked, schema)
            # Beside a Dockerfile, the context is its target's folder unless another one is stated.
            stated = value or ((".", dockerfile.location) if dockerfile else None)
            own = dockerfile.text if dockerfile and not dockerfile.in_place else ""
            read[name] = _read_context(stated, own, place, problems)
        else:
            reader = _READERS.get(kind)
            read[name] = reader(value, place, problems) if reader else value
    return read


def _find_dockerfile(checked: Mapping[str, Any], schema: Schema) -> Written | None:
    """The Dockerfile that is stated beside a context."""
    stated = (checked[name] for name, attribute in schema.items() if attribute.kind is Kind.DOCKERFILE)
    return next(filter(None, stated), None)


def _read_file(value: Placed | None, place: Place, problems: Problems) -> FileEntry | None:
    if value is None:
        return None
    written, location = value
    try:
        return read_file(written, place)
    except EnvbuildError as error:
        problems.catch(error, location)
        return None


def _read_wheels(value: Sequence[Placed], place: Place, problems: Problems) -> tuple[LocalWheel, ...]:
    wheels = []
    for written, location in value:
        try:
            found = place.require(place.locate(written))
            place.recorder.record(Path(found.real))
            wheels.append(read_local_wheel(place.root / found.name, place.root))
        except EnvbuildError as error:
            problems.catch(error, location)
    return tuple(wheels)


def _read_requirements(value: Sequence[Placed], place: Place, problems: Problems) -> Requirements:
    try:
        found = read_requirements(value, place.folder, place.root)
    except EnvbuildError as error:
        problems.catch(error, value[0][1])
        return Requirements()
    # Which files these are is known only now. One that changed meanwhile is younger than the
    # command, and the memo keeps nothing that rests on such a file.
    for path in found.files:
        place.recorder.record(path)
    return found


def _read_conda(value: Value | Sequence[Placed] | None, place: Place, problems: Problems) -> CondaSpec | None:
    if value is None:
        return None
    from envbuild.spec.conda.read import read_conda  # most workspaces ask nothing of conda

    try:
        found = read_conda(value, place)
    except EnvbuildError as error:
        problems.catch(error, value.location if isinstance(value, Value) else value[0][1])
        return None
    for path in found.pip.files:
        place.recorder.record(path)
    return found


def _read_context(
    value: Placed | None, dockerfile: str, place: Place, problems: Problems
) -> tuple[ContextEntry, ...] | None:
    if value is None:
        return None
    try:
        return read_context(value[0], place, dockerfile)
    except EnvbuildError as error:
        problems.catch(error, value[1])
        return None


def _read_dockerfile(value: Written | None, place: Place, problems: Problems) -> Dockerfile | None:
    if value is None:
        return None
    written, location = value.text, value.location
    try:
        if value.in_place:
            return parse_dockerfile(written.encode(), location.file, value.locate)
        found = place.require(place.locate(written))
        place.recorder.record(Path(found.real))
        return parse_dockerfile(Path(found.real).read_bytes(), found.name)
    except OSError as error:
        problems.add(f"cannot read `{written}`: {error.strerror}", location)
    except EnvbuildError as error:
        problems.catch(error, location)
    return None


_READERS: Mapping[Kind, Callable[[Any, Place, Problems], Any]] = {
    Kind.FILE: _read_file,
    Kind.FILES: read_files,
    Kind.WHEELS: _read_wheels,
    Kind.REQUIREMENTS: _read_requirements,
    Kind.CONDA: _read_conda,
    Kind.DOCKERFILE: _read_dockerfile,
}
