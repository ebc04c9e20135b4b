"""Does a lock still answer which images a target's references name?"""

from __future__ import annotations

from collections.abc import Iterator

from envbuild.lock.model import ImageQuestion, Json, PlatformLock

GENERATION = "generation"  # the fact that moves when networked steps shall run again


def image_inputs(question: ImageQuestion) -> dict[str, Json]:
    """What a lock records of the question."""
    return {
        "images": list[Json](sorted(question.references)),
        "networked": question.networked,
    }


def check_images(part: PlatformLock, question: ImageQuestion) -> Iterator[str]:
    """Why this part of a lock does not answer the question: that a tag moved is no reason."""
    for reference in question.references:
        if reference not in part.images:
            yield f"the image `{reference}` is not locked"
    for reference in part.images:
        if reference not in question.references:
            yield f"the image `{reference}` is no longer asked for"
    if question.networked != (GENERATION in part.facts):
        yield f"it has {'steps' if question.networked else 'no step'} with network now"
