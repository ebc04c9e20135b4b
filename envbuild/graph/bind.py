"""From a declared action to the REAPI action on real contents."""

from __future__ import annotations

from collections.abc import Callable

from envbuild.core.action import Action, Command
from envbuild.core.digest import Digest
from envbuild.core.tree import FileNode, build_tree
from envbuild.core.wire import canonical_json
from envbuild.rule.builtins import DEFINITION, INPUTS, PARAMETERS
from envbuild.rule.declared import DeclaredAction, Input, Output, SourceFile

OutputDigest = Callable[[Output], Digest]


def bind_action(declared: DeclaredAction, output_digest: OutputDigest) -> Action:
    """The action with its input root: parameters as a file, each input at `inputs/<path>`.

    `output_digest` gives the real digest of an output of an action that ran before. Equal contents
    give equal keys, whatever was declared: that is the early cutoff.
    """
    inline = _inline_files(declared)
    contents = {path: _content(item, output_digest) for path, item in declared.inputs.items()}
    nodes = {name: FileNode(Digest.of(data)) for name, data in inline.items()}
    nodes |= {f"{INPUTS}/{path}": node for path, node in contents.items()}
    builtin = declared.builtin
    tree = build_tree(nodes)
    return Action(
        command=Command(("envbuild", builtin.name, str(builtin.version)), tuple(sorted(declared.outputs))),
        tree=tree,
        inputs={path: node.digest for path, node in contents.items()},
        inline=inline,
        mnemonic=declared.mnemonic,
        subject=declared.subject,
        id=declared.definition,
    )


def _inline_files(declared: DeclaredAction) -> dict[str, bytes]:
    files = {PARAMETERS: canonical_json(dict(declared.parameters))}
    if declared.stamped:
        files[DEFINITION] = declared.definition.encode()
    return files


def _content(item: Input, output_digest: OutputDigest) -> FileNode:
    if isinstance(item, Output):
        return FileNode(output_digest(item))
    return FileNode(item.digest, isinstance(item, SourceFile) and item.executable)
