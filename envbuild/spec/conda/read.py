"""The `conda` attribute: files of several kinds, or an environment in place, as one CondaSpec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from envbuild.core.errors import EnvbuildError, Location, SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.spec.conda.environment import EnvironmentReader, is_python_environment
from envbuild.spec.conda.explicit import is_explicit, read_explicit
from envbuild.spec.conda.lock_file import MAX_BYTES, is_lock_file, read_lock_file
from envbuild.spec.conda.model import CondaSpec
from envbuild.spec.conda.parts import Parts
from envbuild.spec.place import Place
from envbuild.spec.positions import Value, parse_yaml
from envbuild.spec.problems import Problems
from envbuild.spec.pyproject import Positioned

_GROUPS = compile_later(r"(?P<path>.+\.ya?ml)\[(?P<groups>[^\[\]]*)\]\Z")


def read_conda(stated: Value | Sequence[Positioned], place: Place) -> CondaSpec:
    """What an attribute states: files of the workspace, or a mapping in place of one.

    A file is an environment.yml, a python_env.yaml of MLflow, an explicit file or a conda-lock.yml,
    known by what is in it; `conda-lock.yml[dev]` takes the packages of that category, too. Raises
    SpecError, or an ErrorGroup of all there are.
    """
    parts, problems = Parts(), Problems()
    if isinstance(stated, Value):
        EnvironmentReader(parts, place.folder, problems).read(stated)
    else:
        for written, location in stated:
            try:
                _read_file(written, place, parts, problems)
            except EnvbuildError as error:
                problems.catch(error, location)
    spec = parts.finish(place.root, problems)
    problems.raise_if_any()
    return spec


def _read_file(written: str, place: Place, parts: Parts, problems: Problems) -> None:
    path, groups = split_groups(written)
    found = place.require(place.locate(path))
    if not found.is_file:
        raise SpecError(f"`{excerpt(path)}` is not a file", hint="name a file")
    real = Path(found.real)
    place.recorder.record(real)
    parts.files.add(real)
    try:
        data = real.read_bytes() if real.stat().st_size <= MAX_BYTES else b""
    except OSError as error:
        raise SpecError(f"cannot read `{excerpt(path)}`: {error.strerror}", hint="check its mode") from error
    _read_data(data, groups, found.name, real.parent, parts, problems)


def _read_data(
    data: bytes, groups: Sequence[str], shown: str, folder: Path, parts: Parts, problems: Problems
) -> None:
    if not data:
        message = f"`{shown}` is empty, or over {MAX_BYTES >> 20} MiB"
        raise SpecError(message, hint="name an environment.yml", location=Location(shown))
    if PurePosixPath(shown).suffix not in (".yml", ".yaml"):
        read_explicit(_decode(data, shown), shown, folder, parts, problems)
        return
    document = parse_yaml(data, shown, MAX_BYTES)
    if groups and not is_lock_file(document):
        message = f"`{shown}` has no categories: only a conda-lock.yml has"
        problems.add(message, document.location, "remove the brackets")
    reader = EnvironmentReader(parts, folder, problems)
    if is_lock_file(document):
        read_lock_file(document, groups, folder, parts, problems)
    elif is_python_environment(document):
        reader.read_python(document)
    else:
        reader.read(document)


def _decode(data: bytes, shown: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError("the file is not UTF-8", hint="save it as UTF-8", location=Location(shown)) from None
    if not is_explicit(text):
        raise SpecError(
            "this is no explicit file: it has no line `@EXPLICIT`",
            hint="name a `.yml` file, or write one by `conda list --explicit --sha256`",
            location=Location(shown),
        )
    return text


def split_groups(written: str) -> tuple[str, tuple[str, ...]]:
    """The path of a file, and the categories of a conda-lock.yml that stand behind it."""
    match = _GROUPS.match(written)
    if match is None:
        return written, ()
    groups = (each.strip() for each in match["groups"].split(","))
    return match["path"], tuple(filter(None, groups))
