"""Whether a conda-lock.yml is still that of its sources, by conda-lock's own models and digests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from envbuild.core.errors import Location, SpecError
from envbuild.core.text import excerpt, summarize
from envbuild.spec.conda.lock_file import is_sdist

# What `conda-lock --with-cuda` may have been told; the file does not say.
_CUDA = [
    f"{major}.{minor}" for major, last in ((10, 2), (11, 8), (12, 9), (13, 0)) for minor in range(last + 1)
]
_SPEC = "virtual-packages.yml"  # what conda-lock takes beside the sources unless it is told otherwise


def check_content_hash(lock: Any, path: Path, shown: str) -> tuple[str, ...]:
    """Compare a lock's content hashes with its sources', which lie beside `path`; notes say what cannot be.

    conda-lock's digest is over the sources as it reads them and the virtual packages that it assumes.
    Raises SpecError where a source has changed, or is none that conda-lock reads.
    """
    sources = [(path.parent / source).resolve() for source in lock.metadata.sources]
    if not sources:
        return (f"`{excerpt(shown)}` names no sources: it cannot be told whether it is up to date",)
    if gone := [source for source in sources if not source.is_file()]:
        return (f"`{excerpt(shown)}` is not compared with `{excerpt(gone[0].name)}`, which is not there",)
    if any(source.suffix not in (".yml", ".yaml") for source in sources):
        return (f"`{excerpt(shown)}` is not compared with its sources, which are no environment.yml",)
    moved = _find_moved(lock, sources, path.parent / _SPEC, shown)
    if moved:
        raise SpecError(
            f"its content hash for `{moved[0]}` is not that of `{excerpt(sources[0].name)}`",
            hint="lock again with conda-lock, or import the sources instead",
            location=Location(shown),
        )
    return ()


def find_sdists(lock: Any) -> tuple[str, ...]:
    """The packages of pip that a lock has as source archives."""
    locked = (each for each in lock.package if each.manager == "pip")
    return tuple(sorted({each.name for each in locked if is_sdist(each.url)}))


def parse_conda_lock(path: Path, shown: str) -> Any:
    """A file as conda-lock's own model; raises SpecError for what conda-lock does not read."""
    from conda_lock.lockfile import parse_conda_lock_file

    try:
        return parse_conda_lock_file(path)
    except Exception as error:  # noqa: BLE001 (its parser, its models and its sorting raise what they like)
        raise _refused(error, shown) from None


def _find_moved(lock: Any, sources: list[Path], spec: Path, shown: str) -> list[str]:
    """The platforms whose content hash is none that these sources may have."""
    from conda_lock.content_hash import backwards_compatible_content_hashes

    moved = set(lock.metadata.platforms)
    with TemporaryDirectory(prefix="envbuild-") as folder:
        # Names of pip's packages are looked up for conda's solver, which is not asked: none are needed.
        names = Path(folder) / "names.json"
        names.write_text("{}", encoding="utf-8")
        try:
            asked = _read_sources(lock, sources, str(names))
            for assumed in _assumed(spec):
                moved = {
                    platform
                    for platform in moved
                    if lock.metadata.content_hash.get(platform)
                    not in backwards_compatible_content_hashes(asked, assumed, platform)
                }
                if not moved:
                    break
        except Exception as error:  # noqa: BLE001
            raise _refused(error, shown) from None
    return sorted(moved)


def _read_sources(lock: Any, sources: list[Path], names: str) -> Any:
    from conda_lock.src_parser import make_lock_spec

    platforms = list(lock.metadata.platforms)
    return make_lock_spec(src_files=sources, platform_overrides=platforms, mapping_url=names)


def _assumed(spec: Path) -> Iterator[Any]:
    """The virtual packages that it may rest on: as stated beside it, else without CUDA or with one of it."""
    from conda_lock.virtual_package import (
        default_virtual_package_repodata,
        virtual_package_repo_from_specification,
    )

    if spec.is_file():
        yield virtual_package_repo_from_specification(spec)
        return
    for cuda in ("default", "", *_CUDA):
        yield default_virtual_package_repodata(cuda_version=cuda)


def _refused(error: Exception, shown: str) -> SpecError:
    reason = summarize(error)
    return SpecError(f"conda-lock does not read it: {reason}", location=Location(shown))
