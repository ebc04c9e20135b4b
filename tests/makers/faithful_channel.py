"""A channel of real programs: Debian's Python 3.11 and its libraries, and wheels, as conda packages.

It is conda's format and not conda-forge's content. The packages are named, linked and split as there, with
prefixes to replace in texts and programs, library paths, noarch packages and entry points, and they are made
of what Debian and the Python index have. `conda_parts` is the workspace that locks these: equal parts make
equal bytes, so that a lock of the channel's packages holds wherever the channel is made.

    python -m tests.makers.faithful_channel FOLDER
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from envbuild.app import App, open_app
from envbuild.cli.quick import cache_folder
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.lock.model import Locked
from envbuild.options import Options
from tests.makers.conda_channel import Channel
from tests.makers.conda_debian import (
    GLIBC,
    INTERPRETER,
    LIBRARIES,
    SITE,
    ZONES,
    Recipe,
    complete_python,
    read_debs,
)
from tests.makers.conda_packages import CondaPackage
from tests.makers.conda_wheels import WHEELS, read_wheel

PARTS: Final = Path(__file__).with_name("conda_parts")
_SUBDIRS: Final = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}
_NATIVE: Final = ["python >=3.11,<3.12.0a0", "python_abi 3.11.* *_cp311"]
_STATED: Final = {"license": "see info/licenses", "timestamp": 1_700_000_000_000}
_PARALLEL: Final = 4


def make_faithful_channel(folder: Path, cache: Path) -> Channel:
    """Make the channel; `cache` is the one of envbuild from which the parts come, or into which they go."""
    options = Options(PARTS, cache, "", "", None, None, "never", quiet=True, verbose=False)
    with open_app(options) as app, ThreadPoolExecutor(_PARALLEL) as pool:
        packages = list(pool.map(lambda make: make(), _plan(app, pool)))
        contents = dict(pool.map(lambda package: (package.file, package.build_package()), packages))
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    Channel(beside).publish(*packages, contents=contents)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return Channel(folder)


def _plan(app: App, pool: ThreadPoolExecutor) -> Iterator[partial[CondaPackage]]:
    """What makes each package, its parts being in the cache."""
    for platform, subdir in _SUBDIRS.items():
        parts = {part.name: part for part in _parts(app, "debian", platform)}
        wheels = _parts(app, "wheels", platform)
        first = platform == next(iter(_SUBDIRS))
        recipes = [*LIBRARIES, INTERPRETER, *([ZONES] if first else [])]
        chosen = [wheel for wheel in wheels if first or not WHEELS[wheel.name].pure]
        debs = [parts[deb] for recipe in recipes for deb in recipe.debs]
        paths = dict(pool.map(partial(_fetch, app), [*debs, *chosen]))
        for recipe in recipes:
            yield partial(_repackage, recipe, subdir, parts, paths)
        for wheel in chosen:
            yield partial(_rewrap, wheel, subdir, paths)
        yield partial(
            CondaPackage, "python_abi", version="3.11", build="0_cp311", subdir=subdir,
            constrains=["python 3.11.*"], index=_STATED,
        )  # fmt: skip


def _parts(app: App, name: str, platform: str) -> Sequence[Locked]:
    """What is locked."""
    lock = app.project.locks.read(Label("", name))
    assert lock, name
    return lock.platforms[Platform.parse(platform)].artifacts


def _fetch(app: App, part: Locked) -> tuple[str, Path]:
    """A part in the cache, by its sha256."""
    if not app.store.has(Digest(part.sha256, part.size)):
        app.supply.fetch(part)
    return part.sha256, app.options.cache_dir / "blobs" / "sha256" / part.sha256


def _repackage(
    recipe: Recipe, subdir: str, parts: Mapping[str, Locked], paths: Mapping[str, Path]
) -> CondaPackage:
    first = parts[recipe.debs[0]]
    upstream = re.match(r"(\d+:)?(?P<version>\d+[a-z]?(\.\d+)*)", first.version)
    assert upstream, first.version
    files = read_debs([paths[parts[deb].sha256] for deb in recipe.debs])
    package = CondaPackage(
        recipe.name,
        files,
        version=upstream["version"],
        build=re.sub(r"[^0-9a-z]+", "_", first.version.rpartition("-")[2]),
        depends=[*([] if recipe.noarch else [GLIBC]), *recipe.depends],
        subdir=subdir,
        noarch=recipe.noarch,
        index=_STATED,
    )
    return _finish_python(package) if recipe is INTERPRETER else package


def _finish_python(package: CondaPackage) -> CondaPackage:
    return replace(
        package,
        files=complete_python(package._files()),
        build=f"{package.build}_cpython",
        constrains=["python_abi 3.11.* *_cp311"],
        index={**_STATED, "python_site_packages_path": SITE},
    )


def _rewrap(wheel: Locked, subdir: str, paths: Mapping[str, Path]) -> CondaPackage:
    recipe = WHEELS[wheel.name]
    files, points = read_wheel(paths[wheel.sha256], pure=recipe.pure)
    return CondaPackage(
        recipe.name,
        files,
        version=wheel.version,
        build="pyh0_0" if recipe.pure else "py311h0_0",
        depends=[*(["python >=3.9"] if recipe.pure else [GLIBC, *_NATIVE]), *recipe.depends],
        subdir=subdir,
        noarch="python" if recipe.pure else "",
        entry_points=points,
        index=_STATED,
    )


def main(folder: str) -> None:
    """Make the channel, and say of which parts it cannot be made."""
    try:
        made = make_faithful_channel(Path(folder), Path(cache_folder([], os.environ)))
    except EnvbuildError as error:
        where = PARTS.relative_to(Path.cwd()) if PARTS.is_relative_to(Path.cwd()) else PARTS
        sys.exit(f"error: {error}\nThe parts are locked in {where}: tests/README.md tells how they move.")
    print(f"{sum(1 for _ in made.root.rglob('*.conda'))} packages are in {folder}")


if __name__ == "__main__":
    main(sys.argv[1])
