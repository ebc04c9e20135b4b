"""Drafts as rule calls at the end of a BUILD.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from envbuild.build.imports.draft import Draft
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, SpecError, UsageError
from envbuild.core.label import Label
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.publish.file import write_whole
from envbuild.spec.build_file import build_file_name
from envbuild.spec.format import format_spec
from envbuild.spec.place import Place
from envbuild.spec.positions import Shape, parse_yaml

_PLAIN = compile_later(r"[A-Za-z0-9_./-]+\Z")
_CONDA_BASE = ["libc6", "ca-certificates", "tzdata"]
_PYTHON = "3.11"
_PYTHON_BASE = ["python3.11-minimal", "libpython3.11-stdlib", "libstdc++6", "ca-certificates", "tzdata"]
_RENAME = "choose another name: `--name NAME`"

Attributes = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written: the targets, and the files by their paths in the workspace."""

    targets: tuple[Label, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Call:
    """A rule call: the rule's name, and the attributes in order."""

    rule: str
    attributes: Attributes

    @property
    def name(self) -> str:
        name = self.attributes["name"]
        assert isinstance(name, str)
        return name

    def render(self) -> str:
        return "".join([f"- {self.rule}:\n", *(f"    {line}\n" for line in self._lines())])

    def _lines(self) -> Iterator[str]:
        for key, value in self.attributes.items():
            shown = _scalar(value) if isinstance(value, str) else f"[{', '.join(map(_scalar, value))}]"
            yield f"{key}: {shown}"


def write_import(draft: Draft, place: Place, name: str, base: str) -> Imported:
    """Append the targets of a draft to a package's build file, and write its other files.

    `base` is the label of a target, "" for a Debian base of its own. Raises UsageError or SpecError with
    nothing written.
    """
    if not base and not draft.python and draft.wanted:
        _check_python(draft.wanted)
    called = name or _suggest(draft.name, place)
    _check_name(called, place)
    files = dict(_files(draft, called))
    calls = _calls(draft, called, base, list(files))
    build = place.root / build_file_name(place.package)
    data = _append(build, build_file_name(place.package), calls)
    for file in files:
        if (place.folder / file).exists():
            raise UsageError(f"`{file}` is there already", hint=_RENAME)
    written = [(place.folder / file, text.encode()) for file, text in files.items()]
    _write([*written, (build, data)])
    return Imported(
        tuple(Label(place.package, call.name) for call in calls),
        tuple(path.relative_to(place.root).as_posix() for path, _ in [*written, (build, data)]),
        draft.notes,
    )


def _check_python(wanted: str) -> None:
    from packaging.specifiers import SpecifierSet

    if not SpecifierSet(wanted).contains(f"{_PYTHON}.2"):
        raise UsageError(
            f"it is for Python `{excerpt(wanted)}`, and the Debian base that would be written has {_PYTHON}",
            hint="name a base that has one: `--base LABEL`",
        )


def _check_name(name: str, place: Place) -> None:
    if not _is_label("", name):
        hint = f"write `--name {_suggest(name, place)}`"
        raise UsageError(f"`{excerpt(name)}` is no name of a target", hint=hint)
    if not _is_label(place.package, name):
        raise UsageError(
            f"the folder `{excerpt(place.package)}` can have no targets",
            hint="rename it: letters, digits and `_.+-` make a name",
        )


def _is_label(package: str, name: str) -> bool:
    try:
        Label.checked(package, name, name)
    except SpecError:
        return False
    return True


def _suggest(name: str, place: Place) -> str:
    """A target's name from an environment's, else from the folder's."""
    found = re.sub(r"[^A-Za-z0-9_.+-]+", "-", name or place.folder.resolve().name).strip("-.+")[:100]
    return found or "environment"


def _files(draft: Draft, name: str) -> Iterator[tuple[str, str]]:
    if draft.explicit:
        yield f"{name}.explicit.txt", "".join(f"{line}\n" for line in draft.explicit)
    if draft.pinned:
        yield f"{name}.requirements.txt", "".join(f"{line}\n" for line in draft.pinned)


def _calls(draft: Draft, name: str, base: str, files: Sequence[str]) -> list[_Call]:
    conda = [*draft.conda, *(file for file in files if file.endswith(".explicit.txt"))]
    pip = [*draft.pip, *(file for file in files if file.endswith(".requirements.txt"))]
    packages = _CONDA_BASE if draft.python else _PYTHON_BASE
    own = _Call("debian_base", {"name": f"{name}-base", "suite": "bookworm", "packages": packages})
    attributes: dict[str, str | Sequence[str]] = {"name": name, "base": base or f":{name}-base"}
    if conda:
        attributes["conda"] = conda[0] if len(conda) == 1 else conda
    if pip:
        attributes["pip"] = pip[0] if len(pip) == 1 else pip
    if draft.sdists:
        attributes["sdists"] = draft.sdists
    return [*([] if base else [own]), _Call("environment", attributes)]


def _append(build: Path, shown: str, calls: Sequence[_Call]) -> bytes:
    """The build file with the calls at its end; what it has stays as it is, byte for byte."""
    before = build.read_bytes() if build.is_file() else b""
    document = parse_yaml(before, shown)
    if document.shape not in (Shape.LIST, Shape.NULL):
        raise UsageError(f"`{shown}` is no list of calls", hint="write one, or import in another folder")
    taken = {
        entry.value.entries["name"].value.text
        for item in document.items
        for entry in item.entries.values()
        if "name" in entry.value.entries
    }
    for call in calls:
        if call.name in taken:
            raise UsageError(f"`{shown}` has a target `{call.name}`", hint=_RENAME)
    added = format_spec("\n".join(call.render() for call in calls).encode(), shown)
    end = b"" if not before or before.endswith(b"\n") else b"\n"
    gap = b"\n" if document.items else b""
    data = before + end + gap + added
    if not _has(data, shown, len(document.items) + len(calls)):
        hint = "write its list in lines that begin with `-`"
        raise UsageError(f"nothing can be appended to `{shown}`", hint=hint)
    return data


def _has(data: bytes, shown: str, calls: int) -> bool:
    """Whether a build file is still one, with so many calls."""
    try:
        return len(parse_yaml(data, shown).items) == calls
    except EnvbuildError:
        return False


def _write(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write files in order, the build file last; where one fails, those before are taken back."""
    done: list[Path] = []
    try:
        for path, data in files:
            write_whole(path, [data])
            done.append(path)
    except BaseException:
        for path in done:
            path.unlink(missing_ok=True)
        raise


def _scalar(text: str) -> str:
    """A text as YAML 1.1 reads it back as one."""
    plain = _PLAIN.match(text) and parse_yaml(text.encode(), "").shape is Shape.TEXT
    return text if plain else json.dumps(text, ensure_ascii=False)
