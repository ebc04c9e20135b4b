"""Token servers that fail, and tokens that run out at every endpoint."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.makers.gate import Answer, Asked, Forward, TokenGuard
from tests.makers.registry_bench import Bench, at_each, logins, silence
from tests.makers.registry_faults import (
    PASSING_FOR_READERS,
    PUBLISHING,
    PULLING,
    REFUSALS,
    WRONG_BODIES,
    Endpoint,
    Fault,
    status,
)
from tests.makers.servers import PASSWORD, USER

pytestmark = pytest.mark.services

REFRESH_TOKEN = "a-refresh-token"
BY_PASSWORD = Endpoint("token", "GET", r"^/token\?")
BY_REFRESH_TOKEN = Endpoint("refresh token", "POST", r"^/token$")


@pytest.fixture
def guard() -> TokenGuard:
    return TokenGuard(USER, PASSWORD, REFRESH_TOKEN)


def log_in(bench: Bench, endpoint: Endpoint) -> None:
    entry = {"identitytoken": REFRESH_TOKEN} if endpoint is BY_REFRESH_TOKEN else {}
    bench.credentials = logins(bench.gate.host, **entry)


@at_each(BY_PASSWORD, BY_REFRESH_TOKEN)
@pytest.mark.parametrize("fault", PASSING_FOR_READERS)
def test_a_fault_is_got_over(bench: Bench, guard: TokenGuard, endpoint: Endpoint, fault: str) -> None:
    log_in(bench, endpoint)
    bench.patience = silence(fault)
    trouble = bench.make(endpoint, PASSING_FOR_READERS[fault], always=False, guard=guard)
    bench.publish()
    assert trouble.hits


@at_each(BY_PASSWORD, BY_REFRESH_TOKEN)
@pytest.mark.parametrize("fault", PASSING_FOR_READERS)
def test_a_fault_that_stays_is_an_error(
    bench: Bench, guard: TokenGuard, endpoint: Endpoint, fault: str
) -> None:
    log_in(bench, endpoint)
    bench.patience = silence(fault)
    trouble = bench.make(endpoint, PASSING_FOR_READERS[fault], always=True, guard=guard)
    bench.refuse(bench.publish)
    bench.check_tries(trouble, fault)
    assert bench.standing() is None


def old_token(asked: Asked, forward: Forward) -> Answer:
    """A token that ran out before it was given."""
    scopes = " ".join(value for key, value in asked.fields if key == "scope")
    token = base64.b64encode(f"0|{scopes}".encode()).decode()
    return Answer(200, json.dumps({"token": token}).encode())


TOKEN_REFUSALS: dict[str, Fault] = {
    **REFUSALS,
    "old": old_token,
    "none": status(200),
    "endless": WRONG_BODIES["endless"],
}


@at_each(BY_PASSWORD, BY_REFRESH_TOKEN)
@pytest.mark.parametrize("fault", TOKEN_REFUSALS)
def test_a_refusal_is_an_error(bench: Bench, guard: TokenGuard, endpoint: Endpoint, fault: str) -> None:
    log_in(bench, endpoint)
    trouble = bench.make(endpoint, TOKEN_REFUSALS[fault], always=True, guard=guard)
    error = bench.refuse(bench.publish)
    assert trouble.hits == (9 if fault == "circle" else 1)
    assert bench.waits == []
    assert ("docker login" in error.hint) == (fault in ("400", "401", "403", "old"))
    assert PASSWORD not in str(error)
    assert REFRESH_TOKEN not in str(error)
    assert bench.standing() is None


def run_out(guard: TokenGuard) -> Fault:
    """The tokens given so far are too old from this request on."""

    def refuse(asked: Asked, forward: Forward) -> Answer:
        guard.valid += 1
        return forward(asked)

    return refuse


def test_nothing_is_sent_to_be_refused_first(bench: Bench, guard: TokenGuard) -> None:
    """A token is asked for to read, to send the config and to mount, and each does for less, too."""
    log_in(bench, BY_PASSWORD)
    bench.gate.around = lambda asked, forward: guard(asked) or forward(asked)
    bench.publish()
    assert len(guard.given) == 3
    refused = [asked for asked in bench.gate.asked if "authorization" not in asked.headers]
    assert [asked.method for asked in refused] == ["GET", "POST", "POST"]
    assert not any(asked.body for asked in refused)


def test_a_password_is_asked_for_once(bench: Bench) -> None:
    log_in(bench, BY_PASSWORD)
    asks = Answer(401, b"{}", {"WWW-Authenticate": 'Basic realm="here"'})
    bench.gate.around = lambda asked, forward: forward(asked) if "authorization" in asked.headers else asks
    bench.publish()
    assert sum("authorization" not in asked.headers for asked in bench.gate.asked) == 1


@at_each(*PUBLISHING)
def test_a_token_that_runs_out_while_sending(bench: Bench, guard: TokenGuard, endpoint: Endpoint) -> None:
    log_in(bench, BY_PASSWORD)
    trouble = bench.make(endpoint, run_out(guard), always=False, guard=guard)
    bench.publish()
    assert trouble.hits


@at_each(*PUBLISHING)
def test_tokens_that_always_run_out_while_sending(
    bench: Bench, guard: TokenGuard, endpoint: Endpoint
) -> None:
    log_in(bench, BY_PASSWORD)
    trouble = bench.make(endpoint, run_out(guard), always=True, guard=guard)
    assert "401 (unauthorized)" in bench.refuse(bench.publish).message
    assert trouble.hits == 2


@at_each(*PULLING)
def test_a_token_that_runs_out_while_reading(
    pulling: Bench, guard: TokenGuard, endpoint: Endpoint, tmp_path: Path
) -> None:
    log_in(pulling, BY_PASSWORD)
    trouble = pulling.make(endpoint, run_out(guard), always=False, guard=guard)
    pulling.pull(tmp_path)
    assert trouble.hits


@at_each(*PULLING)
def test_tokens_that_always_run_out_while_reading(
    pulling: Bench, guard: TokenGuard, endpoint: Endpoint, tmp_path: Path
) -> None:
    log_in(pulling, BY_PASSWORD)
    trouble = pulling.make(endpoint, run_out(guard), always=True, guard=guard)
    assert "401 (unauthorized)" in pulling.refuse_pull(tmp_path).message
    assert trouble.hits == 2
