"""Every kind of request that a registry gets, and all that can go wrong with one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tests.makers.gate import Answer, Asked, Before, Break, Forward

Fault = Callable[[Asked, Forward], Answer]
RETRY_AFTER = 7.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Requests of one kind: `put` says how many of the image's documents were put before."""

    name: str
    method: str
    pattern: str
    put: str = ""

    def matches(self, asked: Asked, earlier: Sequence[Asked]) -> bool:
        if asked.method != self.method or not re.search(self.pattern, asked.target):
            return False
        puts = [each.target for each in earlier if each.method == "PUT" and "/manifests/" in each.target]
        tagged = any(target.endswith("/latest") for target in puts)
        state = "tag" if tagged else "documents" if puts else "nothing"
        return not self.put or self.put == state


_TAG, _BY_DIGEST = r"/manifests/latest$", r"/manifests/sha256:"
# In the order in which publishing comes to them.
PUBLISHING = (
    Endpoint("GET tag", "GET", _TAG, "nothing"),
    Endpoint("mount", "POST", r"/envs/env_\w+/blobs/uploads/\?mount="),
    Endpoint("PUT upload", "PUT", r"/uploads/"),
    Endpoint("mount into pool", "POST", r"/envs/blobs/blobs/uploads/\?mount="),
    Endpoint("HEAD config", "HEAD", r"/envs/env_\w+/blobs/sha256:"),
    Endpoint("POST upload", "POST", r"/uploads/$"),
    Endpoint("PUT manifest", "PUT", _BY_DIGEST),
    Endpoint("GET tag before PUT", "GET", _TAG, "documents"),
    Endpoint("PUT tag", "PUT", _TAG),
    Endpoint("GET tag after PUT", "GET", _TAG, "tag"),
)
# Of a registry that mounts nothing: where the store lacks a blob, and where the pool is not to have one.
HEAD_POOL = Endpoint("HEAD pool", "HEAD", r"/envs/blobs/blobs/sha256:")
DELETE_UPLOAD = Endpoint("DELETE upload", "DELETE", r"/envs/blobs/blobs/uploads/")
PULLING = (
    Endpoint("GET tag", "GET", _TAG),
    Endpoint("GET manifest", "GET", _BY_DIGEST),
    Endpoint("GET blob", "GET", r"/blobs/sha256:"),
)
TOKEN = Endpoint("token", "GET", r"^/token\?")
REFRESH = Endpoint("refresh token", "POST", r"^/token$")


def let_in(asked: Asked) -> Answer | None:
    """No guard."""
    return None


@dataclass(slots=True)
class Trouble:
    """A gate's `around`: makes a fault at the first, or (`always`) at each request to an endpoint."""

    endpoint: Endpoint
    fault: Fault
    always: bool
    guard: Before = let_in
    hits: int = 0
    earlier: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked, forward: Forward) -> Answer:
        hit = self.endpoint.matches(asked, self.earlier)
        self.earlier.append(asked)
        self.hits += hit

        def behind(asked: Asked) -> Answer:
            return self.guard(asked) or forward(asked)

        return self.fault(asked, behind) if hit and (self.always or self.hits == 1) else behind(asked)


class FailOnce:
    """A gate's `before` that fails the first request of each method and path."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._seen: set[tuple[str, str]] = set()

    def __call__(self, asked: Asked) -> Answer | None:
        # Of an upload's URL only what is the same in a second try.
        key = (asked.method, asked.path.partition("/uploads/")[0])
        if key in self._seen:
            return None
        self._seen.add(key)
        return Answer(self._status, b"{}", {"Retry-After": "0"})


def status(code: int, **headers: str) -> Fault:
    """The registry is not asked: this status comes instead."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda asked, forward: Answer(code, b"{}", named)


def without(header: str) -> Fault:
    """The answer loses a header."""

    def drop(asked: Asked, forward: Forward) -> Answer:
        answer = forward(asked)
        return replace(answer, headers={key: value for key, value in answer.headers.items() if key != header})

    return drop


def with_header(header: str, value: str) -> Fault:
    """The answer gets a header, or another value in it."""

    def put(asked: Asked, forward: Forward) -> Answer:
        answer = forward(asked)
        return replace(answer, headers={**answer.headers, header: value})

    return put


def with_body(change: Callable[[bytes], bytes]) -> Fault:
    """The answer gets another body; its headers stay, but for the length."""

    def swap(asked: Asked, forward: Forward) -> Answer:
        answer = forward(asked)
        headers = {key: value for key, value in answer.headers.items() if key != "Content-Length"}
        return replace(answer, body=change(answer.body), headers=headers)

    return swap


def broken(*, half: bool = False, silent: bool = False) -> Fault:
    """The registry did it; its answer does not come, or only half of it."""

    def cut(asked: Asked, forward: Forward) -> Answer:
        answer = forward(asked)
        return replace(answer, broken=Break(len(answer.body) // 2 if half else None, silent=silent))

    return cut


def trickle(asked: Asked, forward: Forward) -> Answer:
    """The answer comes byte by byte, which is no silence."""
    return replace(forward(asked), broken=Break(0, trickle=True))


def flip(data: bytes) -> bytes:
    """The data with one bit of its middle byte changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def mount_nothing(asked: Asked, forward: Forward) -> Answer:
    """A registry that begins an upload wherever it is to mount."""
    return forward(replace(asked, target=asked.path) if "mount=" in asked.target else asked)


def know_no_mounts(asked: Asked, forward: Forward) -> Answer:
    return Answer(405, b"{}") if "mount=" in asked.target else forward(asked)


def circle(asked: Asked, forward: Forward) -> Answer:
    return Answer(307, b"", {"Location": asked.target})


# Another try may do: the one fault that is over then must not be seen in the result.
PASSING: dict[str, Fault] = {
    "cut": lambda asked, forward: Answer(0, broken=Break()),
    "silent": lambda asked, forward: Answer(0, broken=Break(silent=True)),
    "answer lost": broken(),
    "429": status(429, Retry_After=f"{RETRY_AFTER:.0f}"),
    "500": status(500),
    "503": status(503),
    "503 with Retry-After": status(503, Retry_After=f"{RETRY_AFTER:.0f}"),
}
PASSING_FOR_READERS: dict[str, Fault] = PASSING | {
    "half": broken(half=True),
    "half, then silent": broken(half=True, silent=True),
}
# No other try would do.
REFUSALS: dict[str, Fault] = {
    "400": status(400),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "405": status(405),
    "another web server": lambda asked, forward: Answer(200, b"<html>", {"Content-Type": "text/html"}),
    "circle": circle,
}
WRONG_BODIES: dict[str, Fault] = {
    "corrupted": with_body(flip),
    "shorter": with_body(lambda body: body[:-1]),
    "longer": with_body(lambda body: body + b" "),
    "other": with_body(lambda body: b"{}"),
    "none": with_body(lambda body: b""),
    "endless": with_body(lambda body: body + bytes(8 << 20)),
}
REFUSALS_FOR_READERS = REFUSALS | WRONG_BODIES
WRONG_DIGEST = with_header("Docker-Content-Digest", "sha256:" + "0" * 64)
ODD_DIGEST = with_header("Docker-Content-Digest", "md5:0")
NO_DIGEST = without("Docker-Content-Digest")


def damaged(asked: Asked, forward: Forward) -> Answer:
    """A bit of what is sent is changed on its way."""
    return forward(replace(asked, body=flip(asked.body)))


def padded(asked: Asked, forward: Forward) -> Answer:
    """What is sent grows by a blank: JSON stays JSON."""
    return forward(replace(asked, body=asked.body + b" "))
