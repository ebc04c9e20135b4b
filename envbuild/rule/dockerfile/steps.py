"""Instructions that change files: RUN, COPY, ADD and WORKDIR as declared actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from envbuild.archive.file_mode import is_mode
from envbuild.core.dataclass import dataclass, replace
from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.lock.check_image import GENERATION
from envbuild.oci.config import Runtime
from envbuild.rule import builtins
from envbuild.rule.context import Context
from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, Input, SourceFile
from envbuild.rule.dockerfile.downloads import is_url, read_download, refuse_git
from envbuild.rule.dockerfile.plan import has_network
from envbuild.rule.dockerfile.selection import Selected, resolve_source, select_entries
from envbuild.rule.dockerfile.settings import absolute_path, read_command
from envbuild.rule.image import ForeignLayer, Image, Layer, below_layers
from envbuild.rule.step import stack
from envbuild.spec.dockerfile.context import ContextEntry
from envbuild.spec.dockerfile.instruction import Heredoc, Instruction
from envbuild.spec.dockerfile.mount import Mount, read_mount
from envbuild.spec.dockerfile.words import expand_word

_SHOWN: Final = 60  # characters of an instruction that tell people which one it is
_HEREDOC: Final = compile_later(r"<<-?(['\"]?)([A-Za-z0-9_.]+)\1\Z")
_OCTAL: Final = compile_later(r"0*[0-7]{1,4}\Z")

FindImage = Callable[[str, Instruction], Image]


@dataclass(frozen=True, slots=True)
class Step:
    """What an instruction finds: the stage so far, the context's files, and how to expand words."""

    ctx: Context
    below: Image | None  # what lies below the stage's first layer
    layers: Sequence[Layer]
    config: Runtime
    scope: Mapping[str, str]  # variables, arguments among them
    files: Sequence[ContextEntry]
    find_image: FindImage
    escape: str

    def run(self, instruction: Instruction) -> Layer:
        """A command in the root so far."""
        if instruction.flag("security", "sandbox") != "sandbox":
            raise SpecError("`RUN --security=insecure` is not supported: it would own the machine")
        if instruction.flag("network", "none") not in ("none", "default", "host"):
            raise SpecError(f"`--network={instruction.flag('network')}` is none of `none`, `default`, `host`")
        if not self._stack:
            raise SpecError(
                "`RUN` in an empty root: its stage begins with `scratch`",
                hint="begin with a base that has a shell, or copy one from another stage",
            )
        inputs = stack(layer.blob for layer in self._stack)
        mounts = [
            self._mount(n, text, inputs, instruction)
            for n, text in enumerate(instruction.flags.get("mount", ()))
        ]
        command, scripts = self._command(instruction)
        networked = has_network(instruction)
        parameters = {
            "argv": list(command),
            "environment": dict(self.scope),
            "workdir": self.config.workdir or "/",
            "user": self.config.user,
            "network": networked,
            "generation": int(self.ctx.answer.facts[GENERATION]) if networked else 0,
            "mounts": [*mounts, *scripts],
        }
        return self._declare(builtins.RUN_STEP, parameters, inputs, instruction)

    def copy(self, instruction: Instruction) -> Layer:
        """Files of the context, of another image, or written in the Dockerfile."""
        *sources, destination = instruction.words
        if not sources:
            raise SpecError(f"{instruction.name} takes a source and a destination")
        inputs: dict[str, Input] = {}
        parameters = self._copy_parameters(instruction, destination)
        if "from" in instruction.flags:
            image = self.find_image(instruction.flag("from"), instruction)
            inputs |= {f"from/{n:03}": layer.blob for n, layer in enumerate(image.all_layers)}
            parameters |= {
                "patterns": sources,
                "exclude": list(instruction.flags.get("exclude", ())),
                "parents": instruction.is_set("parents"),
            }
        else:
            items, single = self._items(sources, instruction, inputs)
            parameters |= {"items": items, "single": single}
        if not instruction.is_set("link"):
            inputs |= below_layers(self._stack, accounts=_has_name(parameters["owner"]))
        return self._declare(builtins.COPY_LAYER, parameters, inputs, instruction)

    def workdir(self, instruction: Instruction) -> Layer:
        """The working folder, which belongs to the user of the steps where it is new."""
        parameters: dict[str, Any] = {
            "destination": f"{self.config.workdir}/",
            "owner": self.config.user,
            "mode": None,
            "unpack": False,
            "items": [],
            "single": False,
        }
        below = below_layers(self._stack, accounts=_has_name(self.config.user))
        return self._declare(builtins.COPY_LAYER, parameters, below, instruction)

    def add(self, instruction: Instruction) -> Layer:
        """As COPY; archives of the context are unpacked, and files of the web are taken from the lock."""
        for source in instruction.words[:-1]:
            refuse_git(source)
        return self.copy(instruction)

    @property
    def _stack(self) -> Sequence[ForeignLayer | Layer]:
        return (*(self.below.all_layers if self.below else ()), *self.layers)

    def _command(self, instruction: Instruction) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
        """The arguments, and the scripts that lie in files: those whose first line names who reads them."""
        match = _HEREDOC.match(instruction.words[0].strip()) if instruction.heredocs else None
        if match and len(instruction.heredocs) == 1:
            script = instruction.heredocs[0]
            if script.text.startswith("#!"):
                path = f"/dev/pipes/{script.name}"
                return (path,), [{"type": "file", "target": path, "text": script.text, "mode": 0o755}]
            return read_command(replace(instruction, words=(script.text,)), self.config), []
        # The shell reads here-documents itself; their texts are as they were written.
        texts = "".join(f"\n{each.text}{each.name}" for each in instruction.heredocs)
        if not texts:
            return read_command(instruction, self.config), []
        return read_command(replace(instruction, words=(instruction.words[0] + texts,)), self.config), []

    def _mount(self, n: int, text: str, inputs: dict[str, Input], instruction: Instruction) -> dict[str, Any]:
        mount = read_mount(text, lambda word: expand_word(word, self.scope, self.escape))
        target = absolute_path(mount.target, self.config)
        if mount.type == "bind":
            return self._bind(n, mount, target, inputs, instruction)
        if mount.type == "tmpfs":
            return {"type": "tmpfs", "target": target, "size": mount.size}
        owner = {"mode": mount.mode, "uid": mount.uid, "gid": mount.gid}
        if mount.type == "cache":
            return {"type": "cache", "target": target, "id": mount.id, "sharing": mount.sharing, **owner}
        required = {"required": mount.required, "env": mount.variable}
        return {
            "type": "secret",
            "target": target if mount.target else "",
            "id": mount.id,
            **owner,
            **required,
        }

    def _bind(
        self, n: int, mount: Mount, target: str, inputs: dict[str, Input], instruction: Instruction
    ) -> dict[str, Any]:
        source, readonly = mount.source, mount.readonly
        found = {"type": "bind", "target": target, "source": source.strip("/"), "readonly": readonly}
        if mount.origin:
            image = self.find_image(mount.origin, instruction)
            inputs |= {f"mounts/{n}/root/{m:03}": layer.blob for m, layer in enumerate(image.all_layers)}
            return found
        taken: dict[str, Input] = {}
        real = resolve_source(source, {entry.path: entry for entry in self.files})
        items = self._context_items(select_entries((real,), self.files, parents=True), taken)
        inputs |= {f"mounts/{n}/{path}": item for path, item in taken.items()}
        return {**found, "source": real, "items": items}

    def _copy_parameters(self, instruction: Instruction, destination: str) -> dict[str, Any]:
        chmod = expand_word(instruction.flag("chmod"), self.scope, self.escape)
        mode = int(chmod, 8) if _OCTAL.match(chmod) else chmod or None
        if isinstance(mode, str) and not is_mode(mode):
            raise SpecError(
                f"`--chmod={chmod[:40]}` is no mode", hint="write `--chmod=0755` or `--chmod=u=rwX,go=rX`"
            )
        place = absolute_path(destination, self.config)
        folder = destination.endswith(("/", "/.")) or destination == "."
        return {
            "destination": place.rstrip("/") + "/" if folder else place,
            "owner": expand_word(instruction.flag("chown"), self.scope, self.escape),
            "mode": mode,
            "unpack": instruction.name == "ADD",
        }

    def _items(
        self, sources: Sequence[str], instruction: Instruction, inputs: dict[str, Input]
    ) -> tuple[list[dict[str, Any]], bool]:
        """What is copied from the context and from here-documents, and whether it is one file at most."""
        texts = {each.name: each for each in instruction.heredocs}
        written = [match[2] for source in sources if texts and (match := _HEREDOC.match(source))]
        fetched = [source for source in sources if instruction.name == "ADD" and is_url(source)]
        named = [s for s in sources if not (texts and _HEREDOC.match(s)) and s not in fetched]
        items = [{"path": name, "text": self._expanded(texts[name]), "mode": 0o644} for name in written]
        items += [self._fetch(source, instruction, inputs) for source in fetched]
        excluded = instruction.flags.get("exclude", ())
        parents = instruction.is_set("parents")
        selected = select_entries(named, self.files, excluded, parents=parents) if named else ()
        single = len(items) + len(selected) == 1 and not parents and all(each.is_source for each in selected)
        taken = self._context_items(selected, inputs)
        if instruction.name == "ADD":  # of archives, those that a source names are unpacked
            whole = {each.below for each in selected if not each.is_source}
            taken = [item | {"whole": True} if item["path"] in whole else item for item in taken]
        return [*items, *taken], (single and len(sources) == 1) or not (items or taken)

    def _fetch(self, source: str, instruction: Instruction, inputs: dict[str, Input]) -> dict[str, Any]:
        """A file of the web: readable by its owner alone, as Docker has it, and unpacked by nobody."""
        checksum = expand_word(instruction.flag("checksum"), self.scope, self.escape)
        download = read_download(source, checksum)
        locked = [each for each in self.ctx.answer.artifacts if each.file == download.url]
        if not locked:
            raise SpecError(
                f"`{source[:80]}` is not locked: its URL has a variable of an image that a registry has",
                hint="write the value into the Dockerfile, or into an ARG",
            )
        name, n = urlsplit(source).path.rpartition("/")[2], len(inputs)
        if not name:
            raise SpecError(f"`{source[:80]}` names no file", hint="write its name behind the last slash")
        inputs[f"files/{n:05}"] = Fetched(locked[0])
        return {"path": name, "file": n, "mode": 0o600, "whole": True}

    def _expanded(self, heredoc: Heredoc) -> str:
        if not heredoc.expand:
            return heredoc.text
        return _expand_text(heredoc.text, self.scope, self.escape)

    def _context_items(self, selected: Sequence[Selected], inputs: dict[str, Input]) -> list[dict[str, Any]]:
        """Descriptions of entries, in order; the bytes of files are inputs of the same number."""
        items: list[dict[str, Any]] = []
        for each in selected:
            _require_text(each.entry)
            entry, n = each.entry, len(inputs)
            if entry.digest and entry.source:
                inputs[f"files/{n:05}"] = SourceFile(entry.digest, entry.executable, str(entry.source))
                items.append({"path": each.below, "file": n, "mode": 0o755 if entry.executable else 0o644})
            elif entry.target:
                items.append({"path": each.below, "target": entry.target})
            else:
                items.append({"path": each.below})
        return items

    def _declare(
        self,
        builtin: Builtin,
        parameters: Mapping[str, Any],
        inputs: Mapping[str, Input],
        instruction: Instruction,
    ) -> Layer:
        mnemonic = "RunStep" if builtin == builtins.RUN_STEP else "CopyLayer"
        line = " ".join(f"{instruction.name} {instruction.text}".split())
        shown = line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."
        stated = {**parameters, "epoch": self.ctx.epoch}
        subject = f"{instruction.location}: {shown}"
        action = DeclaredAction(builtin, stated, inputs, builtins.LAYER_OUTPUTS, mnemonic, subject)
        return Layer(action, (), shown)


def _has_name(owner: str) -> bool:
    """Whether an owner is stated by a name, of the user or of the group."""
    return any(part and not (part.isascii() and part.isdecimal()) for part in owner.split(":", 1))


def _require_text(entry: ContextEntry) -> None:
    """Raise SpecError for a name that is no text: JSON, and so every key, holds nothing else."""
    for name in (entry.path, entry.target):
        try:
            name.encode()
        except UnicodeEncodeError:
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            hint = "rename it, or leave it out by `.dockerignore`"
            raise SpecError(f"the context has a name that is no UTF-8: `{shown}`", hint=hint) from None


def _expand_text(text: str, scope: Mapping[str, str], escape: str) -> str:
    """A here-document's text: variables are replaced, quotes are characters as any other."""
    protected = re.sub(r"(['\"])", lambda quote: escape + quote[0], text)
    return expand_word(protected, scope, escape)
