"""What a `build` leaves for the next one of the same question: what it would print, and its graph."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild import __version__
from envbuild.build.build import Built
from envbuild.cli.quick import may_remember, memo_folder
from envbuild.cli.show import show_report
from envbuild.core.dataclass import asdict, dataclass
from envbuild.execution import Manner
from envbuild.graph.kept import keep_graph
from envbuild.graph.memo import NOTHING, Signatures, question_key, remember
from envbuild.oci.reference import RegistryName
from envbuild.options import Options
from envbuild.publish.naming import Naming

if TYPE_CHECKING:
    from envbuild.app import App
    from envbuild.cli.published import Destination
    from envbuild.graph.memo import Published
    from envbuild.lock.model import Json
    from envbuild.publish.layout import LocalImages

_OPTIONS = ("output", "color", "quiet")


@dataclass(frozen=True, slots=True)
class Asked:
    """How a build was asked for, by its command line and its workspace.

    `image` is how images are named, `destination` where they are published, if they are.
    """

    options: Options
    manner: Manner
    image: str
    destination: Destination | None = None

    def describe(self) -> dict[str, Json]:
        """As JSON, without secrets: steps that are given some are left to the whole command."""
        options = {name: getattr(self.options, name) for name in _OPTIONS}
        manner = {name: value for name, value in asdict(self.manner).items() if name != "secrets"}
        destination = self.destination.describe() if self.destination else None
        return {"options": options, "manner": manner, "image": self.image, "destination": destination}

    @classmethod
    def read(cls, stated: Mapping[str, Json], cache: Path) -> Asked:
        """From what `describe` gave, with the store in the folder `cache`.

        Raises what tells that it is of another envbuild, or of another home.
        """
        none = {"workspace": None, "registry": "", "events": None, "profile": None, "verbose": False}
        options = Options(cache_dir=cache, **none, **stated["options"])  # type: ignore[arg-type]
        manner, destination = Manner(**stated["manner"]), stated["destination"]  # type: ignore[arg-type]
        return cls(options, manner, str(stated["image"]), _read_destination(destination))


def _read_destination(stated: Json) -> Destination | None:
    if stated is None:
        return None
    from envbuild.cli.published import Destination

    return Destination.read(stated)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Answers:
    """Where the answer to one question is kept: below `folder`, under `key`."""

    folder: str
    key: str

    def keep_text(
        self, built: Built, asked: Asked, seen: Signatures, images: LocalImages, begun: int
    ) -> None:
        """Keep what the command prints the next time that nothing has changed."""
        there = _find_images(built, images)
        if there is not None:
            text = show_report(built.report.when_repeated(), asked.options)
            published = _describe_published(built, asked)
            remember(self.folder, self.key, text, seen.found, there, begun, published)

    def keep_graph(self, built: Built, asked: Asked, seen: Signatures, begun: int) -> None:
        """Keep the graph for the next time that only hashed files have changed."""
        keep_graph(self.folder, self.key, built.goals, built.results, asked.describe(), seen, begun)


def find_answers(cache: Path) -> Answers | None:
    """Where the answer to this process's command line is kept; None where it may not be."""
    arguments = sys.argv[1:]
    if not may_remember(arguments):
        return None
    return Answers(memo_folder(str(cache)), question_key(__version__, arguments, os.environ))


def describe_asked(app: App, *, keep_going: bool = False, push: bool = False) -> Asked:
    """How a command was asked for."""
    destination = None
    if push:
        from envbuild.cli.published import Destination

        destination = Destination(RegistryName.parse(app.registry_name), app.supply.access)
    return Asked(app.options, app.manner(keep_going=keep_going), app.naming.template, destination)


def _find_images(built: Built, images: LocalImages) -> dict[str, bool] | None:
    """Which images' folders are there, which the next report rests on; None where that does not tell it.

    A registry may have another image under the name than the store: then more than a folder counts.
    """
    found: dict[str, bool] = {}
    if len(built.goals) != len(built.report.targets):
        return None
    for goal, target in zip(built.goals, built.report.targets, strict=True):
        stored = images.tell(goal.name)
        if bool(stored) != bool(target.platforms) or str(stored or target.digest) != target.digest:
            return None
        found[str(images.folder(goal.name))] = stored is not None
    return found


def _describe_published(built: Built, asked: Asked) -> Published:
    if asked.destination is None:
        return NOTHING
    from envbuild.cli.published import describe_published

    below, naming = asked.destination.place, Naming(asked.image)
    tags = []
    for goal, target in zip(built.goals, built.report.targets, strict=True):
        reference = below.place(*naming.place(goal.hash))
        tags.append((reference.repository, reference.tag, target.digest))
    return describe_published(asked.destination, tags)
