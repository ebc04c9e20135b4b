"""The builtin that copies files onto a root which is known by its layers."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from envbuild.archive.copy_layer import (
    CopyWriter,
    Destination,
    Owner,
    copy_nodes,
    find_suffix,
    read_owner,
    unpack_archive,
)
from envbuild.archive.decompress import MAX_LAYER, ForwardReader, open_compressed, open_layer
from envbuild.archive.layer import LayerWriter
from envbuild.archive.listing import parse_listing
from envbuild.archive.root_scan import Node, RootScan, clean_path
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.execute.layers import finish_layer
from envbuild.rule.builtins import LAYER, LISTING
from envbuild.spec.dockerfile.patterns import (
    compile_glob,
    compile_tree,
    has_wildcard,
    is_ignored,
    read_exclusions,
    split_pattern,
)

_ROOT: Final = Node(tarfile.DIRTYPE)
_ACCOUNTS: Final = frozenset({"etc/passwd", "etc/group"})


def make_copy_layer(job: Job) -> None:
    """Files of the context, or of another image's layers, at a destination."""
    options = job.parameters
    root = RootScan(lambda path: path in _ACCOUNTS)
    for listing, layer in _groups(job.inputs, "below/"):
        _add_layer(root, listing, layer)
    writer = LayerWriter(job.outputs[LAYER], epoch=options["epoch"])
    owner = read_owner(options["owner"], root)
    copies = CopyWriter(root, writer, Destination(options["destination"], options["mode"], owner))
    if "patterns" in options:
        _copy_from_image(job, copies)
    else:
        _copy_items(job, copies)
    finish_layer(job, copies.finish())


def _nothing(path: str) -> bool:
    """Of which files the contents are kept: of none."""
    return not path


def _open(stack: ExitStack, path: Path) -> ForwardReader:
    return open_layer(stack.enter_context(path.open("rb")))


def _groups(inputs: Mapping[str, Path], prefix: str) -> Iterator[tuple[Path, Path | None]]:
    """Layers' listings, from the bottom up, each with the layer where names of users may be asked for."""
    names = sorted({path.split("/")[1] for path in inputs if path.startswith(prefix)})
    for name in names:
        layer = f"{prefix}{name}/{LAYER}"
        yield inputs[f"{prefix}{name}/{LISTING}"], inputs.get(layer)


def _add_layer(root: RootScan, listing: Path, layer: Path | None) -> None:
    entries = parse_listing(listing.read_bytes())
    if layer is None or _ACCOUNTS.isdisjoint(entry.path for entry in entries):
        root.add_listing(entries)
        return
    with ExitStack() as stack:
        root.add_layer(_open(stack, layer))


def _copy_items(job: Job, copies: CopyWriter) -> None:
    if not job.parameters["single"]:
        copies.top()
    for item in job.parameters["items"]:
        _copy_item(item, job, copies)


def _copy_item(item: Mapping[str, Any], job: Job, copies: CopyWriter) -> None:
    below, root = item["path"], Owner(0, 0)
    single = job.parameters["single"]
    if "text" in item:
        copies.text(copies.place(below, single=single), item["text"].encode(), item["mode"])
    elif "target" in item:
        copies.link(copies.place(below, single=single), item["target"], root)
    elif "file" in item:
        _copy_file(item, job.inputs[f"files/{item['file']:05}"], copies, job)
    elif below:
        copies.folder(copies.place(below), 0o755, root)


def _copy_file(item: Mapping[str, Any], source: Path, copies: CopyWriter, job: Job) -> None:
    with source.open("rb") as file:
        unpacked = job.parameters["unpack"] and not item.get("whole")
        suffix = find_suffix(file) if unpacked else None
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if suffix is None:
            path = copies.place(item["path"], single=job.parameters["single"])
            copies.file(path, file, size, item["mode"], Owner(0, 0))
        else:
            unpack_archive(open_compressed(file, suffix, limit=MAX_LAYER), copies)


def _copy_from_image(job: Job, copies: CopyWriter) -> None:
    layers = [path for name, path in sorted(job.inputs.items()) if name.startswith("from/")]
    source = RootScan(_nothing)
    for layer in layers:
        with ExitStack() as stack:
            source.add_layer(_open(stack, layer))
    options = job.parameters
    chosen, single = _choose(source, options["patterns"], options["exclude"], parents=options["parents"])
    with ExitStack() as stack:
        copy_nodes(chosen, [_open(stack, layer) for layer in layers], copies, single=single)


def _choose(
    source: RootScan, patterns: Sequence[str], excluded: Sequence[str], *, parents: bool
) -> tuple[Mapping[str, Node], bool]:
    """Nodes by their path below the destination, and whether it is one file."""
    refused = read_exclusions(excluded)
    chosen: dict[str, Node] = {}
    single = len(patterns) == 1 and not parents
    for pattern in patterns:
        if parents:
            taken = dict(_take_with_parents(source, pattern))
        else:
            named = _find(source, pattern)
            taken = {below: node for each in named for below, node in _take(source, each)}
            single = single and "" not in taken
        chosen |= {
            below: node for below, node in taken.items() if not below or not is_ignored(refused, below)
        }
    return chosen, single and len(chosen) == 1


def _find(source: RootScan, pattern: str) -> Sequence[str]:
    """The paths that a pattern names, those that lead to something; only one with wildcards may name none."""
    path = clean_path(pattern)
    if has_wildcard(path):
        named, below = split_pattern(path)
        folder = source.resolve(named)
        if folder and folder not in source.nodes:
            raise _missing(named)
        prefix, matches = f"{folder}/" if folder else "", compile_glob(below).fullmatch
        found = (known for known in sorted(source.nodes) if known.startswith(prefix))
        return [known for known in found if matches(known.removeprefix(prefix)) and source.exists(known)]
    if source.resolve(path) and not source.exists(path):
        raise _missing(pattern)
    return [path]


def _missing(pattern: str) -> BuildError:
    return BuildError(f"`{pattern}` is not in the image that it is copied from")


def _take(source: RootScan, named: str) -> Iterator[tuple[str, Node]]:
    """What a path gives: links that it leads through are followed, those below a folder are not."""
    root = source.resolve(named)
    node = source.nodes.get(root, _ROOT)
    if not node.is_folder:
        yield posixpath.basename(named), node
        return
    yield "", node
    prefix = f"{root}/" if root else ""
    for path, below in source.nodes.items():
        if path.startswith(prefix) and path != root:
            yield path.removeprefix(prefix), below


def _take_with_parents(source: RootScan, pattern: str) -> Iterator[tuple[str, Node]]:
    """What a pattern gives with its path, which begins behind `/./`, and the folders on it."""
    above, pivot, named = pattern.partition("/./")
    root = source.resolve(clean_path(above)) if pivot else ""
    wanted, prefix = clean_path(named if pivot else pattern), f"{root}/" if root else ""
    matches = compile_tree(wanted).regex.match
    nodes = {
        path.removeprefix(prefix): node for path, node in source.nodes.items() if path.startswith(prefix)
    }
    found = [path for path in nodes if not wanted or matches(path)]
    if not found and not has_wildcard(wanted):
        raise _missing(pattern)
    for path in found:
        folder = path
        while folder := folder.rpartition("/")[0]:
            yield folder, nodes[folder]
        yield path, nodes[path]
