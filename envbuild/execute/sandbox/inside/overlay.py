"""Layers laid over each other by the kernel (Documentation/filesystems/overlayfs.rst)."""

from __future__ import annotations

import errno
import os

from envbuild.execute.sandbox.inside import system
from envbuild.execute.sandbox.inside.channel import Refusal

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final

# Nothing that another kernel's defaults would write otherwise, and no redirect that a layer's author wrote.
_OPTIONS: Final = "index=off,metacopy=off,redirect_dir=nofollow"
# Nobody reads an upper folder after a crash, so there is no need to flush it: dpkg flushes every file.
_UNFLUSHED: Final = "volatile"


class Overlay:
    """A stack of unpacked layers, bottom first; `marks` is the family of its extended attributes.

    A layer may be there several times, such as that of steps that change nothing. The kernel takes each
    folder once, and the uppermost does all that those below it do.
    """

    def __init__(self, folder: str, layers: list[str], marks: str) -> None:
        self._folder = folder
        self._layers = list(dict.fromkeys(reversed(layers)))[::-1]
        self._marks = marks

    @property
    def upper(self) -> str:
        """The folder of what was changed, once it is mounted with changes."""
        return f"{self._folder}/upper"

    def mount_lower(self) -> str:
        """Mount the layers alone, to be read only; returns the place."""
        return self._mount("lower", [])

    def mount_changeable(self) -> str:
        """Mount the layers below an empty `upper` that takes what changes; returns the place."""
        for name in ("upper", "work"):
            os.makedirs(f"{self._folder}/{name}")
        os.chmod(self.upper, 0o755)
        return self._mount("root", ["upperdir=upper,workdir=work"])

    def _mount(self, name: str, more: list[str]) -> str:
        place = f"{self._folder}/{name}"
        os.makedirs(place)
        # Options must fit into a page, so layers are named by short links.
        stack = ":".join([*reversed(self._link_layers()), "empty"])
        options = [f"lowerdir={stack}", *more, _OPTIONS]
        if self._marks == "user":
            options.append("userxattr")
        here = os.getcwd()
        os.chdir(self._folder)
        try:
            self._try(place, options, volatile=bool(more))
        finally:
            os.chdir(here)
        return place

    def _try(self, place: str, options: list[str], *, volatile: bool) -> None:
        try:
            if volatile:
                try:
                    _mount_overlay(place, [*options, _UNFLUSHED])
                    return
                except OSError as error:
                    if error.errno != errno.EINVAL:  # Linux 5.9 does not know it
                        raise
            _mount_overlay(place, options)
        except OSError as error:
            raise Refusal(
                f"layers cannot be mounted over each other in `{self._folder}`: {error.strerror}",
                "this takes Linux 5.12 and a disk with extended attributes, such as ext4, xfs or btrfs: "
                "choose a folder on one with `--cache-dir`",
            ) from error

    def _link_layers(self) -> list[str]:
        links = f"{self._folder}/l"
        if not os.path.isdir(links):
            os.mkdir(links)
            os.mkdir(f"{self._folder}/empty")
            for number, layer in enumerate(self._layers):
                os.symlink(layer, f"{links}/{number}")
        return [f"l/{number}" for number in range(len(self._layers))]


def _mount_overlay(place: str, options: list[str]) -> None:
    system.mount("overlay", place, system.NO_DEVICES, ",".join(options), "overlay")
