"""Locks as hashed requirements."""

from __future__ import annotations

import pytest

from envbuild.core.errors import UsageError
from envbuild.lock.export.requirements import write_requirements
from tests.makers.environments import ARM64, make_environment, make_locked

DIRECT = make_locked("direct", "http://127.0.0.1/direct-1.0-py3-none-any.whl", source="")
LOCAL = make_locked("local", "wheels/local-1.0-py3-none-any.whl", source="")


def test_each_place_of_a_wheel() -> None:
    environment = make_environment(DIRECT, make_locked("indexed"), LOCAL, platform=ARM64)
    text = write_requirements("//:app", environment, {LOCAL.sha256: "../wheels/local-1.0-py3-none-any.whl"})
    assert text == (
        "# //:app for linux/arm64, Python 3.11: written by `envbuild export`\n"
        "direct @ http://127.0.0.1/direct-1.0-py3-none-any.whl \\\n"
        f"    --hash=sha256:{DIRECT.sha256}\n"
        "indexed==1.0 \\\n"
        f"    --hash=sha256:{make_locked('indexed').sha256}\n"
        "../wheels/local-1.0-py3-none-any.whl \\\n"
        f"    --hash=sha256:{LOCAL.sha256}\n"
    )


def test_an_sdist_is_known_by_its_hash() -> None:
    sdist = make_locked("source", "source-1.0.tar.gz")
    text = write_requirements("//:app", make_environment(sdist), {})
    assert text.endswith(f"source==1.0 \\\n    --hash=sha256:{sdist.sha256}\n")


# pip reads a comment, a marker, a variable or an option where a name has these.
@pytest.mark.parametrize("folder", ["my wheels", "a#b", "a;b", "${HOME}", "a --pre", "100%", "a\\b", "a\nb"])
def test_a_path_that_pip_would_misread(folder: str) -> None:
    path = f"./{folder}/local-1.0-py3-none-any.whl"
    with pytest.raises(UsageError, match="a requirements file cannot hold"):
        write_requirements("//:app", make_environment(LOCAL), {LOCAL.sha256: path})


# Whoever writes a lock by hand must not be able to add options for pip.
def test_a_url_with_an_option_behind_it() -> None:
    wheel = make_locked("direct", "http://127.0.0.1/x.whl --no-binary :all:", source="")
    with pytest.raises(UsageError, match="a requirements file cannot hold"):
        write_requirements("//:app", make_environment(wheel), {})
