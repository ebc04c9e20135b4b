"""`nox`: the test command on every supported Python that the machine has."""

import nox

nox.options.default_venv_backend = "venv"


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the unit, golden and property tests."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "pytest", "tests/unit", "tests/golden", "tests/property", *session.posargs)


@nox.session
def check(session: nox.Session) -> None:
    """Style, types and import directions."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports", "--no-logo")
