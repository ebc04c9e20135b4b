"""Platforms, and what is known about an environment's target without looking at this machine."""

from __future__ import annotations

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

_PLATFORM = compile_later(r"(linux)/([a-z0-9_]+)(?:/([a-z0-9]+))?\Z")
_LIBC = compile_later(r"(glibc|musl) ([0-9]{1,3})\.([0-9]{1,3})\Z")

# OCI architecture (GOARCH) -> the machine name in Python platform tags, and conda's name ("subdir").
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_SUBDIRS = {"amd64": "linux-64", "arm64": "linux-aarch64"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """An OCI platform (image-index.md): operating system and architecture, in Go's names."""

    os: str = "linux"
    architecture: str = "amd64"

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"

    @property
    def machine(self) -> str:
        """The name that Python's platform tags and `uname -m` use."""
        return _MACHINES[self.architecture]

    @property
    def debian(self) -> str:
        """Debian's architecture name."""
        return self.architecture

    @property
    def conda(self) -> str:
        """The name that conda has for it: the folder of a channel that packages for it lie in ("subdir")."""
        return _SUBDIRS[self.architecture]

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read "linux/amd64"; `linux/arm64/v8` is `linux/arm64`; raises SpecError."""
        match = _PLATFORM.match(text)
        if not match or match[2] not in _MACHINES or match[3] not in (None, "v8"):
            known = ", ".join(f"`{each}`" for each in cls.all())
            raise SpecError(f"unknown platform `{excerpt(text)}`", hint=f"use one of {known}")
        return cls(match[1], match[2])

    @classmethod
    def all(cls) -> tuple[Platform, ...]:
        """Those that something can be built for."""
        return tuple(cls("linux", name) for name in _MACHINES)


@dataclass(frozen=True, slots=True)
class Libc:
    """A C library and its version: it decides which wheels fit (PEP 600, PEP 656)."""

    family: str
    version: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.family} {self.version[0]}.{self.version[1]}"

    def runs(self, needed: Libc) -> bool:
        """Whether what is linked with another one runs with this one."""
        return self.family == needed.family and self.version >= needed.version

    @classmethod
    def parse(cls, text: str) -> Libc:
        """Read "glibc 2.36" or "musl 1.2"; raises SpecError."""
        match = _LIBC.match(text)
        if not match:
            raise SpecError(f"unknown libc `{excerpt(text)}`", hint="write `glibc 2.36` or `musl 1.2`")
        return cls(match[1], (int(match[2]), int(match[3])))


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython in an image: full version ("3.11.2") and absolute path ("" where there is none)."""

    version: str
    path: str = ""

    @property
    def minor(self) -> str:
        """Major and minor, as in "3.11"."""
        return ".".join(self.version.split(".")[:2])

    @property
    def abi(self) -> str:
        """The ABI tag, as in "cp311"."""
        return "cp" + self.minor.replace(".", "")


@dataclass(frozen=True, slots=True)
class Facts:
    """What resolvers and rules know of a target; from the spec or a locked base, never the host.

    `others` are the interpreters besides `python`.
    """

    platform: Platform
    libc: Libc | None = None
    python: Interpreter | None = None
    others: tuple[Interpreter, ...] = ()
