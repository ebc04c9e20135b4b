from __future__ import annotations

import json
from pathlib import Path

import pytest

from envbuild.core.errors import ErrorGroup, Location, LockError, ResolveError, SourceError, SpecError
from envbuild.ui.failure import describe_failure, render_crash, render_failure

DOCUMENT = Path(__file__).parents[3] / "docs" / "commands.md"


def test_an_error_and_its_hint() -> None:
    error = SpecError("unknown attribute `pips`", hint="did you mean `pip`?")
    assert render_failure(error, color=False) == (
        "error: unknown attribute `pips`\nhint: did you mean `pip`?\n"
    )


def test_a_place_comes_first() -> None:
    error = SpecError("no", location=Location("a/BUILD.yaml", 3, 5))
    assert render_failure(error, color=False) == "a/BUILD.yaml:3:5: error: no\n"


def test_every_error_of_a_group_is_shown_also_of_nested_ones() -> None:
    group = ErrorGroup([SpecError("one", hint="1"), ErrorGroup([SpecError("two"), SpecError("three")])])
    assert render_failure(group, color=False) == "error: one\nhint: 1\nerror: two\nerror: three\n"


def test_a_solvers_causes_are_shown() -> None:
    error = ResolveError("no solution", causes=["a needs b", "b is not there"])
    assert render_failure(error, color=False) == "error: no solution\n  a needs b\n  b is not there\n"


def test_colours_are_ours_and_nobody_elses() -> None:
    error = SpecError("bad \x1b[2J name", hint="\x07")
    assert render_failure(error, color=True) == (
        "\x1b[1;31merror\x1b[0m: bad \\x1b[2J name\n\x1b[36mhint\x1b[0m: \\x07\n"
    )


def crash() -> BaseException:
    indexes: dict[str, BaseException] = {}
    try:
        return indexes["https://user:secret@host/simple"]
    except KeyError as error:
        return error


def test_a_crash_is_a_bug_with_all_that_is_needed_to_mend_it() -> None:
    text = render_crash(crash())
    assert "in crash" in text
    assert "KeyError: 'https://host/simple'" in text
    assert "error: envbuild crashed: this is a bug" in text
    assert "hint: report it" in text


@pytest.mark.parametrize("secret", ["user:secret", "secret"])
def test_a_crash_tells_no_credentials(secret: str) -> None:
    text = render_crash(ValueError(f"cannot read https://{secret}@host/x and http://host/y"))
    assert "secret" not in text
    assert "https://host/x and http://host/y" in text


@pytest.mark.parametrize(
    "said",
    [
        "invalid header {'Authorization': 'Basic c2VjcmV0'}",
        "Bearer MXxzZWNyZXQ= was refused",
        'answered {"token": "c2VjcmV0", "identitytoken":"c2VjcmV0"}',
        "body b'grant_type=refresh_token&refresh_token=c2VjcmV0&client_id=us'",
        "https://robin:c2Vj/cmV0@host/, https://robin:c2VjcmV0@c2VjcmV0@host/",
    ],
)
def test_a_crash_in_a_library_tells_no_credentials(said: str) -> None:
    text = render_crash(ValueError(said))
    assert not any(part in text for part in ("c2Vj", "cmV0", "MXxz"))
    assert "ValueError: " in text


def test_errors_of_one_cause_are_folded() -> None:
    # A mirror that is down fails every download at once.
    hint = "check the network"
    errors = [SourceError(f"cannot fetch {n}", hint=hint) for n in range(10)]
    other = SourceError("something else")
    assert render_failure(ErrorGroup([*errors, other]), color=False).splitlines() == [
        "error: cannot fetch 0",
        "error: cannot fetch 1",
        "error: cannot fetch 2",
        "and 7 more like these",
        "hint: check the network",
        "error: something else",
    ]


def test_errors_at_places_are_never_folded() -> None:
    errors = [SpecError("wrong", hint="mend it", location=Location("BUILD.yaml", n)) for n in range(1, 9)]
    assert render_failure(ErrorGroup(errors), color=False).count("error: wrong\nhint: mend it\n") == 8


def test_an_error_for_programs() -> None:
    error = SpecError("no", hint="mend it", location=Location("a/BUILD.yaml", 3, 5))
    location = {"file": "a/BUILD.yaml", "line": 3, "column": 5}
    described = {"code": 2, "message": "no", "hint": "mend it", "location": location}
    assert describe_failure(error, 2) == described
    # A group of one is that one.
    assert describe_failure(ErrorGroup([error]), 2) == described


def test_it_is_what_the_documentation_shows() -> None:
    section = DOCUMENT.read_text().partition("## When a command fails")[2]
    shown = json.loads(section.partition("```json\n")[2].partition("```")[0])["error"]
    error = SpecError(shown["message"], hint=shown["hint"], location=Location(**shown["location"]))
    assert describe_failure(error, 2) == shown


def test_several_errors_for_programs() -> None:
    group = ErrorGroup([SpecError("one", hint="1"), ErrorGroup([LockError("two"), LockError("three")])])
    described = describe_failure(group, 3)
    errors = described.pop("errors")
    assert [(each["code"], each["message"], each["hint"]) for each in errors] == [
        (2, "one", "1"),
        (3, "two", ""),
        (3, "three", ""),
    ]
    message = "one\nhint: 1\ntwo\nthree"
    assert described == {"code": 3, "message": message, "hint": "", "location": None}


def test_a_crash_for_programs_tells_nothing_of_its_trace() -> None:
    described = describe_failure(ValueError("https://user:secret@host/x"), 37)
    assert described["message"].startswith("envbuild crashed: this is a bug of envbuild ")
    assert described["hint"] == "report it with what stderr says"
    assert "secret" not in str(described)


def test_an_interruption_for_programs() -> None:
    interrupted = {"code": 8, "message": "interrupted", "hint": "", "location": None}
    assert describe_failure(KeyboardInterrupt(), 8) == interrupted
