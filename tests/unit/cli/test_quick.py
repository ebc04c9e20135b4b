"""Which command lines may be answered from memory, and where the memory is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envbuild.cli.quick import VERSION_LINE, cache_folder, may_remember


@pytest.mark.parametrize(
    ("arguments", "may"),
    [
        ("build", True),
        ("build //a:b --platform linux/amd64 --output json", True),
        ("", False),
        ("lock build", False),
        ("--help", False),
        # What these ask for goes beyond what was printed.
        ("build --push", True),
        ("push //a:b", True),
        ("push //a:b --no-memo", False),
        ("build --no-memo", False),
        ("build --events e", False),
        ("build --events=e", False),
        ("build --profile=p", False),
        ("build -v", False),
        ("build --help", False),
    ],
)
def test_what_may_be_remembered(arguments: str, may: bool) -> None:
    assert may_remember(arguments.split()) is may


@pytest.mark.parametrize(
    ("arguments", "environment", "folder"),
    [
        ("--cache-dir /a", {"ENVBUILD_CACHE_DIR": "/b"}, "/a"),
        ("--cache-dir=/a/../c", {}, "/c"),
        ("", {"ENVBUILD_CACHE_DIR": "/b", "XDG_CACHE_HOME": "/x"}, "/b"),
        ("", {"XDG_CACHE_HOME": "/x"}, "/x/envbuild"),
        ("", {"XDG_CACHE_HOME": ""}, f"{Path.home()}/.cache/envbuild"),
        ("--cache-dir", {"ENVBUILD_CACHE_DIR": "rel"}, f"{Path.cwd()}/rel"),
    ],
)
def test_the_cache_folder(arguments: str, environment: dict[str, str], folder: str) -> None:
    assert cache_folder(["build", *arguments.split()], environment) == folder


def test_looking_into_the_memory_imports_nothing_heavy() -> None:
    code = (
        "import sys; from envbuild.cli.quick import answer_from_memo; "
        "answer_from_memo(['build', '--cache-dir', '/nowhere'], {}); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {
        "click",
        "yaml",
        "sqlite3",
        "diskcache",
        "urllib3",
        "http",
        "ssl",
        "docker",
        "packaging",
        "pathlib",
        "dataclasses",
    }
    assert heavy.isdisjoint(loaded.stdout.split())


def test_looking_for_what_was_published_imports_little_before_there_is_some() -> None:
    code = (
        "import sys; from envbuild.cli.quick import answer_from_registry; "
        "answer_from_registry(['push', '--cache-dir', '/nowhere'], {}); "
        "print('http' in sys.modules, 'envbuild.sources' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout == "False False\n"


def test_the_version_is_told_before_click_is_imported() -> None:
    code = (
        "import sys; from envbuild.cli.quick import answer; "
        "print(answer(['version'], {}), 'click' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said == f"{VERSION_LINE} False\n"


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        ("/dev/null", 0, ""),
        ("/dev/full", 4, "error: the result cannot be written: No space left on device\n"),
    ],
)
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_result_that_cannot_be_written_is_no_success(
    output: str, code: int, said: str, buffered: str
) -> None:
    with open(output, "w") as stream:  # noqa: PTH123 (a device)
        done = subprocess.run(
            [sys.executable, "-m", "envbuild", "version"],
            env={"PYTHONUNBUFFERED": buffered},
            stdout=stream,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (code, said)


def test_a_result_that_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "envbuild", "version"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
