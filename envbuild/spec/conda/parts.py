"""What the files of one `conda` attribute say, put together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from envbuild.core.errors import EnvbuildError, Location, SpecError
from envbuild.core.platform import Platform
from envbuild.core.text import excerpt
from envbuild.spec.conda.match_spec import check_match_spec, refuse_credentials
from envbuild.spec.conda.model import CondaSpec, ExactPackage, PipIndex, Selected
from envbuild.spec.conda.package_url import is_package_url, read_channel, read_package_url
from envbuild.spec.problems import Problems
from envbuild.spec.pyproject import Positioned
from envbuild.spec.requirement_text import is_path, split_option
from envbuild.spec.requirements import Requirements, read_requirements

EVERYWHERE = frozenset(each.conda for each in Platform.all())
_MACHINES = {each.conda: each.machine for each in Platform.all()}
_INDEXES = ("-i", "--index-url", "--extra-index-url")


class Parts:
    """What has been read so far. Each `add_` raises SpecError without a place for what it refuses."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.files: set[Path] = set()
        self._channels: dict[str, None] = {}
        self._specs: set[str] = set()
        self._selected: set[Selected] = set()
        self._exact: set[ExactPackage] = set()
        self._pip: dict[Path, list[Positioned]] = {}
        self._indexes: dict[str, PipIndex] = {}
        self._variables: dict[str, str] = {}
        self._platforms: set[str] = set()

    def add_channel(self, text: str) -> None:
        """A channel, of less priority than those before; `nodefaults` says what is always so here."""
        if text.strip() != "nodefaults":
            self._channels.setdefault(read_channel(text))

    def add_dependency(self, text: str, platforms: Collection[str] = EVERYWHERE) -> None:
        """A MatchSpec, or a package's URL, for some platforms."""
        if is_package_url(text):
            package = read_package_url(text.strip())
            self.add_exact(package, platforms if package.platform == "" else {package.platform})
            return
        spec = check_match_spec(text)
        if EVERYWHERE.issubset(platforms):
            self._specs.add(spec)
        else:
            self._selected.update(Selected(platform, spec) for platform in platforms)

    def add_exact(self, package: ExactPackage, platforms: Collection[str]) -> None:
        """A package that is taken as it is."""
        if EVERYWHERE.issubset(platforms):
            self._exact.add(package)
        for platform in () if EVERYWHERE.issubset(platforms) else platforms:
            self._exact.add(ExactPackage(package.url, package.sha256, package.md5, platform))

    def add_pip(
        self, text: str, place: Location, folder: Path, platforms: Collection[str] = EVERYWHERE
    ) -> None:
        """A line for pip, with paths relative to `folder`."""
        if text.startswith("-"):
            option, value = split_option(text)
            if option in _INDEXES:
                refuse_credentials(value)
                self._indexes.setdefault(value, PipIndex(value.rstrip("/"), place))
                return
        if platforms:
            line = text if EVERYWHERE.issubset(platforms) else _bind(text, platforms)
            self._pip.setdefault(folder, []).append((line, place))

    def add_variable(self, name: str, value: str) -> None:
        """An environment variable; the last file of several does not win: they must agree."""
        if self._variables.setdefault(name, value) != value:
            raise SpecError(f"the variable `{excerpt(name)}` has two values", hint="remove one of them")

    def add_platforms(self, platforms: Iterable[str]) -> None:
        """Platforms that it is for; where none are ever named, it is for all."""
        self._platforms.update(platforms)

    def finish(self, root: Path, problems: Problems) -> CondaSpec:
        """All of it as a value; what is wrong with requirements goes to `problems`."""
        return CondaSpec(
            channels=tuple(self._channels),
            specs=tuple(sorted(self._specs)),
            selected=tuple(sorted(self._selected)),
            exact=tuple(sorted(self._exact)),
            pip=self._requirements(root, problems),
            indexes=tuple(sorted(self._indexes.values(), key=lambda index: index.url)),
            variables=dict(sorted(self._variables.items())),
            platforms=tuple(sorted(self._platforms)),
            name=self.names[0] if self.names else "",
            files=tuple(sorted(self.files)),
        )

    def _requirements(self, root: Path, problems: Problems) -> Requirements:
        read = []
        for folder, lines in self._pip.items():
            try:
                read.append(read_requirements(lines, folder, root))
            except EnvbuildError as error:
                problems.catch(error, lines[0][1])
        wheels = {wheel.file: wheel for each in read for wheel in each.wheels}
        return Requirements(
            tuple(sorted({line for each in read for line in each.requirements})),
            tuple(sorted({line for each in read for line in each.constraints})),
            tuple(wheel for _, wheel in sorted(wheels.items())),
            tuple(sorted({file for each in read for file in each.files})),
        )


def _bind(line: str, platforms: Collection[str]) -> str:
    """A requirement with a marker for these platforms; raises SpecError for what can have none."""
    if line.startswith("-") or is_path(line):
        raise SpecError(
            f"`{excerpt(line)}` cannot have a selector for some platforms",
            hint="list it under `pip` of a target for these platforms alone",
        )
    condition = " or ".join(f'platform_machine == "{_MACHINES[each]}"' for each in sorted(platforms))
    bare, dashes, hashes = line.partition(" --hash")
    bare, semicolon, marker = bare.partition(";")
    joined = f"({marker.strip()}) and ({condition})" if semicolon else condition
    return f"{bare.rstrip()} ; {joined}{dashes}{hashes}"
