"""Where paths lead in a root that a lock knows by its links and unusual folders only."""

from __future__ import annotations

import pytest

from envbuild.lock.base_image import Folder, Root

ROOT = Root(
    links={"bin": "usr/bin", "opt": "srv/opt", "srv/opt/now": "srv/opt/v2"},
    folders={"tmp": Folder(0o1777), "home/app": Folder(0o700, 1000, 1000), "home/app/pub": Folder(0o755)},
)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("bin/tool", "usr/bin/tool"),
        ("bin", "bin"),  # a link itself may be replaced
        ("binary/x", "binary/x"),
        ("opt/now/x", "srv/opt/v2/x"),  # a link behind a link
        ("opt/now", "srv/opt/now"),
        ("x", "x"),
        ("a/bin/x", "a/bin/x"),
    ],
)
def test_where_a_path_leads(path: str, real: str) -> None:
    assert ROOT.resolve(path) == real


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("tmp", Folder(0o1777)),
        ("home", Folder(0o755)),
        ("home/app/new/folder", Folder(0o700, 1000, 1000)),
        ("home/app/pub/x", Folder(0o755)),
        ("home/apple", Folder(0o755)),
    ],
)
def test_a_folder_is_as_that_above_it_unless_known(path: str, folder: Folder) -> None:
    assert ROOT.folder(path) == folder
