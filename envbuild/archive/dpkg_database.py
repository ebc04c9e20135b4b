"""Records of packages in dpkg's own database, as if dpkg had installed them (dpkg(1), deb-conffiles(5)).

`var/lib/dpkg/status` has a stanza for each package, `var/lib/dpkg/info` its list of paths and its control
files. Only these are read by dpkg and apt; what lies in `status.d` is for scanners.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

from envbuild.archive.deb import list_paths, read_control, read_files
from envbuild.archive.decompress import open_layer
from envbuild.archive.merged_usr import merge_usr
from envbuild.archive.nodes import File, Folder, Node
from envbuild.archive.root_facts import STATUS
from envbuild.archive.root_scan import RootScan
from envbuild.core.pattern import compile_later

_INFO: Final = "var/lib/dpkg/info"
_SCRIPTS: Final = frozenset({"preinst", "postinst", "prerm", "postrm", "config"})
_FIELD: Final = compile_later(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$", re.MULTILINE)


def record_packages(status: bytes, debs: Iterable[BinaryIO]) -> Iterator[Node]:
    """The database with further packages, which take the place of others of the same name.

    Raises ArchiveError for a damaged package.
    """
    stanzas = {_identify(stanza): stanza for stanza in _split(status.decode("utf-8", "surrogateescape"))}
    yield Folder(_INFO)
    for deb in debs:
        control = read_control(deb)
        text = control["control"].decode("utf-8", "surrogateescape").strip("\n")
        stanza = _install(text, dict(_hash_conffiles(deb, control)))
        name, architecture = _identify(stanza)
        stanzas[name, architecture] = stanza
        same = _read_fields(stanza).get("multi-arch") == "same"
        stem = f"{_INFO}/{name}:{architecture}" if same else f"{_INFO}/{name}"
        paths = "".join(f"{path}\n" for path in list_paths(deb))
        yield File(f"{stem}.list", paths.encode("utf-8", "surrogateescape"))
        for kind, data in control.items():
            if kind != "control":
                yield File(f"{stem}.{kind}", data, 0o755 if kind in _SCRIPTS else 0o644)
    merged = "".join(f"{stanza}\n\n" for stanza in stanzas.values())
    yield File(STATUS, merged.encode("utf-8", "surrogateescape"))


def read_status(layers: Iterable[BinaryIO]) -> bytes:
    """What dpkg's status is above these layers, bottom first; nothing where they have none."""
    root = RootScan(STATUS.__eq__)
    for layer in layers:
        root.add_layer(open_layer(layer))
    return root.read(STATUS)


def _split(status: str) -> Iterator[str]:
    return (stanza.strip("\n") for stanza in status.split("\n\n") if stanza.strip())


def _identify(stanza: str) -> tuple[str, str]:
    """A package's name and architecture: those of several can be installed together."""
    fields = _read_fields(stanza)
    return fields.get("package", ""), fields.get("architecture", "")


def _read_fields(stanza: str) -> dict[str, str]:
    """The first line of each field, by its name in lower case."""
    return {match[1].lower(): match[2].strip() for match in _FIELD.finditer(stanza)}


def _install(control: str, conffiles: Mapping[str, str]) -> str:
    """The stanza of a package that is installed."""
    first, _, rest = control.partition("\n")
    listed = "".join(f"\n {path} {md5}" for path, md5 in conffiles.items())
    return f"{first}\nStatus: install ok installed\n{rest}" + (f"\nConffiles:{listed}" if listed else "")


def _hash_conffiles(deb: BinaryIO, control: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """The MD5 of each configuration file of the package, by which dpkg sees later that it was changed."""
    stated = control.get("conffiles", b"").decode("utf-8", "surrogateescape").splitlines()
    places = {merge_usr(path.strip().lstrip("/")): path.strip() for path in stated if path.startswith("/")}
    files = read_files(deb, places.__contains__) if places else {}
    for place, path in places.items():
        if place in files:
            yield path, hashlib.md5(files[place], usedforsecurity=False).hexdigest()
