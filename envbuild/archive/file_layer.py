"""Files from the workspace as a layer, at absolute places of the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final

from envbuild.archive.layer import EPOCH, LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import parent_paths
from envbuild.core.errors import ArchiveError

# Folders that a base has (Filesystem Hierarchy Standard 3.0, and what Debian's base packages add). A layer
# that named one would replace its mode, its owner or, with a merged /usr, the link in its place.
BASE_FOLDERS: Final = frozenset(
    """
    bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var
    etc/apt etc/default etc/init.d etc/ld.so.conf.d etc/pam.d etc/profile.d etc/security etc/skel etc/ssl
    etc/ssl/certs etc/ssl/private etc/systemd etc/systemd/system
    usr/bin usr/games usr/include usr/lib usr/lib32 usr/lib64 usr/libexec usr/libx32 usr/local usr/sbin
    usr/share usr/src usr/lib/locale usr/lib/python3 usr/lib/python3/dist-packages
    usr/lib/x86_64-linux-gnu usr/lib/aarch64-linux-gnu
    usr/local/bin usr/local/etc usr/local/include usr/local/lib usr/local/man usr/local/sbin
    usr/local/share usr/local/share/ca-certificates usr/local/src
    usr/share/ca-certificates usr/share/doc usr/share/fonts usr/share/info usr/share/locale usr/share/man
    usr/share/zoneinfo
    var/backups var/cache var/lib var/local var/lock var/log var/mail var/opt var/run var/spool var/tmp
    """.split()  # noqa: SIM905  a list of 70 strings would be a page
)


def write_files_layer(
    files: Sequence[tuple[str, BinaryIO, int]], out: Sink, *, epoch: int = EPOCH
) -> LayerInfo:
    """Write files, each a destination ("/app/train.py"), a seekable stream and a mode, owned by root.

    The order of `files` is irrelevant. The layer names the folders above them that are no base's.
    Raises ArchiveError; what `out` holds must be dropped then.
    """
    placed = {_relative(path): (source, mode) for path, source, mode in files}
    if len(placed) != len(files):
        raise ArchiveError("two files have the same destination", hint="give each its own")
    folders = _own_folders(placed)
    clash = min(folders & placed.keys(), default="")
    if clash:
        raise ArchiveError(f"`/{clash}` is a destination and a folder of another", hint="rename one")
    writer = LayerWriter(out, epoch=epoch)
    for path in sorted(folders | placed.keys()):
        if path in folders:
            writer.directory(path)
        else:
            source, mode = placed[path]
            size = source.seek(0, 2)
            source.seek(0)
            writer.copied_file(path, source, size, mode=mode)
    return writer.finish()


def _relative(path: str) -> str:
    if not path.startswith("/"):
        raise ArchiveError(f"the destination `{path}` is not absolute", hint=f"write `/{path}`")
    return path.removeprefix("/")


def _own_folders(paths: Iterable[str]) -> set[str]:
    return {folder for path in paths for folder in parent_paths(path)} - BASE_FOLDERS
