"""`envbuild import --prefix`: an environment that conda made."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.imports.conftest import LIB, PYTHON, SHA, SITE, SIX, build_file
from tests.makers.conda_channel import Channel
from tests.makers.index import FakeIndex
from tests.makers.project import Project


@pytest.fixture
def prefix(tmp_path: Path, channel: Channel) -> Path:
    """An environment that rattler has installed from the channel."""
    prefix = tmp_path / "envs" / "made"
    asyncio.run(install(channel, prefix))
    return prefix


async def install(channel: Channel, prefix: Path) -> None:
    from rattler import GenericVirtualPackage, PackageName, Subdir, Version, solve
    from rattler import install as link
    from rattler.package import BuildString

    glibc = GenericVirtualPackage(PackageName("__glibc"), Version("2.36"), BuildString("0"))
    records = await solve(
        sources=[channel.url], specs=["six"], platforms=["linux-64", "noarch"], virtual_packages=[glibc]
    )
    await link(
        records,
        target_prefix=prefix,
        cache_dir=prefix.parent / "cache",
        show_progress=False,
        platform=Subdir("linux-64"),
    )


def put(prefix: Path, name: str, origin: Any = None) -> None:
    """What pip leaves of a package that it installed."""
    folder = prefix / SITE / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\nName: lie\n")
    (folder / "INSTALLER").write_text("pip\n")
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))


def test_a_prefix(workspace: Project, prefix: Path, channel: Channel) -> None:
    put(prefix, "own")
    url = "https://f.example/demo-1.0-py3-none-any.whl"
    put(prefix, "demo", {"url": url, "archive_info": {"hashes": {"sha256": SHA}}})
    source = "https://f.example/source-1.0.tar.gz"
    put(prefix, "source", {"url": source, "archive_info": {"hash": f"sha256={SHA}"}})
    state = {"version": 1, "env_vars": {"TOKEN": "hush"}}
    (prefix / "conda-meta/state").write_text(json.dumps(state))
    said = workspace.succeed("import", "--prefix", str(prefix))
    lines = (workspace.root / "made.explicit.txt").read_text().splitlines()
    assert lines[:2] == ["# platform: linux-64", "@EXPLICIT"]
    assert [line.partition("#sha256:")[0].removeprefix(f"{channel.url}/") for line in lines[2:]] == [
        LIB.file,
        PYTHON.file,
        SIX.file,
    ]
    assert all(len(line.partition("#sha256:")[2]) == 64 for line in lines[2:])
    # six is conda's: its record owns the metadata that pip would go by.
    lines = (workspace.root / "made.requirements.txt").read_text().splitlines()
    assert lines == [f"demo @ {url}#sha256={SHA}", "own==1.0", f"source @ {source}#sha256={SHA}"]
    stated = "    conda: made.explicit.txt\n    pip: made.requirements.txt\n    sdists: [source]\n"
    assert stated in build_file(workspace)
    assert said.err == "note: not imported, as they may be secret: state them under `variables`: `TOKEN`\n"
    assert b"hush" not in b"".join(workspace.contents().values())


def test_a_prefix_locks_to_what_it_is(workspace: Project, prefix: Path, index: FakeIndex) -> None:
    put(prefix, "own")
    workspace.succeed("import", "--prefix", str(prefix))
    build = build_file(workspace)
    bare = '- environment:\n    name: made\n    base: scratch\n    libc: "glibc 2.36"\n'
    rest = build[build.index("    conda:") :]
    (workspace.root / "BUILD.yaml").write_text(bare + rest)
    workspace.succeed("lock", ":made")
    artifacts = workspace.lock("made")["platforms"]["linux/amd64"]["artifacts"]
    assert sorted((each["kind"], each["name"], each["version"]) for each in artifacts) == [
        ("conda", "libfoo", "1.0"),
        ("conda", "python", "3.11.9"),
        ("conda", "six", "1.16.0"),
        ("wheel", "own", "1.0"),
    ]


def test_what_pip_has_from_nowhere_in_a_prefix(workspace: Project, prefix: Path) -> None:
    put(prefix, "edited", {"url": "file:///home/me/edited", "dir_info": {"editable": True}})
    put(prefix, "cloned", {"url": "https://h.example/x", "vcs_info": {"vcs": "git", "commit_id": "1"}})
    put(prefix, "copied", {"url": "file:///home/me/copied-1.0-py3-none-any.whl", "archive_info": {}})
    (prefix / SITE / "old.egg-link").write_text("/home/me/old\n")
    said = workspace.fail(2, "import", "--prefix", str(prefix))
    assert [line for line in said.splitlines() if "error:" in line] == [
        "error: `cloned` was installed from version control: there is nothing to fetch it from",
        "error: `copied` was installed from a file of the machine: there is nothing to fetch it from",
        "error: `edited` was installed from a folder: there is nothing to fetch it from",
        "error: `old` was not installed by pip, or for development: there is nothing to fetch it from",
    ]
    assert "/home/me" not in said
    options = [word for name in ("Edited", "cloned", "copied", "old") for word in ("--without", name)]
    workspace.succeed("import", "--prefix", str(prefix), *options)
    assert not (workspace.root / "made.requirements.txt").exists()
    assert "pip has installed no `gone`" in workspace.fail(
        2, "import", "--prefix", str(prefix), *options, "--without", "gone", "--name", "again"
    )


def test_logins_in_a_prefix_stay_there(workspace: Project, prefix: Path) -> None:
    (record,) = (prefix / "conda-meta").glob("six-*.json")
    told = json.loads(record.read_text())
    told["url"] = "https://me:hush@conda.example/t/hu-sh/forge/noarch/six-1.16.0-0.conda"
    record.write_text(json.dumps(told))
    workspace.succeed("import", "--prefix", str(prefix))
    text = (workspace.root / "made.explicit.txt").read_text()
    assert "https://conda.example/forge/noarch/six-1.16.0-0.conda#sha256:" in text
    assert "hush" not in text
    assert "hu-sh" not in text


@pytest.mark.parametrize("data", [b"[]", b"{", b"[" * 100_000, b'{"url": 1}', b'{"url": "x"}', b"\xff"])
def test_records_that_are_none(workspace: Project, prefix: Path, data: bytes) -> None:
    (prefix / "conda-meta/bad.json").write_bytes(data)
    assert "`conda-meta/bad.json`" in workspace.fail(2, "import", "--prefix", str(prefix))


def test_files_are_not_replaced(workspace: Project, prefix: Path) -> None:
    workspace.write({"made.explicit.txt": "mine\n"})
    assert "`made.explicit.txt` is there already" in workspace.fail(2, "import", "--prefix", str(prefix))
    shutil.rmtree(prefix)
