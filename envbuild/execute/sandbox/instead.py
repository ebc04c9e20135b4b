"""What to do where no sandbox can be had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.inside.channel import NO_NAMESPACES


@contextmanager
def or_in_docker(instead: str) -> Iterator[None]:
    """Where there are no namespaces, say by a hint what needs none."""
    try:
        yield
    except BuildError as error:
        if not error.message.startswith(NO_NAMESPACES):
            raise
        raise BuildError(error.message, hint=f"{instead}; {error.hint}") from error
