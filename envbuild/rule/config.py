"""What rules state of an image's configuration."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.dataclass import dataclass, field
from envbuild.core.pattern import compile_later

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where no base has one
# A name or a number, and a group after a colon (OCI image spec, config.md, "User").
_USER = compile_later(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?\Z")


@dataclass(frozen=True, slots=True)
class Config:
    """What a rule states of an image's configuration; None leaves it to the base, empty clears it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    user: str | None = None
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """What engines would refuse of a configuration, and what to write instead."""

    message: str
    hint: str


def find_fault(config: Config) -> ConfigFault | None:
    """The first thing wrong with a configuration, or None."""
    for name in sorted(config.variables):
        if not name or "=" in name:
            return ConfigFault(f"`{name}` is no variable's name", "a name is not empty and has no `=`")
    if config.workdir and not config.workdir.startswith("/"):
        message = f"the working folder `{config.workdir}` is no absolute path"
        return ConfigFault(message, f"write `workdir: /{config.workdir}`")
    if config.user and not _USER.match(config.user):
        return ConfigFault(f"`{config.user}` is no user", "write `name`, `uid` or `uid:gid`")
    return None
