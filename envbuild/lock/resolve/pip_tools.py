"""Resolves Python packages with pip-tools, for targets like this machine only.

pip-tools answers for the interpreter that runs it: for any other target it would exit with
success and the wrong pins, so such a question is refused.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import EnvbuildError, ResolveError, SourceError, UsageError
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Facts
from envbuild.lock.model import Index, Locked, PlatformLock, PythonQuestion
from envbuild.lock.resolve.answer import Descriptions, answer_question, check_local_wheels
from envbuild.lock.resolve.candidates import Candidate, WheelFile, choose_local_wheels
from envbuild.lock.resolve.given_sdists import GivenSdists, read_given_sdists
from envbuild.lock.resolve.owner import find_owner
from envbuild.lock.resolve.sdists import Sdists
from envbuild.lock.resolve.stand_in import write_stand_ins
from envbuild.lock.resolve.unknown_package import suggest_package
from envbuild.sources.index import PackageIndexes
from envbuild.sources.index_switch import IndexSwitch, open_switch
from envbuild.sources.url import origin, redact, split_login
from envbuild.spec.requirement_line import normal_form
from envbuild.spec.wheels import LocalWheel, parse_wheel_name

# Where certificates, proxies and logins are; pip's own settings would bring other indexes.
_KEPT = frozenset(
    {"HOME", "PATH", "TMPDIR", "PIP_CERT", "PIP_CLIENT_CERT"}
    | {
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    }
    | {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
)

_NAME = compile_later(r"[a-z0-9][a-z0-9._-]*")
_UNKNOWN = compile_later(r"No matching distribution found for ([A-Za-z0-9._-]+)")
_MAX_CAUSES = 12  # pip names every version that it tried


@dataclass(frozen=True, slots=True)
class PipToolsResolver:
    """Answers Python questions with pip-tools, in a process without pip's configuration."""

    describe: Descriptions
    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    name: str = "pip-tools"

    def resolve(self, question: PythonQuestion) -> PlatformLock:
        """The wheels, sorted by normalised name; raises ResolveError, SourceError or UsageError."""
        check_host(question.facts)
        wheels = choose_local_wheels(question)
        check_local_wheels(wheels)
        stand_ins = write_stand_ins(self.folder / "bases", question, self.describe)
        given = read_given_sdists(self.folder / "sdists", question, wheels, self.describe)
        local = {name: Path(wheel.path) for name, wheel in wheels.items()}
        own = {**stand_ins, **local, **given.places}
        indexes, sdists = self.describe.indexes, Sdists(question, self.describe)
        with _open_switch(question.indexes, indexes, own, sdists) as switch, TemporaryDirectory() as work:
            links = _link_all(Path(work) / "links", own.values())
            patience = indexes.http.patience
            asked = {
                "arguments": [
                    *_arguments(switch, question.indexes),
                    *("--find-links", str(links)),
                    *("--timeout", self.environment.get("PIP_DEFAULT_TIMEOUT", str(patience.read))),
                    *("--retries", str(patience.attempts - 1)),
                ],
                "cache": str(Path(work) / "cache"),
                "requirements": [*_plain(question.requirements, given), *_exact(wheels.values())],
                "constraints": [*_plain(question.constraints, given), *_exact(question.pins.values())],
                "preferences": _preferences(question),
            }
            with _open_logins(self.environment, map(indexes.url, switch.urls)) as logins:
                answer = self._run(asked, logins)
                if "failed" in answer:  # pip asks no second time for a body that breaks off
                    answer = self._run(asked, logins)
        sdists.raise_faults(failed="packages" not in answer)
        if "failed" in answer:
            raise _unreachable(answer["failed"], switch)
        if "error" in answer:
            raise _explain(answer, question, switch.served)
        candidates = sdists.restore(_read_answer(answer, switch.served, own))
        return answer_question(question, [*candidates, *given.candidates.values()], wheels, self.describe)

    def _run(self, asked: Mapping[str, Any], logins: int) -> Mapping[str, Any]:
        kept = {name: value for name, value in self.environment.items() if name in _KEPT}
        result = subprocess.run(
            [sys.executable, "-P", "-m", "envbuild.lock.resolve.pip_tools_process"],
            input=json.dumps(asked),
            env={
                **kept,
                "NETRC": f"/proc/self/fd/{logins}",
                "PIP_CONFIG_FILE": os.devnull,
                "LC_ALL": "C.UTF-8",
            },
            pass_fds=[logins],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if result.returncode:
            raise ResolveError(
                "pip-tools ended unexpectedly",
                hint="use `--resolver uv`",
                causes=[redact(line) for line in result.stderr.splitlines()[-1:]],
            )
        answer: Mapping[str, Any] = json.loads(result.stdout)
        return answer


def check_host(facts: Facts) -> None:
    """Raise UsageError unless the target has this machine's architecture, libc family and Python."""
    family = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
    host = (platform.machine(), family, f"{sys.version_info[0]}.{sys.version_info[1]}")
    python, libc = facts.python, facts.libc
    target = (facts.platform.machine, libc.family if libc else "", python.minor if python else "")
    if target != host:
        raise UsageError(
            f"pip-tools answers for this machine ({' '.join(host)}), and not for {' '.join(target)}",
            hint="use `--resolver uv`",
        )


@contextmanager
def _open_switch(
    indexes: Sequence[Index], known: PackageIndexes, own: Collection[str], sdists: Sdists
) -> Iterator[IndexSwitch]:
    """Addresses of which only the first that has a package serves it: pip would take any one's best.

    None of them serves a package of `own`. Raises SourceError where an index tells neither.
    """
    owners: dict[str, str] = dict.fromkeys(own, "")
    faults: list[EnvbuildError] = []

    def allowed(alias: str, project: str) -> bool:
        if project not in owners:
            try:
                owners[project] = find_owner(indexes, known, project)
            except EnvbuildError as error:
                faults.append(error)
                return False
        return owners[project] == alias

    def give(*asked: str) -> bytes | str | None:
        found = sdists.give(*asked)
        return split_login(found)[0] if isinstance(found, str) else found

    urls = {each.alias: split_login(known.url(each.alias))[0] for each in indexes}
    with open_switch(urls, allowed, give) as switch:
        yield switch
    if faults:  # pip takes an index that fails for one without the package
        raise faults[0]


def _link_all(folder: Path, wheels: Iterable[Path]) -> Path:
    """A folder in which pip finds the target's and its base's own wheels."""
    folder.mkdir()
    for wheel in wheels:
        (folder / wheel.name).symlink_to(wheel.resolve())
    return folder


@contextmanager
def _open_logins(environment: Mapping[str, str], urls: Iterable[str]) -> Iterator[int]:
    """A file of the user's netrc with the logins of index URLs: pip ignores those in a redirect's address.

    It lies in memory (memfd_create(2)): a killed command leaves no login on a disk.
    """
    known = Path(environment.get("NETRC") or Path(environment.get("HOME", "/")) / ".netrc")
    entries = [known.read_text(encoding="utf-8")] if known.is_file() else []
    for url in urls:
        bare, login = split_login(url)
        if login:
            user, password = (_quoted(each) for each in login)
            # The last entry of a host counts.
            entries.append(f"machine {origin(bare)[1]}\nlogin {user}\npassword {password}\n")
    with os.fdopen(os.memfd_create("netrc"), "w", encoding="utf-8") as file:
        file.write("\n".join(entries))
        file.flush()
        yield file.fileno()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _arguments(switch: IndexSwitch, indexes: Sequence[Index]) -> list[str]:
    urls = [switch.urls[each.alias] for each in indexes]
    extra = [word for url in urls[1:] for word in ("--extra-index-url", url)]
    index = ["--index-url", urls[0]] if urls else ["--no-index"]
    return [*index, *extra, "--only-binary", ":all:", "--disable-pip-version-check", "--no-input", "--quiet"]


def _exact(packages: Iterable[Locked | LocalWheel]) -> list[str]:
    return sorted(f"{package.name}=={package.version}" for package in packages)


def _plain(requirements: Sequence[str], given: GivenSdists) -> Iterator[str]:
    from packaging.specifiers import SpecifierSet

    for requirement, name in given.restate(requirements):
        if name:
            requirement.specifier = SpecifierSet(f"=={given.candidates[name].version}")
        yield normal_form(requirement)


def _preferences(question: PythonQuestion) -> list[str]:
    if question.upgrade is None:
        return []
    kept = (each for name, each in sorted(question.preferences.items()) if name not in question.upgrade)
    return [f"{each.name}=={each.version}" for each in kept if each.source]


def _read_answer(
    answer: Mapping[str, Any], served: Mapping[str, str], own: Collection[str]
) -> Iterator[Candidate]:
    for package in answer["packages"]:
        name = package["name"]
        if name in own:
            continue
        if "url" in package:
            url = package["url"]
            file = WheelFile(unquote(urlsplit(url).path.rpartition("/")[2]), url, package["sha256"])
            yield Candidate(name, parse_wheel_name(file.name)[1], "", (file,))
            continue
        files = tuple(WheelFile(*each) for each in package["files"])
        if any(not file.url.startswith(("https://", "http://")) for file in files):
            raise ResolveError(
                f"`{name}` comes from files of this machine", hint="name an index that serves it"
            )
        yield Candidate(name, package["version"], served[name], files)


def _unreachable(name: str, switch: IndexSwitch) -> SourceError:
    """The error for a page or file that pip could not get whole; "" is one that it does not name."""
    from packaging.utils import canonicalize_name

    asked = list(switch.served)
    project = canonicalize_name(name.partition("-")[0] if name.endswith((".whl", ".metadata")) else name)
    if project not in asked and asked:
        project = canonicalize_name(asked[-1])
    what = f"`{name}`" if name else f"a file after the page of `{project}`"
    source = f"`{switch.served[project]}`" if project in switch.served else "its address"
    return SourceError(
        f"pip could not fetch {what} from {source}",
        hint="check the network and the index in envbuild.yaml, then try again",
    )


def _unknown_name(cause: str) -> str:
    """The package that pip says it found nothing of, in normal form; "" where it says something else."""
    from packaging.utils import canonicalize_name

    match = _UNKNOWN.match(cause)
    return canonicalize_name(match[1]) if match else ""


def _explain(answer: Mapping[str, Any], question: PythonQuestion, served: Collection[str]) -> ResolveError:
    """The error for pip's words; a base's packages are named, because nothing in the target's files does.

    `served` are the packages that an index has.
    """
    said = (
        each for each in (answer["error"], *answer["causes"]) if not each.startswith("ResolutionImpossible")
    )
    causes = list(dict.fromkeys(said))[:_MAX_CAUSES]
    names = {name for cause in causes for name in _NAME.findall(cause.lower())}
    pins = [f"`{name}` {pin.version}" for name, pin in sorted(question.pins.items()) if name in names]
    hint = "relax one of the requirements above, or correct its name; from source, only `sdists` are built"
    if unknown := [name for name in map(_unknown_name, causes) if name and name not in served]:
        hint = suggest_package(unknown[0], question)
    if pins:
        hint = f"the base has {', '.join(pins)}: change the base, or ask for what it has"
    return ResolveError("the requirements have no solution", hint=hint, causes=causes)
