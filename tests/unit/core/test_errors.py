from __future__ import annotations

import pytest

from envbuild.core import errors
from envbuild.core.errors import EnvbuildError, ErrorGroup, ExitCode, Location, ResolveError, SpecError


def test_text_of_an_error() -> None:
    error = SpecError("unknown attribute `pips`", hint="did you mean `pip`?", location=Location("a", 3, 5))
    assert str(error) == "a:3:5: unknown attribute `pips`\nhint: did you mean `pip`?"
    assert str(SpecError("no")) == "no"


@pytest.mark.parametrize(
    ("location", "text"),
    [(Location("a"), "a"), (Location("a", 3), "a:3"), (Location("a", 3, 5), "a:3:5")],
)
def test_unknown_lines_and_columns_are_not_shown(location: Location, text: str) -> None:
    assert str(location) == text


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.BuildError, 1),
        (errors.ArchiveError, 1),
        (errors.UsageError, 2),
        (errors.SpecError, 2),
        (errors.ResolveError, 2),
        (errors.LockError, 3),
        (errors.StoreError, 4),
        (errors.BlobMissing, 4),
        (errors.SourceError, 4),
        (errors.RegistryError, 4),
    ],
)
def test_exit_codes_are_what_the_documentation_promises(kind: type[EnvbuildError], code: int) -> None:
    assert kind("no").exit_code == code


def test_a_group_keeps_its_errors_in_order_and_the_gravest_exit_code() -> None:
    one, two = SpecError("one"), errors.LockError("two")
    group = ErrorGroup([one, two])
    assert group.errors == (one, two)
    assert str(group) == "one\ntwo"
    assert group.exit_code is ExitCode.LOCK


def test_a_resolvers_causes_are_kept_and_shown() -> None:
    error = ResolveError("no solution", causes=["a needs b>2", "b is 1"], hint="relax `a`")
    assert error.causes == ("a needs b>2", "b is 1")
    assert str(error) == "no solution\n  a needs b>2\n  b is 1\nhint: relax `a`"
