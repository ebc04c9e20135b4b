"""Peers set up for the workshop's wheels."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.docker_peer import Docker, Recipe
from benchmarks.workshop import Workshop


def set_up(workshop: Workshop, docker: Docker, installer: str) -> Recipe:
    """A build context with all wheels, for an engine that has the image to build on afterwards."""
    project = workshop.built.with_variables(DOCKER_HOST=docker.address)
    base = project.succeed("load", "//examples/bare", "--output", "json").json["image"]
    folder = Path(tempfile.mkdtemp(dir=workshop.folder))
    return Recipe(docker, folder, installer).write(base, workshop.wheels.iterdir())
