from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from envbuild.lock.model import Resolver
from envbuild.lock.resolve.answer import Descriptions
from envbuild.lock.resolve.builds import BuildsResolver
from envbuild.lock.resolve.pip_tools import PipToolsResolver
from envbuild.lock.resolve.pip_uv import UvResolver
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.index import PackageIndexes
from envbuild.sources.wheel_metadata import metadata_cache

MakeResolver = Callable[..., Resolver]


@pytest.fixture
def make_resolver(tmp_path: Path) -> MakeResolver:
    """Makes a resolver over indexes, given as URLs by alias, with caches of its own."""

    def make(urls: Mapping[str, str], name: str = "uv", retries: int = 0, timeout: float = 60) -> Resolver:
        http = HttpClient(patience=Patience(pause=0.01, attempts=2, read=timeout))
        describe = Descriptions(PackageIndexes(http, urls), metadata_cache(tmp_path / "metadata"))
        # How patient these are on this machine is no matter of a test.
        stated = ("PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT")
        environment = {
            **{name: value for name, value in os.environ.items() if name not in stated},
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "UV_HTTP_RETRIES": str(retries),
        }
        inner = PipToolsResolver if name == "pip-tools" else UvResolver
        return BuildsResolver(inner(describe, tmp_path / name, environment), describe)

    return make
