"""An environment that conda made: its packages exactly, and what pip has put beside them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from envbuild.build.imports.distributions import read_distributions
from envbuild.build.imports.draft import Draft, find_given_sdists, tell
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, SpecError, UsageError, raise_all
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.spec.conda.model import ExactPackage
from envbuild.spec.conda.package_url import read_package_url

_MAX_BYTES = 64 << 20
# What a channel's URL may hold of a login: it is no part of where a package is.
_LOGIN = compile_later(r"(?<=://)[^/@\s]*@")
_TOKEN = compile_later(r"/t/[^/\s]+(?=/)")
_VENV = "it is a virtual environment: import what its `pip freeze` writes, as requirements"


@dataclass(frozen=True, slots=True)
class _Record:
    """A package as `conda-meta` tells of it: where it came from, and which files are its own."""

    package: ExactPackage
    files: frozenset[str]


def read_prefix(prefix: Path, without: Collection[str]) -> Draft:
    """The packages of an environment at `prefix` but those of pip named in `without`.

    Raises UsageError where there is none, SpecError or an ErrorGroup for what cannot be locked.
    """
    records = list(_read_records(prefix))
    platforms = sorted({each.package.platform for each in records} - {""})
    if len(platforms) > 1:
        raise SpecError(f"`{excerpt(str(prefix))}` has packages of `{platforms[0]}` and of `{platforms[1]}`")
    owned = frozenset(file for each in records for file in each.files)
    lines = read_distributions(prefix, owned, without)
    head = [f"# platform: {platforms[0]}"] if platforms else []
    urls = sorted(_explicit(each.package) for each in records)
    return Draft(
        name=prefix.name,
        explicit=(*head, "@EXPLICIT", *urls),
        pinned=lines,
        sdists=find_given_sdists(lines),
        python=any(each.package.name == "python" for each in records),
        notes=tuple(_tell_variables(prefix)),
    )


def _read_records(prefix: Path) -> Iterator[_Record]:
    folder = prefix / "conda-meta"
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not paths:
        raise UsageError(
            f"`{excerpt(str(prefix))}` is no conda environment: it has no `conda-meta` with packages",
            hint=_VENV
            if (prefix / "pyvenv.cfg").is_file()
            else "name its folder, as `conda env list` shows it",
        )
    failures: list[EnvbuildError] = []
    for path in paths:
        try:
            yield _read_record(path)
        except EnvbuildError as error:
            failures.append(error)
    raise_all(failures)


def _read_record(path: Path) -> _Record:
    record = _read_json(path)
    url = _TOKEN.sub("", _LOGIN.sub("", _text(record, "url", path)))
    sha256, md5 = record.get("sha256"), record.get("md5")
    digest = f"#sha256:{sha256}" if sha256 else f"#{md5}" if md5 else ""
    try:
        package = read_package_url(url + digest)
    except EnvbuildError as error:
        raise SpecError(
            f"`conda-meta/{excerpt(path.name)}`: {error.message}",
            hint="a package that came from no channel cannot be fetched again: put it into one",
        ) from None
    files = record.get("files", [])
    if not isinstance(files, list):
        raise _malformed(path)
    return _Record(package, frozenset(file for file in files if isinstance(file, str)))


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _malformed(path)
        record = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise _malformed(path) from None
    except OSError as error:
        raise UsageError(f"cannot read `{excerpt(str(path))}`: {error.strerror}") from None
    if not isinstance(record, dict):
        raise _malformed(path)
    return record


def _text(record: Mapping[str, Any], key: str, path: Path) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value:
        raise _malformed(path)
    return value


def _malformed(path: Path) -> SpecError:
    shown = f"conda-meta/{excerpt(path.name)}"
    return SpecError(f"`{shown}` is no record of a package", hint="repair the environment with conda")


def _explicit(package: ExactPackage) -> str:
    digest = f"sha256:{package.sha256}" if package.sha256 else package.md5
    return f"{package.url}#{digest}" if digest else package.url


def _tell_variables(prefix: Path) -> Iterator[str]:
    """Variables that the environment sets (`conda env config vars`): their values may be secrets."""
    state = prefix / "conda-meta" / "state"
    if state.is_file():
        variables = _read_json(state).get("env_vars")
        if isinstance(variables, dict) and variables:
            yield tell("not imported, as they may be secret: state them under `variables`", sorted(variables))
