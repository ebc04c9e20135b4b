"""Instructions that change no file: each makes a configuration of the one before.

Their words are expanded already. What Docker knows beyond OCI's config is kept under Docker's names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from envbuild.core.dataclass import replace
from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.oci.config import Runtime
from envbuild.spec.dockerfile.instruction import Instruction
from envbuild.spec.dockerfile.parse import parse_trigger

SHELL: Final = ("/bin/sh", "-c")
_DURATION: Final = compile_later(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATIONS: Final = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}
_PORTS: Final = compile_later(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?\Z", re.IGNORECASE)


def _env(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, variables={**config.variables, **_pairs(instruction)})


def _label(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, labels={**config.labels, **_pairs(instruction)})


def _maintainer(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, labels={**config.labels, "maintainer": instruction.words[0]})


def _workdir(config: Runtime, instruction: Instruction) -> Runtime:
    """The folder itself is made by a step (`Step.workdir`)."""
    return replace(config, workdir=absolute_path(instruction.words[0], config))


def _user(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, user=instruction.words[0])


def _expose(config: Runtime, instruction: Instruction) -> Runtime:
    ports = {port for word in instruction.words for each in word.split() for port in _read_ports(each)}
    return replace(config, ports=tuple(sorted(ports.union(config.ports))))


def _volume(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, volumes=tuple(sorted({*config.volumes, *instruction.words})))


def _shell(config: Runtime, instruction: Instruction) -> Runtime:
    if not instruction.is_json:
        raise SpecError("SHELL takes a JSON array", hint='write `SHELL ["/bin/bash", "-c"]`')
    return replace(config, shell=instruction.words)


def _cmd(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, command=read_command(instruction, config))


def _entrypoint(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, entrypoint=read_command(instruction, config))


def _stop_signal(config: Runtime, instruction: Instruction) -> Runtime:
    return replace(config, stop_signal=instruction.words[0])


def _on_build(config: Runtime, instruction: Instruction) -> Runtime:
    parse_trigger(instruction.text, instruction.location)
    return replace(config, on_build=(*config.on_build, instruction.text))


def _healthcheck(config: Runtime, instruction: Instruction) -> Runtime:
    kind, *rest = instruction.words
    if kind.upper() == "NONE":
        return replace(config, healthcheck={"Test": ["NONE"]})
    if kind.upper() != "CMD" or not rest:
        raise SpecError("HEALTHCHECK takes `CMD command`, or `NONE`")
    found: dict[str, Any] = {"Test": ["CMD", *rest] if instruction.is_json else ["CMD-SHELL", rest[0]]}
    stated = {key: _read_duration(instruction.flag(flag, "0")) for flag, key in _DURATIONS.items()}
    stated["Retries"] = _read_count(instruction.flag("retries", "0"))
    return replace(config, healthcheck=found | {key: value for key, value in stated.items() if value})


def read_command(instruction: Instruction, config: Runtime) -> tuple[str, ...]:
    """The arguments of a command, in a shell's form or as a list."""
    if instruction.is_json:
        return instruction.words
    return (*(config.shell or SHELL), instruction.words[0])


def absolute_path(path: str, config: Runtime) -> str:
    """A path as seen from the working folder; a slash at its end is dropped."""
    joined = posixpath.normpath(posixpath.join(config.workdir or "/", path))
    return "/" + joined.lstrip("/")


def _pairs(instruction: Instruction) -> Mapping[str, str]:
    return dict(zip(instruction.words[::2], instruction.words[1::2], strict=True))


def _read_ports(text: str) -> Iterator[str]:
    match = _PORTS.match(text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not match or not 0 < first <= last < 1 << 16:
        raise SpecError(f"`{text[:40]}` is no port", hint="write `80`, `80/udp` or `8000-8010`")
    yield from (f"{port}/{(match[3] or 'tcp').lower()}" for port in range(first, last + 1))


def _read_duration(text: str) -> int:
    """Nanoseconds of "1m30s"; 0 stands for what the engine takes."""
    parts = _DURATION.findall(text)
    if text == "0":
        return 0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise SpecError(f"`{text[:40]}` is no duration", hint="write `30s` or `1m30s`")
    total = sum(round(float(number) * _UNITS[unit]) for number, unit in parts)
    if 0 < total < _UNITS["ms"]:
        raise SpecError(f"`{text[:40]}` is less than a millisecond", hint="write `30s` or `1m30s`")
    return total


def _read_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise SpecError(f"`--retries={text[:40]}` is no number")
    return int(text)


SETTINGS: Final[Mapping[str, Callable[[Runtime, Instruction], Runtime]]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _on_build,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
