from __future__ import annotations

from email.utils import formatdate

import pytest

from envbuild.core.errors import UsageError
from envbuild.sources.patience import Patience


def test_pauses_double() -> None:
    assert [Patience(pause=0.5).pause_after(attempt) for attempt in (1, 2, 3)] == [0.5, 1, 2]


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("7", 7),
        ("0", 0),
        ("3600", 20),  # no longer than we are patient
        pytest.param("9" * 400, 20, id="for ever"),
        (formatdate(0, usegmt=True), 0),
        (formatdate(2**32, usegmt=True), 20),  # in the year 2106
        ("soon", 0.3),
        ("-1", 0.3),
    ],
)
def test_servers_may_ask_for_a_pause(retry_after: str, pause: float) -> None:
    assert Patience().pause_after(1, retry_after) == pause


def test_the_environment_may_state_the_time_out() -> None:
    assert Patience.stated({}) == Patience.stated({"ENVBUILD_HTTP_TIMEOUT": ""}) == Patience()
    assert Patience.stated({"ENVBUILD_HTTP_TIMEOUT": "300"}) == Patience(read=300)
    assert Patience.stated({"ENVBUILD_HTTP_TIMEOUT": "900"}) == Patience(read=900, whole=900)
    assert Patience.stated({"ENVBUILD_HTTP_TIMEOUT": "0.5"}) == Patience(connect=0.5, read=0.5)


@pytest.mark.parametrize("seconds", ["soon", "0", "0.0", ".", "-1", "1e3", "nan", "inf", "\u0663", "1000000"])
def test_no_other_time_is_taken(seconds: str) -> None:
    with pytest.raises(UsageError, match="is no number of seconds") as caught:
        Patience.stated({"ENVBUILD_HTTP_TIMEOUT": seconds})
    assert caught.value.hint
