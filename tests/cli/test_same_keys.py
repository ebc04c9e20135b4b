"""Keys are functions of what is declared: no machine, user or folder is in them, and no moment either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.makers.index import make_package, run_index
from tests.makers.project import Project, environment, name_indexes

RULE = """\
from envbuild.rule import Config, attr, rule


@rule(attributes={"base": attr.label(required=True, doc="below"), "names": attr.text_map(doc="a map")})
def named(ctx):
    return ctx.image([], Config(labels=dict(ctx["names"])), base=ctx.dependency("base"))
"""
# What a machine may be like; what is left out is as it is here.
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "PYTHONHASHSEED": st.integers(0, 2**32 - 1).map(str),
        "TZ": st.sampled_from(["UTC", "Pacific/Chatham", "EST5EDT"]),
        "LANG": st.sampled_from(["C", "C.UTF-8", "tr_TR.UTF-8", "ja_JP"]),
        "LC_ALL": st.sampled_from(["C", "POSIX", "C.UTF-8", "tr_TR.UTF-8"]),
        "PATH": st.sampled_from(["/nowhere", "/usr/bin:/bin", ""]),
        "USER": st.sampled_from(["root", "somebody"]),
        "HOSTNAME": st.sampled_from(["one", "another"]),
        "HOME": st.sampled_from(["/nowhere", "/"]),
        "TMPDIR": st.sampled_from(["/tmp", "/var/tmp"]),
        "SOURCE_DATE_EPOCH": st.sampled_from(["0", "1234567890"]),
        "PYTHONUTF8": st.sampled_from(["0", "1"]),
    },
)
UMASKS = st.sampled_from([0o000, 0o022, 0o027, 0o077])
NOBODY = 65534


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A locked workspace with all that keys are made of; nothing in it is built."""
    project = Project(tmp_path_factory.mktemp("desk"))
    name, wheel = make_package("local")
    app = environment(
        pip=["alpha", "beta"],
        wheels=[name],
        files={"data": "/data", "träin.py": "/app/train.py", "run": "/app/run"},
        variables={"B": "2", "A": "1"},
        platforms=["linux/amd64", "linux/arm64"],
    )
    named = '- named: {name: named, base: ":app", names: {b: "2", a: "1", ü: "3"}}\n'
    files: Mapping[str, str | bytes] = {
        "build_rules/named.py": RULE,
        "BUILD.yaml": app + named,
        name: wheel,
        "träin.py": "train\n",
        "run": "#!/bin/sh\n",
        **{f"data/{letter}/{n}.txt": f"{letter}{n}" for letter in "zyäa" for n in range(5)},
    }
    with run_index(
        make_package("alpha", requires=["gamma"]), make_package("beta"), make_package("gamma")
    ) as index:
        sources = name_indexes(pypi=index.url)
        project.write({**files, "envbuild.yaml": f"{sources}rules: [build_rules]\n"})
        (project.root / "run").chmod(0o755)
        (project.root / "data" / "link").symlink_to("../run")
        project.succeed("lock", "//...")
    return project


def ask(project: Project, variables: Mapping[str, str], *before: str) -> object:
    """What is declared, with definition digests."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "envbuild", "aquery", "//...", "--output", "json"],
        cwd=project.root,
        env={**project.environment, **variables},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def umask(mode: int) -> Iterator[None]:
    """Files made in this block, also by commands, have these bits taken away."""
    before = os.umask(mode)
    try:
        yield
    finally:
        os.umask(before)


def copy_files(project: Project, top: Path) -> Project:
    """The same workspace written anew: other modes but for the executable bit, times, inodes and order."""
    copy = Project(top, project.variables)
    contents = project.contents()
    copy.write(dict(sorted(contents.items(), reverse=True)))
    for name in contents:
        path = copy.root / name
        if (project.root / name).is_symlink():
            path.unlink()
            path.symlink_to((project.root / name).readlink())
        elif (project.root / name).stat().st_mode & 0o100:
            path.chmod(path.stat().st_mode | 0o100)
    return copy


# An example is a run of the program: few, and others each time would say little more of a failure.
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(CONDITIONS, UMASKS)
def test_no_machine_is_in_a_key(
    desk: Project, tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str], mode: int
) -> None:
    expected = ask(desk, {})
    with umask(mode):
        elsewhere = copy_files(desk, tmp_path_factory.mktemp("elsewhere") / "deep" / "er")
        assert ask(elsewhere, variables) == expected


def test_no_user_is_in_a_key(desk: Project, tmp_path: Path) -> None:
    copy = Project(Path(copytree(desk.top, tmp_path / "copy", symlinks=True)))
    as_nobody = (
        *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
    )
    before = as_nobody if os.getuid() == 0 else ()
    assert ask(copy, {"HOME": "/nowhere"}, *before) == ask(desk, {})


def retarget(root: Path) -> None:
    link = root / "data" / "link"
    link.unlink()
    link.symlink_to("../träin.py")


CHANGES: dict[str, Callable[[Path], object]] = {
    "executable bit": lambda root: (root / "run").chmod(0o644),
    "content": lambda root: (root / "run").write_text("#!/bin/false\n"),
    "renamed": lambda root: (root / "data/a/0.txt").rename(root / "data/a/5.txt"),
    "removed": lambda root: (root / "data/a/0.txt").unlink(),
    "link retargeted": retarget,
}
NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda root: None,
    "touched": lambda root: os.utime(root / "run", (1, 1)),
    "other bits of the mode": lambda root: (root / "run").chmod(0o700),
    # Folders are copied for what is in them.
    "empty folder": lambda root: (root / "data/empty").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_a_key(desk: Project, tmp_path: Path, change: Callable[[Path], object]) -> None:
    copy = copy_files(desk, tmp_path / "copy")
    change(copy.root)
    assert ask(copy, {}) != ask(desk, {})


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_changes_no_key(desk: Project, tmp_path: Path, change: Callable[[Path], object]) -> None:
    copy = copy_files(desk, tmp_path / "copy")
    change(copy.root)
    assert ask(copy, {}) == ask(desk, {})
