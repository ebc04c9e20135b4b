"""Which image a program runs in, remembered (graph/memo.py): while no input changes, nothing is analysed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.core.platform import Platform
from envbuild.graph import memo


@dataclass(frozen=True, slots=True)
class Choice:
    """An image by its name in the store, what an engine calls it, and one of its platforms."""

    image: str
    tag: str
    platform: Platform


@dataclass(frozen=True, slots=True)
class Choices:
    """The answer to one question in a folder of memos."""

    folder: str
    question: str

    def recall(self) -> Choice | None:
        """What was chosen when all inputs were as they are now; any doubt is None.

        Of a machine of another kind it is None, too: what it can run must be looked up.
        """
        text = memo.recall(self.folder, self.question)
        try:
            image, tag, platform = json.loads(text or "null")
            choice = Choice(image, tag, Platform.parse(platform))
        except (ValueError, TypeError, SpecError):
            return None
        return choice if choice.platform.machine == os.uname().machine else None

    def remember(self, choice: Choice, inputs: Mapping[str, memo.Signature], begun: int) -> None:
        """Keep what a command chose that began at this time (nanoseconds), unless an input is too young."""
        text = json.dumps([choice.image, choice.tag, str(choice.platform)])
        memo.remember(self.folder, self.question, text, inputs, {}, begun)
