"""A workspace in a folder of its own, and the real command line run in it."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.makers.workspace import write_files

_IMAGE = re.compile(r"env_[0-9a-f]{32}")


def environment(name: str = "app", **attributes: object) -> str:
    """A target of the rule `environment` for BUILD.yaml: on nothing, unless a base is stated."""
    bare = {"base": "scratch", "libc": "glibc 2.36", "python": "3.11"}
    stated = {"name": name, **({} if "base" in attributes else bare), **attributes}
    return f"- environment: {json.dumps(stated)}\n"


def name_indexes(**urls: str) -> str:
    """envbuild.yaml with these indexes in this order.

    One of them must be called `pypi`: else the machine's own one would be asked last.
    """
    assert "pypi" in urls
    sources = [{"index": {"name": alias, "url": url}} for alias, url in urls.items()]
    return f"sources: {json.dumps(sources)}\n"


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, results and diagnostics."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The results as JSON."""
        return json.loads(self.out)

    @property
    def target(self) -> dict[str, Any]:
        """The only target of a report."""
        (target,) = self.json["targets"]
        assert isinstance(target, dict)
        return target


@dataclass(frozen=True)
class Project:
    """A workspace below `top`, beside its own cache, home and folder for temporary files."""

    top: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.top / "workspace"

    @property
    def cache(self) -> Path:
        """The cache's folder."""
        return self.top / "cache"

    @property
    def environment(self) -> dict[str, str]:
        """All that a command sees of the environment."""
        home, temporary = self.top / "home", self.top / "tmp"
        for folder in (self.root, home, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "ENVBUILD_CACHE_DIR": str(self.cache),
            **self.variables,
        }

    def with_variables(self, **variables: str) -> Project:
        """The same project, seen with more environment variables."""
        return replace(self, variables={**self.variables, **variables})

    def write(self, files: Mapping[str, str | bytes]) -> Project:
        """Write files of the workspace; texts lose their common indentation."""
        write_files(self.root, files)
        return self

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `envbuild` in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "envbuild", *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Outcome:
        """Run `envbuild` in the workspace, whatever comes of it."""
        with self.start(*arguments) as process:
            out, err = process.communicate()
        return Outcome(process.returncode, out, err)

    def succeed(self, *arguments: str) -> Outcome:
        """Run `envbuild`, which must succeed."""
        outcome = self.run(*arguments)
        assert outcome.code == 0, outcome
        return outcome

    def fail(self, code: int, *arguments: str) -> str:
        """Run `envbuild`, which must fail with this exit code and leave nothing half-written.

        Returns what it says, from the first error on. A failing command has no result, and changes no
        file of the workspace.
        """
        outcome = self.refuse(code, *arguments)
        assert outcome.out == "", outcome
        lines = outcome.err.splitlines(keepends=True)
        return "".join(itertools.dropwhile(lambda line: "error: " not in line, lines))

    def fail_as_json(self, code: int, *arguments: str) -> dict[str, Any]:
        """The same with `--output json`; returns the error as programs read it."""
        outcome = self.refuse(code, *arguments, "--output", "json")
        assert "error: " in outcome.err, outcome
        (name, error), *others = outcome.json.items()
        assert (name, error["code"], others) == ("error", code, []), outcome
        assert isinstance(error, dict)
        return error

    def refuse(self, code: int, *arguments: str) -> Outcome:
        """Run `envbuild`, which must fail with this exit code and leave nothing half-written."""
        before = self.contents()
        outcome = self.run(*arguments)
        assert outcome.code == code, outcome
        assert "Traceback" not in outcome.err, outcome
        assert self.contents() == before
        assert self.leftovers() == []
        return outcome

    def contents(self) -> dict[str, bytes]:
        """All files of the workspace."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}

    def leftovers(self) -> list[str]:
        """What no finished command may leave: temporary files, and images that are not whole."""
        temporary = [*(self.top / "tmp").glob("*"), *(self.cache / "tmp").glob("*")]
        images = [path for path in self.cache.glob("images/*") if not (path / "index.json").is_file()]
        return sorted(path.relative_to(self.top).as_posix() for path in temporary + images)

    def images(self) -> list[str]:
        """The images that the store has."""
        found = [path.name for path in self.cache.glob("images/*")]
        assert all(map(_IMAGE.fullmatch, found)), found
        return sorted(found)

    def lock(self, name: str) -> dict[str, Any]:
        """A lock file's JSON."""
        loaded = json.loads((self.root / f"{name}.lock.json").read_bytes())
        assert isinstance(loaded, dict)
        return loaded
