"""Python requirements, from files and from the build file, in one normal form.

The line format is pip's ("Requirements File Format"), less what a lock cannot hold: options that
name indexes (envbuild.yaml does), editable installs, version control and source archives.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import EnvbuildError, ErrorGroup, Location, SpecError
from envbuild.core.text import excerpt
from envbuild.spec.pyproject import Positioned, read_pyproject
from envbuild.spec.requirement_line import Pinned, parse_pinned
from envbuild.spec.requirement_text import NESTED, is_path, logical_lines, split_file, split_option
from envbuild.spec.wheels import SDIST, LocalWheel, read_local_wheel, resolve_path

_MAX_BYTES = 4 << 20
_MAX_DEPTH = 100
_HARMLESS = frozenset({"--require-hashes", "--prefer-binary", "--only-binary"})
_INDEXES = frozenset(
    {"-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host"}
)


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a target asks of Python packages, normalised and sorted: order and comments are gone.

    `files` are the files that were read, for whoever wants to know when to read them again.
    """

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    wheels: tuple[LocalWheel, ...] = ()
    files: tuple[Path, ...] = field(default=(), compare=False)


def read_requirements(entries: Sequence[Positioned], folder: Path, root: Path) -> Requirements:
    """Read requirements, and the files that entries name, relative to `folder` and inside `root`.

    An entry is a requirement, the path of a wheel or an sdist, or a file: `*.txt`, `*.in`, or `*.toml` with
    optional extras or dependency groups (`pyproject.toml[dev]`). Raises ErrorGroup with all errors.
    """
    reader = _Reader(folder, root)
    for text, location in entries:
        reader.read_entry(text, location)
    if reader.errors:
        raise ErrorGroup(reader.errors)
    return Requirements(
        tuple(sorted(reader.requirements)),
        tuple(sorted(reader.constraints)),
        tuple(sorted(reader.wheels.values(), key=lambda wheel: wheel.file)),
        tuple(sorted(reader.files)),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where lines stand: the folder that their paths are relative to, and their role."""

    folder: Path
    constraint: bool = False
    depth: int = 0  # how many files name each other to get here


class _Reader:
    """What has been read so far, and what was wrong with it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.requirements: set[str] = set()
        self.constraints: set[str] = set()
        self.wheels: dict[str, LocalWheel] = {}
        self.files: set[Path] = set()
        self.errors: list[EnvbuildError] = []
        self._folder = folder
        self._root = root.resolve()
        self._seen: set[tuple[object, ...]] = set()

    def read_entry(self, text: str, location: Location) -> None:
        """Read a file's name with its groups, or a line."""
        place = _Place(self._folder)
        named = split_file(text)
        try:
            if named:
                self._read_file(*named, place)
            else:
                self._read_line(text, place)
        except EnvbuildError as error:
            self.errors.append(_located(error, location))

    def _read_file(self, name: str, groups: Sequence[str], place: _Place) -> None:
        path = resolve_path(place.folder / name)
        try:
            shown = path.relative_to(self._root).as_posix()
        except ValueError:
            raise SpecError(
                f"`{excerpt(name)}` lies outside of the workspace", hint="copy it into the workspace"
            ) from None
        if not path.is_file():
            raise SpecError(f"there is no file `{excerpt(shown)}`", hint="check the path")
        # Files may include each other; a file may be read once per role and set of groups.
        key = (path, place.constraint, *groups)
        self.files.add(path)
        if key in self._seen:
            return
        self._seen.add(key)
        if place.depth == _MAX_DEPTH:
            raise SpecError(
                f"requirement files name each other over {_MAX_DEPTH} levels", hint="put some into one"
            )
        inside = _Place(path.parent, place.constraint, place.depth + 1)
        lines = _numbered(path, shown, groups)
        usual = _read_usual(lines, constraint=place.constraint)
        (self.constraints if place.constraint else self.requirements).update(usual)
        for line, text in lines if not usual else ():
            try:
                self._read_line(text, inside)
            except EnvbuildError as error:
                self.errors.append(_located(error, Location(shown, line)))

    def _read_line(self, text: str, place: _Place) -> None:
        if text.startswith("-"):
            self._read_option(text, place)
        elif is_path(text):
            self._read_wheel(text, place)
        else:
            self._keep(text, place)

    def _read_option(self, text: str, place: _Place) -> None:
        option, value = split_option(text)
        if option in NESTED:
            if "://" in value:
                raise SpecError(f"`{excerpt(option)}` names a URL", hint="copy the file into the workspace")
            constraint = place.constraint or NESTED[option]
            self._read_file(value, (), _Place(place.folder, constraint, place.depth))
        elif option not in _HARMLESS:
            raise _refused_option(option)

    def _read_wheel(self, text: str, place: _Place) -> None:
        if place.constraint:
            raise SpecError(
                f"the constraint `{excerpt(text)}` is a path", hint="constraints state versions: `name<2`"
            )
        if not text.endswith((".whl", SDIST)):
            raise SpecError(
                f"`{excerpt(text)}` is not the path of a wheel",
                hint="build a wheel; for extras or a marker, list it under `wheels` and its name under `pip`",
            )
        wheel = read_local_wheel(place.folder / text, self._root, sdists=True)
        self.files.add(Path(wheel.path))
        self.wheels[wheel.file] = wheel

    def _keep(self, text: str, place: _Place) -> None:
        pinned = parse_pinned(text)
        if not place.constraint:
            self.requirements.add(pinned.text)
        elif not _is_constraint(pinned):
            raise SpecError(
                f"the constraint on `{pinned.name}` states more than versions", hint="write `name<2`"
            )
        else:
            self.constraints.add(pinned.text)


# A file that many targets share is judged once.
@lru_cache(maxsize=256)
def _read_usual(lines: tuple[tuple[int, str], ...], *, constraint: bool) -> frozenset[str]:
    """What a file says that holds requirements only; nothing where any line is another, or wrong."""
    if any(text.startswith("-") or is_path(text) for _, text in lines):
        return frozenset()
    try:
        found = [parse_pinned(text) for _, text in lines]
    except SpecError:
        return frozenset()
    if constraint and not all(map(_is_constraint, found)):
        return frozenset()
    return frozenset(pinned.text for pinned in found)


def _is_constraint(pinned: Pinned) -> bool:
    """Whether it states nothing but versions."""
    return not (pinned.extras or pinned.has_url)


def _located(error: EnvbuildError, location: Location) -> EnvbuildError:
    """The error at its own position, or at this one."""
    if error.location is not None or isinstance(error, ErrorGroup):
        return error
    return SpecError(error.message, hint=error.hint, location=location)


def _refused_option(option: str) -> SpecError:
    if option in _INDEXES:
        return SpecError(
            f"`{option}` does not belong into requirements",
            hint="name the index under `sources:` in envbuild.yaml",
        )
    if option in ("-e", "--editable"):
        return SpecError(
            "an editable requirement cannot be locked", hint="build a wheel, and write its path: `./x.whl`"
        )
    return SpecError(f"the option `{excerpt(option)}` is not supported", hint="remove it")


def _numbered(path: Path, shown: str, groups: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """The requirements of a file, each with the number of its line (0: unknown)."""
    if path.stat().st_size > _MAX_BYTES:
        raise SpecError(f"`{shown}` is over {_MAX_BYTES >> 20} MiB", hint="name a requirements file")
    try:
        if path.suffix == ".toml":
            return tuple((location.line, text) for text, location in read_pyproject(path, shown, groups))
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError(f"`{shown}` is not UTF-8", hint="save it as UTF-8") from None
    if groups:
        raise SpecError(f"`{shown}` has no extras: only a pyproject.toml has", hint="remove the brackets")
    return logical_lines(text)
