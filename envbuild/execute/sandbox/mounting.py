"""The mounts that a `run_step` action states, as those of a sandbox."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.caches import Caches
from envbuild.execute.sandbox.roots import Blob, Roots
from envbuild.execute.sandbox.sandbox import Bind, CacheFolder, HeldFile, Memory, Mount, Stage

Secrets = Mapping[str, Callable[[], bytes]]
"""What gives the value of a secret, by its id."""

Inputs = Mapping[str, Blob]


@dataclass(slots=True)
class Stated:
    """A step's mounts, the variables that come from secrets, and what must not be told of it."""

    mounts: list[Mount] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    secrets: list[bytes] = field(default_factory=list)


class Mounting:
    """Makes mounts of what actions state; trees of files get their times from `epoch`."""

    def __init__(self, roots: Roots, caches: Caches, secrets: Secrets, epoch: int) -> None:
        self._roots = roots
        self._caches = caches
        self._secrets = secrets
        self._epoch = epoch

    @contextmanager
    def open(self, mounts: Sequence[Mapping[str, Any]], inputs: Inputs, folder: Path) -> Iterator[Stated]:
        """The mounts, usable within the block; `folder` takes trees of files. Raises EnvbuildError."""
        stated = Stated()
        with ExitStack() as stack:
            for number, mount in enumerate(mounts):
                below = {
                    path.removeprefix(f"mounts/{number}/"): blob
                    for path, blob in inputs.items()
                    if path.startswith(f"mounts/{number}/")
                }
                self._add(mount, below, folder / str(number), stack, stated)
            yield stated

    def _add(
        self, mount: Mapping[str, Any], below: Inputs, folder: Path, stack: ExitStack, stated: Stated
    ) -> None:
        match mount["type"]:
            case "secret":
                self._add_secret(mount, stated)
            case "cache":
                source = stack.enter_context(self._caches.open(mount["id"], mount["sharing"]))
                owner = (mount["mode"], mount["uid"], mount["gid"])
                stated.mounts.append(CacheFolder(source, mount["target"], *owner))
            case "file":
                stated.mounts.append(HeldFile(mount["target"], mount["text"].encode(), mount["mode"]))
            case "tmpfs":
                stated.mounts.append(Memory(mount["target"], mount["size"]))
            case "bind" if "items" in mount:
                stated.mounts.append(self._tree(mount, below, folder))
            case _:
                layers = [blob for _, blob in sorted(below.items())]
                roots = tuple(self._roots.unpack(layers))
                place = (mount["source"], mount["target"], mount["readonly"])
                stated.mounts.append(Stage(roots, *place))

    def _add_secret(self, mount: Mapping[str, Any], stated: Stated) -> None:
        read = self._secrets.get(mount["id"])
        if read is None:
            if mount["required"]:
                name = mount["id"]
                raise BuildError(
                    f"the secret `{name}` is not given", hint=f"give it: `--secret id={name},...`"
                )
            return
        value = read()
        stated.secrets.append(value)
        if mount["env"]:
            stated.variables[mount["env"]] = os.fsdecode(value)
        else:
            stated.mounts.append(HeldFile(mount["target"], value, mount["mode"], mount["uid"], mount["gid"]))

    def _tree(self, mount: Mapping[str, Any], below: Inputs, folder: Path) -> Bind:
        """A part of the build context, copied: a step must not get at the store's own."""
        folder.mkdir()
        for item in mount["items"]:
            self._put(item, _below(folder, item["path"]), below)
        for above, _, _ in os.walk(folder):
            Path(above).chmod(0o755)
            os.utime(above, (self._epoch, self._epoch))
        place = _below(folder, mount["source"])
        if not place.exists():
            source, target = mount["source"], mount["target"]
            raise BuildError(f"there is no `{source}` in the build context to mount at `{target}`")
        return Bind(place, mount["target"], mount["readonly"])

    def _put(self, item: Mapping[str, Any], place: Path, below: Inputs) -> None:
        """A file, a link as it is, or a folder."""
        place.parent.mkdir(parents=True, exist_ok=True)
        if "file" in item:
            shutil.copyfile(below[f"files/{item['file']:05}"].path, place)
            place.chmod(item["mode"])
        elif "target" in item:
            place.symlink_to(item["target"])
        else:
            place.mkdir(exist_ok=True)
        os.utime(place, (self._epoch, self._epoch), follow_symlinks=False)


def _below(folder: Path, path: str) -> Path:
    """A place in a folder; raises BuildError for one outside."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BuildError(f"`{path}` leads out of the build context")
    return folder.joinpath(*parts)
