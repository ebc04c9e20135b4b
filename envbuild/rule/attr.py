"""Attributes of rules: `attr.text(required=True, doc="...")` and its siblings.

The value that a rule gets is named in each docstring. Every attribute takes `required`, a
`default` (the value when it is not stated), and `doc`, one line for the rule's users. With the
default None, a rule can tell what is not stated from what is stated to be empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envbuild.core.platform import Platform
from envbuild.spec.attribute import Attribute, Kind


def text(
    *, required: bool = False, default: str | None = "", choices: Sequence[str] = (), doc: str = ""
) -> Attribute:
    """Text: a `str`, one of `choices` if there are any."""
    return Attribute(Kind.TEXT, required, default, doc, choices=tuple(choices))


def boolean(*, required: bool = False, default: bool = False, doc: str = "") -> Attribute:
    """`true` or `false`: a `bool`."""
    return Attribute(Kind.BOOLEAN, required, default, doc)


def integer(*, required: bool = False, default: int | None = None, doc: str = "") -> Attribute:
    """A decimal number: an `int`."""
    return Attribute(Kind.INTEGER, required, default, doc)


def text_list(
    *,
    required: bool = False,
    default: Sequence[str] | None = (),
    choices: Sequence[str] = (),
    doc: str = "",
) -> Attribute:
    """A list of texts: a `tuple[str, ...]` in the order written, each one of `choices` if there are any."""
    value = None if default is None else tuple(default)
    return Attribute(Kind.TEXT_LIST, required, value, doc, choices=tuple(choices))


def text_map(*, required: bool = False, default: Mapping[str, str] | None = None, doc: str = "") -> Attribute:
    """A mapping of texts: a `Mapping[str, str]` in the order written."""
    return Attribute(Kind.TEXT_MAP, required, dict(default or {}), doc)


def interpreter(*, doc: str = "") -> Attribute:
    """An interpreter's `path`, and whether it is `managed`: a `UserInterpreter`, or None."""
    return Attribute(Kind.INTERPRETER, required=False, default=None, doc=doc)


def label(*, required: bool = False, keywords: Sequence[str] = (), doc: str = "") -> Attribute:
    """Another target, on which this one depends: a `Label`, one of `keywords` as a `str`, or None."""
    return Attribute(Kind.LABEL, required, None, doc, keywords=tuple(keywords))


def labels(*, required: bool = False, doc: str = "") -> Attribute:
    """Other targets, on which this one depends: a `tuple[Label, ...]` in the order written."""
    return Attribute(Kind.LABELS, required, (), doc)


def label_map(*, required: bool = False, doc: str = "") -> Attribute:
    """Other targets by names of the rule's own, on which this one depends: a `Mapping[str, Label]`."""
    return Attribute(Kind.LABEL_MAP, required, {}, doc)


def context(*, default: str | None = ".", doc: str = "") -> Attribute:
    """A folder whose files steps may copy: a `tuple[ContextEntry, ...]`."""
    return Attribute(Kind.CONTEXT, required=False, default=default, doc=doc)


def dockerfile(*, required: bool = False, doc: str = "") -> Attribute:
    """A Dockerfile, by its path, or as a text of several lines: a `Dockerfile`, or None."""
    return Attribute(Kind.DOCKERFILE, required, None, doc)


def platforms(*, default: Sequence[Platform] = (Platform(),), doc: str = "") -> Attribute:
    """A list of platforms: a sorted `tuple[Platform, ...]`, never empty."""
    return Attribute(Kind.PLATFORMS, required=False, default=tuple(sorted(default)), doc=doc)


def file(*, required: bool = False, doc: str = "") -> Attribute:
    """A file of the workspace: a `FileEntry` (path, digest, executable) without destination, or None."""
    return Attribute(Kind.FILE, required, None, doc)


def files(*, required: bool = False, default: Mapping[str, str] | None = None, doc: str = "") -> Attribute:
    """Files, folders and globs with their places in the image: a `tuple[FileEntry, ...]`."""
    return Attribute(Kind.FILES, required, tuple((default or {}).items()), doc)


def wheels(*, required: bool = False, default: Sequence[str] = (), doc: str = "") -> Attribute:
    """Wheel files of the workspace: a `tuple[LocalWheel, ...]` in the order written."""
    return Attribute(Kind.WHEELS, required, tuple(default), doc)


def conda(*, required: bool = False, doc: str = "") -> Attribute:
    """A conda environment, from files or in place: a `CondaSpec`, or None."""
    return Attribute(Kind.CONDA, required, None, doc)


def requirements(*, required: bool = False, default: Sequence[str] = (), doc: str = "") -> Attribute:
    """Python requirements from files or a list: a `Requirements`."""
    return Attribute(Kind.REQUIREMENTS, required, tuple(default), doc)
