"""What an environment of another tool asks for, before it is a target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from envbuild.core.dataclass import dataclass
from envbuild.core.text import excerpt
from envbuild.spec.requirement_line import parse_pinned


@dataclass(frozen=True, slots=True)
class Draft:
    """What was read: `conda` and `pip` are the attributes' entries, files relative to the package.

    `explicit` and `pinned` are the lines of an explicit file and of a requirement file that are to be
    written, `sdists` the packages that are locked as source archives. `python` says that conda
    packages bring the Python, `wanted` which ones do where they do not (a specifier, "" for any).
    `name` is the environment's own, "" where it has none.
    """

    name: str = ""
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    explicit: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    sdists: tuple[str, ...] = ()
    python: bool = False
    wanted: str = ""
    notes: tuple[str, ...] = ()


def find_given_sdists(lines: Iterable[str]) -> tuple[str, ...]:
    """The packages of requirements in normal form that name the URL of an sdist."""
    return tuple(sorted({pinned.name for pinned in map(parse_pinned, lines) if pinned.sdist}))


def join_drafts(drafts: Sequence[Draft]) -> Draft:
    """Several files as one environment, of the first name that one has."""
    return Draft(
        next((draft.name for draft in drafts if draft.name), ""),
        _unique(draft.conda for draft in drafts),
        _unique(draft.pip for draft in drafts),
        _unique(draft.explicit for draft in drafts),
        _unique(draft.pinned for draft in drafts),
        tuple(sorted({name for draft in drafts for name in draft.sdists})),
        any(draft.python for draft in drafts),
        ",".join(sorted({draft.wanted for draft in drafts} - {""})),
        _unique(draft.notes for draft in drafts),
    )


def tell(what: str, names: Iterable[str]) -> str:
    """A note that lists names."""
    return f"{what}: {', '.join(f'`{excerpt(name)}`' for name in names)}"


def _unique(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for part in parts for each in part))
