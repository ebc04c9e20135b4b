"""By which names pip knows what is in conda packages.

The two worlds name some distributions differently. The channel's record says so (`purls`), or the package
itself does; of the rest, those that are known to differ stand here, and all others have the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envbuild.core.pattern import compile_later
from envbuild.lock.model import Locked

_PURL = compile_later(r"pkg:pypi/([A-Za-z0-9._-]+)(?:@([^?#]+))?")
_DIST_INFO = compile_later(
    r"(?:^|/)site-packages/([A-Za-z0-9._]+)-([A-Za-z0-9.+!_]+)(?:-py[0-9.]+)?\.(?:dist-info|egg-info)(?:/|\Z)"
)
_NOT_DISTRIBUTIONS = frozenset({"python", "python_abi"})
_KNOWN = {
    "blosc-python": "blosc",
    "brotli-python": "brotli",
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pytables": "tables",
    "python-build": "build",
    "python-duckdb": "duckdb",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "python-xxhash": "xxhash",
    "pytorch": "torch",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
}


def is_python(package: Locked) -> bool:
    """Whether a conda package is one of Python's: it lies among Python's packages, or needs Python."""
    if package.name in _NOT_DISTRIBUTIONS or package.conda is None:
        return False
    return package.conda.noarch == "python" or any(
        each.split(" ", 1)[0] in ("python", "python_abi") for each in package.requires
    )


def read_purls(purls: Sequence[str], version: str) -> tuple[str, ...]:
    """The distributions that a record names (its `purls`), as `name==version`."""
    matches = (_PURL.match(each) for each in purls)
    return _pins((match[1], match[2] or version) for match in matches if match)


def read_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """The distributions whose metadata lies among these paths of a package, as `name==version`."""
    matches = (_DIST_INFO.search(each) for each in paths)
    return _pins((match[1], match[2]) for match in matches if match)


def guess(package: Locked) -> tuple[str, ...]:
    """The distribution that a package of this name and version most probably is."""
    return _pins([(_KNOWN.get(package.name, package.name), package.version)])


def _pins(found: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """In normal form (PEP 503, PEP 440); what has a version of conda's only, pip cannot know."""
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    pins = set()
    for name, version in found:
        try:
            pins.add(f"{canonicalize_name(name)}=={Version(version)}")
        except InvalidVersion:
            continue
    return tuple(sorted(pins))
