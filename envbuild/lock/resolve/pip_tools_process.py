"""Runs pip-tools on a question that comes as JSON on standard input; not imported, but executed.

A process of its own, because pip reads settings from the environment, and sets up logging and
progress bars for the whole process. Standard output gets one JSON object: `packages`, or `error`
with `causes`, or `failed`: what could not be fetched.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from logging import DEBUG, Handler, LogRecord, getLogger
from typing import Any


def main() -> None:
    """Answer the question on standard input."""
    question = json.load(sys.stdin)
    # pip prints here and there; the answer must stand alone.
    with redirect_stdout(sys.stderr):
        answer = _answer(question)
    json.dump(answer, sys.stdout)


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    from pip._internal.exceptions import PipError
    from piptools.exceptions import PipToolsError

    pages = _SkippedPages()
    try:
        answer: dict[str, Any] = {"packages": list(_resolve(question))}
    except Exception as error:
        if (failed := _find_failed(error)) is not None:
            return {"failed": failed}
        if not isinstance(error, PipError | PipToolsError):
            raise
        answer = {"error": str(error).splitlines()[0], "causes": list(_causes(error))}
    return {"failed": pages.names[0]} if pages.names else answer


class _SkippedPages(Handler):
    """Names of pages that pip could not get: it takes them for empty, and only its log tells."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        logger = getLogger("pip._internal.index.collector")
        logger.setLevel(DEBUG)
        logger.addHandler(self)

    def emit(self, record: LogRecord) -> None:
        """Take in a record: of interest are those about a link and why it is left out."""
        if not str(record.msg).startswith(("Could not fetch URL", "Skipping page")):
            return
        link, *reasons = record.args or ()
        if all(getattr(getattr(each, "response", None), "status_code", 0) != 404 for each in reasons):
            self.names.append(str(link).rstrip("/").rpartition("/")[2])


def _find_failed(error: BaseException) -> str | None:
    """The name of the file that could not be fetched, "" if it is not told; None for other errors."""
    from pip._internal.exceptions import HashError, NetworkConnectionError
    from pip._vendor.requests.exceptions import RequestException
    from pip._vendor.urllib3.exceptions import HTTPError

    kinds = (NetworkConnectionError, RequestException, HTTPError, HashError)
    cause: BaseException | None = error
    while cause and not isinstance(cause, kinds):
        cause = cause.__cause__ or cause.__context__
    if not cause:
        return None
    url = getattr(getattr(cause, "request", None), "url", "") or getattr(cause, "url", "") or ""
    return str(url).partition("?")[0].rstrip("/").rpartition("/")[2]


def _resolve(question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    from piptools.repositories import PyPIRepository
    from piptools.resolver import BacktrackingResolver
    from piptools.utils import key_from_ireq

    repository = PyPIRepository(question["arguments"], cache_dir=question["cache"])
    repository.session.hooks["response"].append(_expect_whole)
    asked = [_requirement(text) for text in question["requirements"]]
    asked += [_requirement(text, constraint=True) for text in question["constraints"]]
    kept = {key_from_ireq(each): each for each in map(_requirement, question["preferences"])}
    resolver = BacktrackingResolver(asked, kept, repository, allow_unsafe=True)
    for found in sorted(resolver.resolve(), key=key_from_ireq):
        # Whatever pip fetched has a link; only a URL requirement has one of its own.
        if found.original_link is None:
            yield _package(repository, found)
        else:
            url = found.original_link.url_without_fragment
            (digest,) = repository.get_hashes(found)
            yield {"name": key_from_ireq(found), "url": url, "sha256": digest.removeprefix("sha256:")}


def _expect_whole(response: Any, **_: Any) -> None:
    """Make a body that breaks off an error: pips before 25 take what came for all."""
    response.raw.enforce_content_length = True


def _requirement(text: str, *, constraint: bool = False) -> Any:
    from pip._internal.req.constructors import install_req_from_line

    return install_req_from_line(text, constraint=constraint)


def _package(repository: Any, found: Any) -> dict[str, Any]:
    """A pinned package with all the wheels that its index offers for this version."""
    from piptools.utils import as_tuple, key_from_ireq

    _, version, _ = as_tuple(found)
    links = [
        each.link for each in repository.find_all_candidates(found.name) if str(each.version) == str(version)
    ]
    return {
        "name": key_from_ireq(found),
        "version": str(version),
        "files": [[link.filename, link.url_without_fragment, _hash(link)] for link in links if link.is_wheel],
    }


def _hash(link: Any) -> str:
    return str(link.hash) if link.hash_name == "sha256" else ""


def _causes(error: BaseException) -> Iterator[str]:
    """Which requirements of whom contradict each other, as far as pip tells."""
    for cause in getattr(error.__cause__, "causes", ()):
        # What follows is the address of a file, or of a page.
        asked = cause.requirement.format_for_error().partition(" (from ")[0]
        parent = f" (required by {cause.parent.name} {cause.parent.version})" if cause.parent else ""
        yield f"{asked}{parent}"


if __name__ == "__main__":
    # Nothing that pip leaves in the working folder may stay.
    os.chdir("/")
    main()
