"""What a step has in an engine: all of it has one label, and goes when the step ends, however it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Final

from envbuild.store.faults import store_fault
from envbuild.store.temporary import abandoned_folders, temporary_folder

if TYPE_CHECKING:
    import docker

FOLDER: Final = "docker"
LABEL: Final = "dev.envbuild.step"


@contextmanager
def open_session(client: docker.DockerClient, cache: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder for one step, and the labels of what it makes in the engine; both go with the block.

    What killed steps left goes first. Raises StoreError, and what the SDK does.
    """
    import requests

    parent = cache / FOLDER
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for left in abandoned_folders(parent):
            _remove(client, left.name)
            for path in left.iterdir():
                path.unlink() if path.is_file() else rmtree(path)
        with temporary_folder(parent) as folder:
            try:
                yield folder, {LABEL: folder.name}
            finally:
                _remove(client, folder.name)
    except requests.RequestException:  # an OSError that says nothing of the disk
        raise
    except OSError as error:
        raise store_fault(error, parent) from error


def _remove(client: docker.DockerClient, name: str) -> None:
    """Remove all that has the label of a step: containers, then their volumes, and images from the top."""
    wanted: dict[str, str | list[str] | bool] = {"label": f"{LABEL}={name}"}
    for container in client.containers.list(all=True, filters=wanted):
        container.remove(force=True, v=True)
    for volume in client.volumes.list(filters=wanted):
        volume.remove(force=True)
    for image in sorted(client.images.list(filters=wanted), key=lambda image: bool(image.tags)):
        client.images.remove(str(image.id), force=True)
