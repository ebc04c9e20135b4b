from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.makers.debian import Mirror, Signer, serve, signers
from tests.makers.index import FakeIndex, run_index
from tests.makers.project import Project, name_indexes


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    """An empty package index."""
    with run_index() as index:
        yield index


@pytest.fixture
def project(tmp_path: Path, index: FakeIndex) -> Project:
    """An empty workspace whose only package index is `index`."""
    return Project(tmp_path).write({"envbuild.yaml": name_indexes(pypi=index.url)})


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    with signers("never") as (made,):
        yield made


@pytest.fixture
def debian(project: Project, index: FakeIndex, mirror: Mirror) -> Iterator[Project]:
    """A workspace with a mirror and an index of its own."""
    with serve(mirror.root) as (url, _):
        sources = [
            {"index": {"name": "pypi", "url": index.url}},
            {"debian": {"name": "debian", "urls": [url], "keyring": "keys/mirror.gpg"}},
        ]
        keyring = mirror.signer.keyring.read_bytes()
        yield project.write(
            {"envbuild.yaml": f"sources: {json.dumps(sources)}\n", "keys/mirror.gpg": keyring}
        )
