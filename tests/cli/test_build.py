"""The life of a target: locked, built, up to date, changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Outcome, Project, environment
from tests.makers.wheels import make_wheel


@pytest.fixture
def built(project: Project, index: FakeIndex) -> Project:
    """A project of two packages and a file, built."""
    index.add(make_package("alpha", requires=["beta"]))
    index.add(make_package("beta"))
    project.write({"BUILD.yaml": target(), "main.py": "print(1)\n"})
    project.succeed("lock")
    project.succeed("build")
    return project


def target(**attributes: object) -> str:
    stated = {"pip": ["alpha"], "files": {"main.py": "/app/main.py"}, **attributes}
    return environment("app", **stated)


def build(project: Project, *options: str) -> Outcome:
    return project.succeed("build", "--output", "json", *options)


def is_remembered(outcome: Outcome) -> bool:
    """Whether the answer came without looking at anything again, which takes its time."""
    return "done in" not in outcome.out


def make_older(path: Path) -> None:
    """Give a file the time of long ago: what is young is looked at again."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_the_report(project: Project, index: FakeIndex) -> None:
    index.add(make_package("alpha", requires=["beta"]))
    index.add(make_package("beta"))
    project.write({"BUILD.yaml": target(), "main.py": ""}).succeed("lock")
    report = build(project).json
    assert set(report) == {"targets", "seconds"}
    assert report["seconds"] >= 0
    (found,) = report["targets"]
    layers = found["platforms"][0].pop("layers")
    definition = found["definition"]
    assert found == {
        "label": "//:app",
        "image": f"envs/env_{definition.removeprefix('sha256:')[:32]}",
        "definition": definition,
        "digest": found["digest"],
        "status": "built",
        "platforms": [{"platform": "linux/amd64", "digest": found["digest"]}],
        "actions": {"executed": 6, "local": 0, "remote": 0},
    }
    assert [layer["packages"] for layer in layers] == [["venv"], ["alpha 1.0"], ["beta 1.0"], ["files"]]
    manifest = json.loads(read_blob(project, found["digest"]))
    assert [(each["digest"], each["size"]) for each in manifest["layers"]] == [
        (layer["digest"], layer["size"]) for layer in layers
    ]
    config = json.loads(read_blob(project, manifest["config"]["digest"]))
    assert config["rootfs"]["diff_ids"] == [layer["diff_id"] for layer in layers]


def read_blob(project: Project, digest: str) -> bytes:
    return (project.cache / "blobs" / digest.replace(":", "/")).read_bytes()


def test_text(built: Project) -> None:
    outcome = built.succeed("build", "--no-memo")
    (name,) = built.images()
    lines = outcome.out.splitlines()
    assert lines[:2] == ["//:app  up to date", f"  image    envs/{name}"]
    assert lines[2].startswith("  digest   sha256:")
    assert lines[3].startswith("  layers   4, ")
    assert lines[4].startswith("done in ")


def test_nothing_changed(built: Project) -> None:
    first = build(built)
    second = build(built)
    assert second.target["status"] == "exists"
    assert second.target == first.target
    # What a second look finds is what was remembered.
    looked = build(built, "--no-memo")
    assert looked.target == second.target


def test_no_op_is_remembered(built: Project) -> None:
    for path in built.root.iterdir():
        make_older(path)
    built.succeed("build")
    second = built.succeed("build")
    assert is_remembered(second)
    assert not is_remembered(built.succeed("build", "--no-memo"))
    # A remembered answer holds only while the image is there.
    built.succeed("clean")
    assert "from the cache" in built.succeed("build").out


def test_touched_file(built: Project) -> None:
    before = built.succeed("build").out.splitlines()
    make_older(built.root / "main.py")
    after = built.succeed("build")
    assert not is_remembered(after)
    assert after.out.splitlines()[:4] == before[:4]


def test_changed_file(built: Project) -> None:
    before = build(built).target
    built.write({"main.py": "print(2)\n"})
    after = build(built).target
    assert after["status"] == "built"
    assert after["image"] != before["image"]
    # Only the file's layer, the check of paths and the image itself are new.
    assert after["actions"] == {"executed": 3, "local": 3, "remote": 0}
    assert layers(after)[:-1] == layers(before)[:-1]
    assert layers(after)[-1] != layers(before)[-1]
    # And back again: everything is there.
    built.write({"main.py": "print(1)\n"})
    assert build(built).target == before


def layers(report: dict[str, Any]) -> list[str]:
    """The digests of the layers of a target's report."""
    return [layer["digest"] for layer in report["platforms"][0]["layers"]]


def by_package(report: dict[str, Any]) -> dict[str, str]:
    """The digests of the layers by the only package of each."""
    return {" ".join(layer["packages"]): layer["digest"] for layer in report["platforms"][0]["layers"]}


def test_changed_mode(built: Project) -> None:
    before = build(built).target
    (built.root / "main.py").chmod(0o755)
    assert build(built).target["image"] != before["image"]
    # Other bits are not the image's business: they are what the umask made of them.
    (built.root / "main.py").chmod(0o600)
    assert build(built).target == before


def test_changed_lock(built: Project, index: FakeIndex) -> None:
    before = build(built).target
    index.add(make_package("beta", "2.0"))
    built.succeed("lock", "--upgrade")
    after = build(built).target
    assert (after["status"], after["image"] != before["image"]) == ("built", True)
    changed = [old != new for old, new in zip(layers(before), layers(after), strict=True)]
    assert changed == [False, False, True, False]


def test_a_package_s_layer_stays_when_another_goes(project: Project, index: FakeIndex) -> None:
    for name in ("alpha", "beta", "gamma"):
        index.add(make_package(name))
    project.write({"BUILD.yaml": environment(pip=["alpha", "beta", "gamma"])}).succeed("lock")
    before = build(project).target
    project.write({"BUILD.yaml": environment(pip=["alpha", "gamma"])}).succeed("lock")
    after = build(project).target
    assert after["actions"]["executed"] == 2
    expected = by_package(before)
    del expected["beta 1.0"]
    assert by_package(after) == expected


def test_configuration(built: Project) -> None:
    """What a container gets; the layers stay as they are."""
    before = build(built).target
    attributes: dict[str, object] = {
        "variables": {"A": "1"},
        "entrypoint": ["python", "/app/main.py"],
        "command": ["-x"],
        "labels": {"team": "ours"},
        "user": "1000:1000",
        "workdir": "/app",
    }
    built.write({"BUILD.yaml": target(**attributes)})
    after = build(built).target
    assert layers(after) == layers(before)
    manifest = json.loads(read_blob(built, after["digest"]))
    config = json.loads(read_blob(built, manifest["config"]["digest"]))["config"]
    assert [each.partition("=")[0] for each in config.pop("Env")] == ["A", "PATH"]
    assert config == {
        "Entrypoint": ["python", "/app/main.py"],
        "Cmd": ["-x"],
        "Labels": {"team": "ours"},
        "User": "1000:1000",
        "WorkingDir": "/app",
    }


def test_same_digest_elsewhere(built: Project, tmp_path: Path) -> None:
    """Neither the folder, its name, the umask nor the cache is in an image."""
    other = Project(tmp_path / "another" / "place").write(
        {name: data for name, data in built.contents().items() if name != "main.py"}
    )
    before = os.umask(0o077)
    try:
        other.write({"main.py": "print(1)\n"})
    finally:
        os.umask(before)
    assert build(other).target["digest"] == build(built).target["digest"]


# Debian's own users of one name meet here: the same file in two wheels is no mistake, another is.
@pytest.mark.parametrize("same", [True, False])
def test_two_owners_of_one_path(project: Project, index: FakeIndex, same: bool) -> None:
    for name in ("first", "second"):
        wheel = make_wheel(name, {"shared/notice.txt": b"same" if same else name.encode()})
        index.add((wheel.file_name, wheel.data))
    project.write({"BUILD.yaml": environment(pip=["first", "second"])}).succeed("lock")
    if same:
        assert build(project).target["status"] == "built"
        return
    error = project.fail(1, "build")
    assert error.startswith("error: `CheckPaths //:app` failed: ")
    assert "`first 1.0`" in error
    assert "`second 1.0`" in error
    assert "shared/notice.txt" in error
    assert "hint: " in error
    assert project.images() == []


def test_several_platforms(project: Project, index: FakeIndex) -> None:
    for machine in ("x86_64", "aarch64"):
        index.add(make_package("native", tag=f"cp311-cp311-manylinux_2_28_{machine}"))
    both = ["linux/arm64", "linux/amd64"]
    project.write({"BUILD.yaml": environment(pip=["native"], platforms=both)}).succeed("lock")
    files = {
        platform: part["artifacts"][0]["file"] for platform, part in project.lock("app")["platforms"].items()
    }
    assert files == {
        "linux/amd64": "native-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "linux/arm64": "native-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    }
    report = build(project).target
    assert [each["platform"] for each in report["platforms"]] == ["linux/amd64", "linux/arm64"]
    index_document = json.loads(read_blob(project, report["digest"]))
    assert [each["platform"]["architecture"] for each in index_document["manifests"]] == ["amd64", "arm64"]
    # One of them alone is an image of its own, with the same manifest.
    one = build(project, "--platform", "linux/arm64").target
    assert one["digest"] == report["platforms"][1]["digest"]
    assert one["image"] != report["image"]


def test_platform_that_is_not_the_target_s(built: Project) -> None:
    assert built.fail(2, "build", "--platform", "linux/arm64") == (
        "error: `//:app` is built for `linux/amd64`, not for `linux/arm64`\n"
        "hint: add it to the target's `platforms`, and lock it\n"
    )
    error = built.fail(2, "build", "--platform", "linux/amd46")
    assert error == "error: unknown platform `linux/amd46`\nhint: use one of `linux/amd64`, `linux/arm64`\n"


def test_files(project: Project) -> None:
    """Globs and folders, less what is ignored."""
    project.write(
        {
            "BUILD.yaml": environment(files={"conf": "/etc/app", "src/**/*.py": "/app"}),
            ".envbuildignore": "*.bak\n/conf/local/\n!keep.bak\n",
            "conf/a.ini": "a",
            "conf/a.bak": "ignored",
            "conf/keep.bak": "kept",
            "conf/local/secret.ini": "ignored",
            "src/main.py": "1",
            "src/deep/er/module.py": "2",
            "src/deep/notes.txt": "no match",
        }
    ).succeed("lock")
    report = build(project).target
    (action,) = [
        each
        for each in project.succeed("aquery", "--output", "json").json["actions"]
        if each["mnemonic"] == "FilesLayer"
    ]
    assert [path for path, _ in action["parameters"]["files"]] == [
        "/app/deep/er/module.py",
        "/app/main.py",
        "/etc/app/a.ini",
        "/etc/app/keep.bak",
    ]
    # A new file that the glob matches, and one that it does not.
    project.write({"src/new.txt": "no match"})
    assert build(project).target["image"] == report["image"]
    project.write({"src/new.py": "3"})
    assert build(project).target["image"] != report["image"]
    # An ignored file may come to be wanted.
    project.write({".envbuildignore": "*.bak\n/conf/local/\n/src/new.py\n!keep.bak\n"})
    assert build(project).target["image"] == report["image"]


def test_local_wheel(project: Project) -> None:
    wheel = make_wheel("mine", {"mine.py": b"1\n"})
    path = f"wheels/{wheel.file_name}"
    project.write({"BUILD.yaml": environment(wheels=[path]), path: wheel.data}).succeed("lock")
    before = build(project).target
    assert before["platforms"][0]["layers"][1]["packages"] == ["mine 1.0"]
    # Another wheel under the same name is another input: the lock tells its digest.
    project.write({path: make_wheel("mine", {"mine.py": b"2\n"}).data})
    assert "the lock of `//:app` is stale" in project.fail(3, "build")
    project.succeed("lock")
    assert build(project).target["digest"] != before["digest"]
