"""What a program finds in its root besides the image: kernel file systems, devices, and stated mounts.

A source is opened as a detached mount while the host's paths are still there, and attached when the
image's root is the root: so links in the image are followed within it, and nowhere else.
"""

from __future__ import annotations

import errno
import os
import stat

from envbuild.execute.sandbox.inside import system
from envbuild.execute.sandbox.inside.channel import NO_NAMESPACES, Message, Refusal
from envbuild.execute.sandbox.inside.namespaces import IN_A_CONTAINER
from envbuild.execute.sandbox.inside.overlay import Overlay
from envbuild.execute.sandbox.inside.places import Places

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import Final

_SAFE: Final = system.NO_SETUID | system.NO_DEVICES
_INERT: Final = _SAFE | system.NO_PROGRAMS
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "core": "/proc/kcore",
    "ptmx": "pts/ptmx",
}
# What tells of the host, or lets it be changed: the lists of Docker (oci/defaults.go).
_HIDDEN: Final = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
_FROZEN: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class Sources:
    """All that will be mounted, opened on the host's side."""

    def __init__(self, spec: Message) -> None:
        self._folder: str = spec["folder"]
        self._marks: str = spec["marks"]
        self._files = 0
        self._hold_files()
        self.devices = {name: system.clone_mount(f"/dev/{name}") for name in _DEVICES}
        self.kernel = system.clone_mount("/sys", recursive=True)
        system.restrict_mount(self.kernel, system.READ_ONLY | _INERT, recursive=True)
        self.files = {path: self._open_file(data, 0o644, 0, 0) for path, data in spec["files"].items()}
        stated = sorted(enumerate(spec["mounts"]), key=lambda item: item[1]["target"].count("/"))
        self.stated = [(mount, self._open(number, mount)) for number, mount in stated]

    def _open(self, number: int, mount: Message) -> int | None:
        """The detached mount, None for a fresh file system."""
        kind = mount["kind"]
        if kind == "tmpfs":
            return None
        if kind == "file":
            return self._open_file(mount["data"], mount["mode"], mount["uid"], mount["gid"])
        if kind == "cache":
            _own_once(mount)
        source = self._stage(number, mount) if kind == "stage" else mount["source"]
        try:
            # Whole: what is mounted below may hide what an ordinary user must not see, so the kernel insists.
            descriptor = system.clone_mount(source, recursive=kind == "bind")
        except FileNotFoundError:
            raise Refusal(f"there is nothing at `{mount['path']}` to mount at `{mount['target']}`") from None
        flags = _SAFE | (system.READ_ONLY if mount["readonly"] else 0)
        system.restrict_mount(descriptor, flags, recursive=kind == "bind")
        return descriptor

    def _stage(self, number: int, mount: Message) -> str:
        """Another root, and the path in it without a link that leads out of it."""
        folder = f"{self._folder}/stage-{number}"
        os.mkdir(folder)
        overlay = Overlay(folder, mount["layers"], self._marks)
        root = overlay.mount_lower() if mount["readonly"] else overlay.mount_changeable()
        return resolve_below(root, mount["path"])

    def _hold_files(self) -> None:
        """A file system in memory: secrets must not reach a disk."""
        self._held = f"{self._folder}/files"
        os.mkdir(self._held)
        system.mount("tmpfs", self._held, _SAFE, "mode=0700")

    def _open_file(self, data: bytes, mode: int, uid: int, gid: int) -> int:
        path = f"{self._held}/{self._files}"
        self._files += 1
        with open(path, "wb") as file:
            file.write(data)
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
        descriptor = system.clone_mount(path)
        # A step's own script must run; nothing else of ours is a program.
        system.restrict_mount(descriptor, system.READ_ONLY | (_SAFE if mode & 0o111 else _INERT))
        return descriptor


def resolve_below(root: str, path: str) -> str:
    """The path on this side of `path` in a root, its links followed as if that were the root."""
    place, rest, links = "", path.split("/")[::-1], 0
    while rest:
        part = rest.pop()
        if part in ("", "."):
            continue
        if part == "..":
            place = place.rpartition("/")[0]
            continue
        below = f"{root}{place}/{part}"
        if not os.path.islink(below):
            place = f"{place}/{part}"
            continue
        links += 1
        if links > 40:
            raise Refusal(f"`{path}` has too many links in it")
        target = os.readlink(below)
        place = "" if target.startswith("/") else place
        rest += target.split("/")[::-1]
    return root + place


def _own_once(mount: Message) -> None:
    """Give a cache folder that was just made its owner and mode."""
    path = mount["source"]
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    os.chown(path, mount["uid"], mount["gid"])
    os.chmod(path, mount["mode"])


def attach_all(sources: Sources, places: Places) -> None:
    """Mount everything; the image's root is the root already."""
    _attach_kernel(sources, places)
    _attach_devices(sources, places)
    for path, descriptor in sources.files.items():
        system.attach_mount(descriptor, places.file(path))
    for mount, opened in sources.stated:
        try:
            _attach_stated(mount, opened, places)
        except OSError as error:
            raise Refusal(f"cannot mount at `{mount['target']}`: {error.strerror}") from error
    _restrict_kernel()


def _attach_stated(mount: Message, opened: int | None, places: Places) -> None:
    target = mount["target"]
    if opened is None:
        size = f",size={mount['size']}" if mount["size"] else ""
        system.mount("tmpfs", places.folder(target), _SAFE, f"mode=1777{size}")
        return
    is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
    system.attach_mount(opened, places.folder(target) if is_folder else places.file(target))


def _attach_kernel(sources: Sources, places: Places) -> None:
    try:
        system.mount("proc", places.folder("/proc"), _INERT)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        raise Refusal(
            f"{NO_NAMESPACES} with a `/proc` of their own: {error.strerror}", IN_A_CONTAINER
        ) from error
    where = places.folder("/sys")
    try:
        system.mount("sysfs", where, system.READ_ONLY | _INERT)
    except OSError as error:
        # The host's network is not ours, and so neither is a view of its devices.
        if error.errno != errno.EPERM:
            raise
        system.attach_mount(sources.kernel, where)
    else:
        os.close(sources.kernel)


def _attach_devices(sources: Sources, places: Places) -> None:
    system.mount("tmpfs", places.folder("/dev"), system.NO_SETUID, "mode=755,size=65536k")
    for name, descriptor in sources.devices.items():
        path = f"/dev/{name}"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        system.attach_mount(descriptor, path)
    for name, target in _LINKS.items():
        os.symlink(target, f"/dev/{name}")
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"/dev/{name}")
    system.mount(
        "devpts", "/dev/pts", system.NO_SETUID | system.NO_PROGRAMS, "newinstance,ptmxmode=0666,mode=620"
    )
    system.mount("tmpfs", "/dev/shm", _INERT, "mode=1777,size=65536k")  # noqa: S108
    system.mount("mqueue", "/dev/mqueue", _INERT)


def _restrict_kernel() -> None:
    """Hide what tells of the host, and freeze what would change it."""
    for path in _FROZEN:
        if os.path.exists(path):
            descriptor = system.clone_mount(path)
            system.restrict_mount(descriptor, system.READ_ONLY | _INERT)
            system.attach_mount(descriptor, path)
    for path in _HIDDEN:
        if os.path.isdir(path):
            system.mount("tmpfs", path, system.READ_ONLY | _INERT, "size=0k,mode=755")
        elif os.path.exists(path):
            system.attach_mount(system.clone_mount("/dev/null"), path)
