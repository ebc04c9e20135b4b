"""What a `build` leaves for the next one of the same question: what it would print, and its graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.build.build import Built
from envbuild.cli.show import show_report
from envbuild.core.dataclass import asdict, dataclass
from envbuild.execution import Manner
from envbuild.graph.kept import keep_graph
from envbuild.graph.memo import Signatures, remember
from envbuild.options import Options

if TYPE_CHECKING:
    from envbuild.lock.model import Json

_OPTIONS = ("output", "color", "quiet")


@dataclass(frozen=True, slots=True)
class Asked:
    """How a build was asked for, by its command line and its workspace; `image` is how images are named."""

    options: Options
    manner: Manner
    image: str

    def describe(self) -> dict[str, Json]:
        """As JSON, without secrets: a build that has some is asked anew each time."""
        options = {name: getattr(self.options, name) for name in _OPTIONS}
        manner = {name: value for name, value in asdict(self.manner).items() if name != "secrets"}
        return {"options": options, "manner": manner, "image": self.image}

    @classmethod
    def read(cls, stated: Mapping[str, Json], cache: Path) -> Asked:
        """From what `describe` gave, with the store in the folder `cache`; raises TypeError and KeyError."""
        none = {"workspace": None, "registry": "", "events": None, "profile": None, "verbose": False}
        options = Options(cache_dir=cache, **none, **stated["options"])  # type: ignore[arg-type]
        return cls(options, Manner(**stated["manner"]), str(stated["image"]))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Answers:
    """Where the answer to one question is kept: below `folder`, under `key`."""

    folder: str
    key: str

    def keep_text(
        self, built: Built, asked: Asked, seen: Signatures, images: Callable[[str], Path], begun: int
    ) -> None:
        """Keep what the command prints the next time that nothing has changed."""
        text = show_report(built.report.when_repeated(), asked.options)
        there = [str(images(goal.name)) for goal in built.goals]
        remember(self.folder, self.key, text, seen.found, there, begun)

    def keep_graph(self, built: Built, asked: Asked, seen: Signatures, begun: int) -> None:
        """Keep the graph for the next time that only hashed files have changed."""
        if not asked.manner.secrets:
            stated = asked.describe()
            keep_graph(self.folder, self.key, built.goals, built.results, stated, seen, begun)
