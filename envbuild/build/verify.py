"""Building again under other conditions, in a store of its own, and comparing the images.

A second process makes everything anew from the fetched artifacts alone: no result of an action is
shared. What could leak into bytes differs: order and number of actions at once, umask, time zone,
locale, hash seed, folders, and the environment's `SOURCE_DATE_EPOCH`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from envbuild.build.difference import Side, find_difference
from envbuild.build.plan import find_artifacts
from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import BuildError, EnvbuildError, ExitCode
from envbuild.graph.analyze import Configured
from envbuild.graph.goal import name_image
from envbuild.oci.image import Image
from envbuild.publish.layout import LocalImages
from envbuild.publish.naming import Naming
from envbuild.rule.declared import walk
from envbuild.store.disk import DiskStore

_UMASK: Final = 0o037
_VARIABLES: Final = {
    "LC_ALL": "tr_TR.UTF-8",
    "PYTHONHASHSEED": "4711",
    # File names stay readable where the machine does not have that locale.
    "PYTHONUTF8": "1",
    "SOURCE_DATE_EPOCH": "1234567890",
    "TZ": "Pacific/Chatham",
}


@dataclass(frozen=True, slots=True)
class Verified:
    """A target built twice; `difference` says where the second image differs first, "" if it is equal."""

    label: str
    image: str
    digest: str
    again: str
    difference: str

    def to_json(self) -> dict[str, Any]:
        """The object that `--output json` prints of the target."""
        return {
            "label": self.label,
            "image": self.image,
            "digest": self.digest,
            "again": self.again,
            "same": self.digest == self.again,
            "difference": self.difference,
        }


class SecondBuildFailed(EnvbuildError):
    """What the second build says went wrong; the exit code is its own."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"the second build failed:\n{text}")
        self.exit_code = ExitCode(code) if code in set(ExitCode) else ExitCode.BUILD


class NotReproducible(BuildError):
    """A second build made another image."""

    def __init__(self, verified: Verified) -> None:
        super().__init__(
            f"`{verified.label}` came out otherwise when it was built again: {verified.difference}",
            hint="run `envbuild cache verify` to see whether the store is damaged; "
            f"else tell us, with the actions that `envbuild aquery {verified.label}` shows",
        )


@dataclass(frozen=True, slots=True)
class Verifier:
    """Builds targets again. `jobs` are those of the first build, `variables` the environment."""

    store: DiskStore
    workspace: Path
    naming: Naming
    variables: Mapping[str, str]
    jobs: int

    def verify(self, built: Sequence[tuple[Configured, Image]], folder: Path) -> tuple[Verified, ...]:
        """Build the targets again below `folder`, which is empty, and compare them with these images.

        Raises SecondBuildFailed.
        """
        again = DiskStore(folder / "cache")
        temporary = folder / "tmp"
        temporary.mkdir()
        self._share_artifacts([target for target, _ in built], again)
        names = self._build([str(target.label) for target, _ in built], again.root, temporary)
        images = LocalImages(again.root, again)
        return tuple(
            self._compare(target, image, names[str(target.label)], images, again) for target, image in built
        )

    def _share_artifacts(self, targets: Sequence[Configured], again: DiskStore) -> None:
        """Let the second store have what was fetched, by links: it never writes what is there."""
        again.blobs.mkdir(parents=True)
        for artifact in find_artifacts(walk(*(target.action for target in targets))).values():
            digest = Digest(artifact.sha256, artifact.size)
            if self.store.has(digest):
                (again.blobs / digest.hash).symlink_to(self.store.path(digest).absolute())

    def _build(self, labels: Sequence[str], cache: Path, temporary: Path) -> dict[str, str]:
        """Build in another process; returns the names of the images by label."""
        jobs = 1 if self.jobs > 1 else 3
        # -P: a folder `envbuild` of the workspace is not our package.
        command = [sys.executable, "-P", "-m", "envbuild", "build", *labels, "--no-memo", "--reverse"]
        command += ["--jobs", str(jobs), "--workspace", str(self.workspace), "--cache-dir", str(cache)]
        done = subprocess.run(
            [*command, "--output", "json", "--quiet", "--color", "never"],
            env={**self.variables, **_VARIABLES, "TMPDIR": str(temporary)},
            umask=_UMASK,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise SecondBuildFailed(done.returncode, done.stderr.strip())
        targets = json.loads(done.stdout)["targets"]
        return {target["label"]: name_image(target["definition"]) for target in targets}

    def _compare(
        self, target: Configured, image: Image, name: str, images: LocalImages, again: DiskStore
    ) -> Verified:
        second = images.find(name, target.foreign)
        if second is None:
            raise BuildError(f"the second build of `{target.label}` left no image `{name}`")
        if name != target.name:
            difference = f"its name, which became `{name}`"
        else:
            difference = find_difference(target, Side(image, self.store), Side(second, again))
        published = self.naming.name(target.hash)
        return Verified(str(target.label), published, str(image.digest), str(second.digest), difference)
