"""Does a lock still answer which images a target's references name?"""

from __future__ import annotations

from collections.abc import Iterator

from envbuild.lock.model import ImageQuestion, Json, PlatformLock

FILE = "file"  # the kind of a download
GENERATION = "generation"  # the fact that moves when networked steps shall run again


def image_inputs(question: ImageQuestion) -> dict[str, Json]:
    """What a lock records of the question."""
    downloads: list[Json] = [[each.url, each.sha256] for each in sorted(question.downloads)]
    return {
        "images": list[Json](sorted(question.references)),
        "networked": question.networked,
        **({"downloads": downloads} if downloads else {}),
    }


def check_images(part: PlatformLock, question: ImageQuestion) -> Iterator[str]:
    """Why this part of a lock does not answer the question: that a tag moved is no reason."""
    for reference in question.references:
        if reference not in part.images:
            yield f"the image `{reference}` is not locked"
    for reference in part.images:
        if reference not in question.references:
            yield f"the image `{reference}` is no longer asked for"
    locked = {(each.file, each.sha256) for each in part.artifacts if each.kind == FILE}
    asked = {(each.url, each.sha256) for each in question.downloads}
    yield from (f"`{url}` is not locked with its checksum" for url, _ in sorted(asked - locked))
    yield from (f"`{url}` is no longer asked for" for url, _ in sorted(locked - asked))
    if question.networked != (GENERATION in part.facts):
        yield f"it has {'steps' if question.networked else 'no step'} with network now"
