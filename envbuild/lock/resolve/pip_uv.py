"""Resolves Python packages with uv: one fast run, for any target."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import EnvbuildError, ResolveError
from envbuild.core.pattern import compile_later
from envbuild.lock.model import PlatformLock, PythonQuestion
from envbuild.lock.resolve.answer import Descriptions, answer_question, check_local_wheels
from envbuild.lock.resolve.candidates import Candidate, WheelFile, choose_local_wheels
from envbuild.lock.resolve.given_sdists import GivenSdists, read_given_sdists
from envbuild.lock.resolve.owner import check_reachable
from envbuild.lock.resolve.sdists import Sdists
from envbuild.lock.resolve.stand_in import StandIns, write_stand_ins
from envbuild.lock.resolve.uv_failure import explain_failure
from envbuild.lock.resolve.uv_inputs import (
    OpenIndexes,
    open_indexes,
    python_version,
    target_name,
    write_inputs,
)
from envbuild.spec.wheels import LocalWheel, parse_wheel_name

# A project's name (PEP 508): an upgrade may name Debian packages and images, too.
_PACKAGE = compile_later(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
# Where certificates, proxies, logins and the cache are, and how patient to be: nothing changes an answer.
_KEPT = frozenset(
    {"HOME", "PATH", "TMPDIR", "NETRC", "XDG_CACHE_HOME", "UV_CACHE_DIR"}
    | {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_HTTP_RETRIES", "UV_HTTP_TIMEOUT"}
    | {
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSL_CLIENT_CERT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    }
    | {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
)


@dataclass(frozen=True, slots=True)
class UvResolver:
    """Answers Python questions with `uv pip compile`; `folder` is a cache of its own.

    Of `environment`, only what says how to reach the network gets to uv.
    """

    describe: Descriptions
    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    name: str = "uv"

    def resolve(self, question: PythonQuestion) -> PlatformLock:
        """The wheels, sorted by normalised name; raises ResolveError or SourceError."""
        wheels = choose_local_wheels(question)
        check_local_wheels(wheels)
        stand_ins = write_stand_ins(self.folder / "bases", question, self.describe)
        given = read_given_sdists(self.folder / "sdists", question, wheels, self.describe)
        sdists = Sdists(question, self.describe)
        with (
            tempfile.TemporaryDirectory(prefix="envbuild-uv-") as work,
            open_indexes(question.indexes, self.describe.indexes, sdists) as indexes,
        ):
            write_inputs(Path(work), question, wheels, stand_ins, given, indexes.urls)
            with self._start(Path(work), question, indexes) as process:
                # Meanwhile: where an index is away, uv would try for longer, and say less about it.
                check_reachable(question, self.describe.indexes, {*wheels, *stand_ins, *given.places})
                try:
                    shown = {**_shown(Path(work), wheels, stand_ins, given), **indexes.shown}
                    output = _finish(process, Path(work), question, shown)
                except EnvbuildError:
                    sdists.raise_faults(failed=True)
                    raise
        sdists.raise_faults(failed=False)
        candidates = sdists.restore(_read_pylock(output, indexes))
        return answer_question(question, [*candidates, *given.candidates.values()], wheels, self.describe)

    @contextmanager
    def _start(
        self, work: Path, question: PythonQuestion, indexes: OpenIndexes
    ) -> Iterator[subprocess.Popen[str]]:
        """Uv at work; it ends where the block fails."""
        with subprocess.Popen(
            [*_command(question, indexes), "requirements.in"],
            cwd=work,
            env={**self._environment(), **indexes.logins},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in self.environment.items() if name in _KEPT}
        if bundle := self.environment.get("REQUESTS_CA_BUNDLE"):
            kept.setdefault("SSL_CERT_FILE", bundle)
        patience = self.describe.indexes.http.patience
        kept.setdefault("UV_HTTP_TIMEOUT", str(ceil(patience.read)))
        kept.setdefault("UV_HTTP_RETRIES", str(patience.attempts - 1))
        return {**kept, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def _finish(
    process: subprocess.Popen[str], work: Path, question: PythonQuestion, shown: Mapping[str, str]
) -> Mapping[str, Any]:
    """Uv's answer; raises what it said."""
    _, said = process.communicate()
    if process.returncode:
        raise explain_failure(said, question, shown)
    return tomllib.loads((work / "pylock.toml").read_text(encoding="utf-8"))


def _command(question: PythonQuestion, indexes: OpenIndexes) -> list[str]:
    from uv import find_uv_bin

    command = [
        find_uv_bin(),
        "pip",
        "compile",
        "--quiet",
        "--no-progress",
        "--no-header",
        "--no-python-downloads",
    ]
    command += ["--config-file", "uv.toml", "--constraints", "constraints.in"]
    command += ["--format", "pylock.toml", "--output-file", "pylock.toml", "--only-binary", ":all:"]
    command += ["--python", sys.executable, "--python-version", python_version(question.facts)]
    command += ["--python-platform", target_name(question.facts), "--index-strategy", "first-index"]
    if question.upgrade is None:
        command.append("--refresh")
    moving = (name for name in sorted(question.upgrade or ()) if _PACKAGE.fullmatch(name))
    command += [f"--refresh-package={name}" for name in moving]
    # A switch's addresses change with each run: what uv remembers of them would never be asked again.
    return command if indexes.only else [*command, "--no-cache"]


def _shown(
    work: Path, wheels: Mapping[str, LocalWheel], stand_ins: StandIns, given: GivenSdists
) -> dict[str, str]:
    """What to show for this machine's paths."""
    shown = {str(work): "", work.as_uri(): ""}
    for path, text in (
        *((Path(wheel.path), wheel.file) for wheel in wheels.values()),
        *((path, "the base") for path in stand_ins.values()),
        *((path, "its sdist") for path in given.places.values()),
    ):
        shown |= {path.as_uri(): text, str(path): text}
    return shown


def _read_pylock(output: Mapping[str, Any], indexes: OpenIndexes) -> Iterator[Candidate]:
    """The packages of a pylock.toml (PEP 751) that come from indexes and URLs."""
    for package in output.get("packages", []):
        name = package["name"]
        if archive := package.get("archive"):
            if "url" in archive:
                file = _wheel_file(archive)
                yield Candidate(name, parse_wheel_name(file.name)[1], "", (file,))
            continue
        files = tuple(_wheel_file(each) for each in package.get("wheels", []))
        yield Candidate(name, package["version"], indexes.alias(name), files)


def _wheel_file(table: Mapping[str, Any]) -> WheelFile:
    url = table.get("url", "")
    if not url.startswith(("https://", "http://")):
        raise ResolveError(
            "an index led to a file of this machine", hint="name an index that serves its files over HTTP"
        )
    name = table.get("name") or unquote(urlsplit(url).path.rpartition("/")[2])
    return WheelFile(name, url, table.get("hashes", {}).get("sha256", ""))
