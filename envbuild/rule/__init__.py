"""The public API that rules are written against (docs/rules.md)."""

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
from envbuild.rule import apt, attr, builtins, conda, dockerfile, ground, interpreter
from envbuild.rule.bytecode import is_compiled
from envbuild.rule.config import SYSTEM_PATH, Config
from envbuild.rule.context import Context
from envbuild.rule.debian import Debian
from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, Input, Output, SourceFile
from envbuild.rule.facts import read_facts
from envbuild.rule.image import ForeignLayer, Image, Layer, Part
from envbuild.rule.layering import Plan
from envbuild.rule.rule import Rule, rule
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
    "rule",
]
