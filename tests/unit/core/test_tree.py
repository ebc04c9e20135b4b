from __future__ import annotations

from typing import Any

import pytest

from envbuild.core.digest import Digest
from envbuild.core.tree import FileNode, Node, SymlinkNode, build_tree
from tests.makers.reapi import message

A, B = Digest.of(b"a"), Digest.of(b"b")


def as_message(digest: Digest) -> Any:
    return message("Digest")(hash=digest.hash, size_bytes=digest.size)


def test_a_tree_is_protobufs_directories() -> None:
    file, folder, link = message("FileNode"), message("DirectoryNode"), message("SymlinkNode")
    below = message("Directory")(files=[file(name="tool", digest=as_message(B), is_executable=True)])
    data = below.SerializeToString()
    root = message("Directory")(
        files=[file(name="Z", digest=as_message(A)), file(name="a", digest=as_message(A))],
        directories=[folder(name="bin", digest=as_message(Digest.of(data)))],
        symlinks=[link(name="latest", target="../a")],
    )
    nodes: dict[str, Node] = {
        "latest": SymlinkNode("../a"),
        "a": FileNode(A),
        "bin/tool": FileNode(B, executable=True),
        "Z": FileNode(A),
    }
    tree = build_tree(nodes)
    assert tree.root == Digest.of(root.SerializeToString())
    assert tree.directories == {tree.root: root.SerializeToString(), Digest.of(data): data}


def test_names_are_in_order_of_their_bytes() -> None:
    # In UTF-16, as some languages sort, U+FF01 comes after U+1F600; in UTF-8 before.
    names = ["\uff01", "\U0001f600"]
    tree = build_tree({name: FileNode(A) for name in reversed(names)})
    parsed = message("Directory").FromString(tree.directories[tree.root])
    assert [node.name for node in parsed.files] == names


def test_an_empty_tree_is_the_empty_message() -> None:
    assert build_tree({}).root == Digest.of(b"")


BASE: dict[str, Node] = {"a": FileNode(A), "bin/tool": FileNode(B), "link": SymlinkNode("a")}


@pytest.mark.parametrize(
    "change",
    [
        {"a": FileNode(B)},
        {"a": FileNode(A, executable=True)},
        {"a": SymlinkNode("b")},
        {"link": SymlinkNode("b")},
        {"new": FileNode(A)},
        {"bin/new": FileNode(A)},
    ],
)
def test_every_change_changes_the_root(change: dict[str, Node]) -> None:
    assert build_tree({**BASE, **change}).root != build_tree(BASE).root


def test_a_rename_changes_the_root() -> None:
    renamed = {("b" if path == "a" else path): node for path, node in BASE.items()}
    assert build_tree(renamed).root != build_tree(BASE).root


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b"])
def test_a_path_must_be_relative_and_plain(path: str) -> None:
    with pytest.raises(ValueError, match="not a relative path"):
        build_tree({path: FileNode(A)})


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b", "a")])
def test_a_file_is_no_folder(paths: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"below a file|there twice"):
        build_tree({path: FileNode(A) for path in paths})
