"""What an attribute of a rule may hold."""

from __future__ import annotations

from enum import Enum
from typing import Any

from envbuild.core.dataclass import dataclass


class Kind(str, Enum):
    """An attribute's type, in the words of error texts."""

    TEXT = "text"
    BOOLEAN = "`true` or `false`"
    INTEGER = "an integer"
    TEXT_LIST = "a list of texts"
    TEXT_MAP = "a mapping of texts"
    INTERPRETER = "a path, or a mapping of `path` and `managed`"
    LABEL = "a label"
    LABELS = "a list of labels"
    LABEL_MAP = "a mapping of names to labels"
    PLATFORMS = "a list of platforms"
    FILE = "a file"
    FILES = "a mapping of sources to destinations"
    WHEELS = "a list of wheel files"
    CONTEXT = "a folder"
    DOCKERFILE = "a file, or the text of a Dockerfile"
    CONDA = "a file, a list of files, or a conda environment as a mapping"
    REQUIREMENTS = "a file or a list of files or requirements"


@dataclass(frozen=True, slots=True)
class UserInterpreter:
    """An interpreter that a user names by its path; `managed` says that packages are put beside it."""

    path: str
    managed: bool = True


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute's type and rules: `choices` are the only texts allowed, `keywords` words beside labels."""

    kind: Kind
    required: bool = False
    default: Any = None
    doc: str = ""
    choices: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
