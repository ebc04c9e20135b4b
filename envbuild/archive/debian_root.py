"""The bottom layer of a Debian base: merged /usr, and the folders that base-files makes when configured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from envbuild.archive.base_folders import folder_mode
from envbuild.archive.layer import EPOCH, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.merged_usr import alias_links
from envbuild.archive.nodes import Folder, Link, Node, write_nodes

_MAIL: Final = 8  # base-passwd's group.master

_FOLDERS: Final = (
    *("boot", "dev", "etc", "etc/opt", "home", "media", "mnt", "opt", "proc", "root", "run", "run/lock"),
    *("srv", "sys", "tmp", "usr", "usr/local"),
    *("var", "var/cache", "var/lib", "var/log", "var/opt", "var/spool", "var/tmp"),
    *(f"usr/local/{name}" for name in ("bin", "etc", "games", "include", "lib", "sbin", "share", "src")),
    "usr/local/share/man",
)


def write_root_layer(out: Sink, *, architecture: str, epoch: int = EPOCH) -> LayerInfo:
    """Write the links of merged /usr with the folders they lead to, and the folders of every system."""
    return write_nodes(_root_nodes(architecture), out, epoch=epoch)


def _root_nodes(architecture: str) -> Iterator[Node]:
    yield from (Folder(path, folder_mode(path)) for path in _FOLDERS)
    yield Folder("var/mail", 0o2775, _MAIL)
    yield Link("usr/local/man", "share/man")
    for name in alias_links(architecture):
        yield Folder(f"usr/{name}")
        yield Link(name, f"usr/{name}")
