"""The public API that rules are written against (docs/rules.md).

Each name is imported when it is asked for: what runs declared actions needs few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envbuild.core.errors import SpecError
    from envbuild.core.platform import Facts, Interpreter, Libc, Platform
    from envbuild.lock.model import (
        CondaQuestion,
        DebianQuestion,
        ImageQuestion,
        Locked,
        PlatformLock,
        PythonQuestion,
        Questions,
    )
    from envbuild.oci.reference import ImageName
    from envbuild.rule import apt, attr, builtins, conda, dockerfile, ground, interpreter, sdist_base
    from envbuild.rule.bytecode import is_compiled
    from envbuild.rule.config import SYSTEM_PATH, Config
    from envbuild.rule.context import Context
    from envbuild.rule.debian import Debian, read_suites
    from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, Input, Output, SourceFile
    from envbuild.rule.facts import read_facts
    from envbuild.rule.image import ForeignLayer, Image, Layer, Part
    from envbuild.rule.kind import Rule, rule
    from envbuild.rule.layering import Plan
    from envbuild.spec.conda.model import PipIndex
    from envbuild.spec.requirements import Requirements

__all__ = [
    "SYSTEM_PATH",
    "Builtin",
    "CondaQuestion",
    "Config",
    "Context",
    "Debian",
    "DebianQuestion",
    "DeclaredAction",
    "Facts",
    "Fetched",
    "ForeignLayer",
    "Image",
    "ImageName",
    "ImageQuestion",
    "Input",
    "Interpreter",
    "Layer",
    "Libc",
    "Locked",
    "Output",
    "Part",
    "PipIndex",
    "Plan",
    "Platform",
    "PlatformLock",
    "PythonQuestion",
    "Questions",
    "Requirements",
    "Rule",
    "SourceFile",
    "SpecError",
    "apt",
    "attr",
    "builtins",
    "conda",
    "dockerfile",
    "ground",
    "interpreter",
    "is_compiled",
    "read_facts",
    "read_suites",
    "rule",
    "sdist_base",
]

_HOMES = {
    "Builtin": "rule.declared",
    "CondaQuestion": "lock.model",
    "Config": "rule.config",
    "Context": "rule.context",
    "Debian": "rule.debian",
    "DebianQuestion": "lock.model",
    "DeclaredAction": "rule.declared",
    "Facts": "core.platform",
    "Fetched": "rule.declared",
    "ForeignLayer": "rule.image",
    "Image": "rule.image",
    "ImageName": "oci.reference",
    "ImageQuestion": "lock.model",
    "Input": "rule.declared",
    "Interpreter": "core.platform",
    "Layer": "rule.image",
    "Libc": "core.platform",
    "Locked": "lock.model",
    "Output": "rule.declared",
    "Part": "rule.image",
    "PipIndex": "spec.conda.model",
    "Plan": "rule.layering",
    "Platform": "core.platform",
    "PlatformLock": "lock.model",
    "PythonQuestion": "lock.model",
    "Questions": "lock.model",
    "Requirements": "spec.requirements",
    "Rule": "rule.kind",
    "SYSTEM_PATH": "rule.config",
    "SourceFile": "rule.declared",
    "SpecError": "core.errors",
    "is_compiled": "rule.bytecode",
    "read_facts": "rule.facts",
    "read_suites": "rule.debian",
    "rule": "rule.kind",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `{__name__}` has no `{name}`")
    value = globals()[name] = getattr(import_module(f"envbuild.{_HOMES[name]}"), name)
    return value
