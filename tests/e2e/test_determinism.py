"""Built from empty caches, in other folders and under other conditions: the same images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import pytest

from tests.e2e.conftest import Built, Sources
from tests.makers.examples import EXAMPLES, HELLO, REPORT, copy_examples, stored_blobs, use_sources
from tests.makers.project import Project

pytestmark = pytest.mark.network

CONDITIONS = {
    "private umask": ("077", "2", {}),
    "open umask, one job": ("000", "1", {"PYTHONHASHSEED": "0"}),
    "time and language": ("022", "3", {"TZ": "Pacific/Chatham", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR"}),
    "hashes, no UTF-8": ("027", "8", {"PYTHONHASHSEED": "4711", "LC_ALL": "C", "PYTHONUTF8": "0"}),
    "epoch": ("022", "2", {"SOURCE_DATE_EPOCH": "1234567890"}),
}

# A checkout below a private folder stays readable to the other user.
AS_NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
)


@contextmanager
def umask(mode: str) -> Iterator[None]:
    """Files made in this block, also by commands, have these bits taken away."""
    before = os.umask(int(mode, 8))
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_do_not_matter(built: Built, sources: Sources, tmp_path: Path, condition: str) -> None:
    mode, jobs, variables = CONDITIONS[condition]
    with umask(mode):
        project = use_sources(copy_examples(Project(tmp_path / "elsewhere", variables)), sources.url)
        for path in project.root.rglob("*"):
            os.utime(path, (0, 946_684_800), follow_symlinks=False)
        outcome = project.succeed("build", HELLO, REPORT, "--jobs", jobs, "--output", "json")
    targets = {target["label"]: target for target in outcome.json["targets"]}
    assert {label: target["status"] for label, target in targets.items()} == {HELLO: "built", REPORT: "built"}
    assert {label: target["digest"] for label, target in targets.items()} == {
        label: built.digest(label) for label in (HELLO, REPORT)
    }


def test_all_examples_from_an_empty_cache(built: Built, sources: Sources, project: Project) -> None:
    connected = use_sources(project, sources.url)
    targets = connected.succeed("build", "//...", "--output", "json").json["targets"]
    assert [target["digest"] for target in targets] == list(map(built.digest, EXAMPLES))
    # Not the images alone: everything on the way to them has the same bytes, too. What other tests take from
    # this machine's sources may be there besides.
    assert stored_blobs(project).items() <= stored_blobs(built.project).items()


def test_a_second_build_as_the_user_asks_for_it(built: Built) -> None:
    """`verify` also reverses the order of actions; what is fetched is taken from the first build."""
    outcome = built.project.succeed("verify", HELLO, REPORT, "--output", "json")
    assert {each["label"]: (each["same"], each["again"]) for each in outcome.json["targets"]} == {
        label: (True, built.digest(label)) for label in (HELLO, REPORT)
    }


def test_a_warm_cache(built: Built, sources: Sources, project: Project) -> None:
    """The same from the results of actions as from the actions themselves."""
    connected = use_sources(project, sources.url)
    connected.succeed("build", HELLO)
    rmtree(project.cache / "images")
    again = connected.succeed("build", HELLO, "--no-memo", "--output", "json").target
    assert (again["status"], again["digest"]) == ("cached", built.digest(HELLO))


def test_another_user(sources: Sources, built: Built, project: Project) -> None:
    """Who builds owns no file in a layer. Without root, all tests here are another user's."""
    connected = use_sources(project, sources.url)
    command = [sys.executable, "-m", "envbuild", "build", HELLO, "--output", "json"]
    done = subprocess.run(
        [*(AS_NOBODY if os.getuid() == 0 else ()), *command],
        cwd=connected.root,
        env=connected.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (target,) = json.loads(done.stdout)["targets"]
    assert (target["status"], target["digest"]) == ("built", built.digest(HELLO))
    assert {path.stat().st_uid for path in (project.cache / "images").iterdir()} == {os.getuid() or 65534}
