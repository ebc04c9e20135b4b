from __future__ import annotations

from pathlib import Path

import pytest

from tests.makers.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty workspace."""
    return Project(tmp_path).write({"envbuild.yaml": ""})
