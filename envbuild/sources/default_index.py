"""The package index that this machine is configured to use.

Asked in this order: uv's and pip's environment, uv's configuration files, pip's; else the address
that pip itself is built with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from envbuild.core.errors import SourceError

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def default_index_url(environment: Mapping[str, str] | None = None) -> str:
    """The simple API's root; it may hold credentials. Raises SourceError for a broken configuration."""
    variables = os.environ if environment is None else environment
    for name in _VARIABLES:
        if value := variables.get(name, "").strip():
            # uv takes `name=url`, too.
            head, equals, tail = value.partition("=")
            return tail if equals and "://" not in head else value
    return _from_uv(variables) or _from_pip()


def _from_uv(variables: Mapping[str, str]) -> str:
    for path in _uv_files(variables):
        try:
            text = path.read_text(encoding="utf-8")
            import tomllib

            table = tomllib.loads(text)
            defaults = [str(each["url"]) for each in table.get("index", []) if each.get("default")]
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except (ValueError, RecursionError):  # also what is not UTF-8
            raise SourceError("uv's configuration file `uv.toml` is no TOML", hint="mend it") from None
        except (TypeError, AttributeError, KeyError):
            raise SourceError(
                "`index` in uv's `uv.toml` is no list of tables with a `url`", hint="mend it"
            ) from None
        if url := (defaults or [table.get("index-url", "")])[0]:
            return str(url)
    return ""


def _uv_files(variables: Mapping[str, str]) -> Iterator[Path]:
    """The configuration files of uv: one stated, else the user's before the system's."""
    if stated := variables.get("UV_CONFIG_FILE"):
        yield Path(stated)
        return
    home = variables.get("XDG_CONFIG_HOME") or os.path.join(variables.get("HOME", "/"), ".config")  # noqa: PTH118 - joins texts
    yield Path(home) / "uv" / "uv.toml"
    yield Path("/etc/uv/uv.toml")


def _from_pip() -> str:
    from pip._internal.configuration import Configuration
    from pip._internal.exceptions import ConfigurationError
    from pip._internal.models.index import PyPI

    configuration = Configuration(isolated=False)
    try:
        configuration.load()
        return str(configuration.get_value("global.index-url"))
    except ConfigurationError:
        return str(PyPI.simple_url)
