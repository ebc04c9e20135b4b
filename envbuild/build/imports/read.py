"""Files of other tools, each known by its name or content, as drafts of a target."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from envbuild.build.imports.conda_lock import check_content_hash, find_sdists, parse_conda_lock
from envbuild.build.imports.draft import Draft, find_given_sdists, join_drafts
from envbuild.build.imports.mlproject import read_mlproject
from envbuild.build.imports.pylock import read_pylock
from envbuild.core.dataclass import replace
from envbuild.core.errors import EnvbuildError, Location, SpecError, raise_all
from envbuild.core.text import excerpt
from envbuild.lock.check_conda import spec_name
from envbuild.spec.conda.explicit import is_explicit
from envbuild.spec.conda.lock_file import MAX_BYTES, is_lock_file
from envbuild.spec.conda.model import CondaSpec
from envbuild.spec.conda.read import read_conda
from envbuild.spec.place import Place
from envbuild.spec.positions import parse_yaml
from envbuild.spec.requirements import read_requirements

_KNOWN = "an environment.yml, requirements, a conda-lock.yml, a pylock.toml, an MLproject or an explicit file"


def read_drafts(files: Sequence[Path], place: Place) -> Draft:
    """What the files ask for together; raises SpecError, or an ErrorGroup of all there are."""
    drafts: list[Draft] = []
    failures: list[EnvbuildError] = []
    for file in files:
        try:
            drafts.append(_read(_shown(file, place), place))
        except EnvbuildError as error:
            failures.append(error)
    raise_all(failures)
    return join_drafts(drafts)


def _shown(file: Path, place: Place) -> str:
    """A file's path as its package names it; raises SpecError for one outside of the workspace."""
    # Where a link stands counts, not where it leads.
    path = file.parent.resolve() / file.name
    if not path.is_relative_to(place.root.resolve()):
        raise SpecError(
            f"`{excerpt(str(file))}` lies outside of the workspace", hint="copy it into the workspace"
        )
    return os.path.relpath(path, place.folder.resolve())


def _read(written: str, place: Place) -> Draft:
    found = place.require(place.locate(written))
    if not found.is_file:
        raise SpecError(f"`{excerpt(written)}` is not a file", hint="name a file")
    path = Path(found.real)
    name = path.name
    if name == "MLproject":
        parts = read_mlproject(path.read_bytes(), found.name)
        folder = os.path.dirname(written)  # noqa: PTH120
        drafts = [_read(os.path.normpath(f"{folder or '.'}/{each}"), place) for each in parts.files]
        return join_drafts([Draft(parts.name, notes=parts.notes), *drafts])
    if name == "pylock.toml" or (name.startswith("pylock.") and name.endswith(".toml")):
        return read_pylock(path, found.name)
    if name.endswith((".yml", ".yaml")):
        return _read_yaml(written, path, found.name, place)
    if name.endswith((".txt", ".in")) or name == "pyproject.toml":
        return _read_lines(written, path, place)
    raise SpecError(f"`{excerpt(written)}` is of no kind that is known", hint=f"name {_KNOWN}")


def _read_yaml(written: str, path: Path, shown: str, place: Place) -> Draft:
    document = parse_yaml(path.read_bytes(), shown, MAX_BYTES)
    draft = _draft_conda(written, place)
    if not is_lock_file(document):
        return draft
    lock = parse_conda_lock(path, shown)
    return replace(draft, sdists=find_sdists(lock), notes=check_content_hash(lock, path, shown))


def _read_lines(written: str, path: Path, place: Place) -> Draft:
    if path.suffix == ".txt" and is_explicit(path.read_text(encoding="utf-8", errors="replace")):
        return _draft_conda(written, place)
    asked = read_requirements([(written, Location(written))], place.folder, place.root)
    local = (wheel.name for wheel in asked.wheels if wheel.is_sdist)
    return Draft(pip=(written,), sdists=(*find_given_sdists(asked.requirements), *local))


def _draft_conda(written: str, place: Place) -> Draft:
    spec = read_conda([(written, Location(written))], place)
    return Draft(spec.name, conda=(written,), python=_brings_python(spec))


def _brings_python(spec: CondaSpec) -> bool:
    """Whether a Python is asked for by its name; what only comes along is known when it is solved."""
    texts = (*spec.specs, *(each.spec for each in spec.selected))
    named = any(spec_name(text) == "python" for text in texts)
    return named or any(package.name == "python" for package in spec.exact)
