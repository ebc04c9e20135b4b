from __future__ import annotations

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from envbuild import __version__
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.settings import BuildSettings, CacheSettings
from envbuild.spec.workspace import Workspace, find_workspace, load_workspace
from tests.makers.workspace import Looks, failures, write_files


def load(root: Path, text: str) -> Workspace:
    write_files(root, {"envbuild.yaml": text, "rules/r.py": "", "keys/k.gpg": ""})
    return load_workspace(root, Unrecorded())


def fails(root: Path, text: str) -> list[str]:
    return failures(lambda: load(root, text))


def test_an_empty_file_is_a_workspace_with_the_machine_s_own_sources(tmp_path: Path) -> None:
    workspace = load(tmp_path, "")
    assert [(source.alias, source.kind, source.urls) for source in workspace.sources] == [
        ("pypi", "index", ()),
        ("debian", "debian", ()),
    ]
    assert (workspace.registry, workspace.image, workspace.epoch) == ("", "envs/env_{hash}", 315532800)
    assert (workspace.rules, workspace.build) == ((), BuildSettings(None, False))
    assert workspace.cache == CacheSettings(20 * 10**9, 14 * 86_400)


def test_everything_stated(tmp_path: Path) -> None:
    workspace = load(
        tmp_path,
        """\
        required_version: ">=0.1"
        registry: 127.0.0.1:5000/team
        image: envs:env_{hash}
        rules: [rules]
        epoch: 1700000000
        build: {jobs: 4, keep_going: true}
        cache: {max_size: 5GB, keep_days: 3}
        """,
    )
    assert (workspace.registry, workspace.image) == ("127.0.0.1:5000/team", "envs:env_{hash}")
    assert (workspace.rules, workspace.epoch) == ((tmp_path / "rules",), 1700000000)
    assert workspace.build == BuildSettings(4, True)
    assert workspace.cache == CacheSettings(5 * 10**9, 3 * 86_400)


def test_half_of_a_section(tmp_path: Path) -> None:
    """What it does not state is as without it."""
    assert load(tmp_path, "cache: {max_size: 1k}").cache == CacheSettings(max_size=1000)
    assert load(tmp_path, "cache: {keep_days: 0}").cache == CacheSettings(max_age=0)
    assert load(tmp_path, "build: {keep_going: true}").build == BuildSettings(None, True)


def test_the_nearest_workspace_is_found_from_below(tmp_path: Path) -> None:
    write_files(tmp_path, {"envbuild.yaml": "", "a/b/x": "", "a/inner/envbuild.yaml": "", "a/inner/c/x": ""})
    looks = Looks(tmp_path)
    assert find_workspace(tmp_path / "a/b", looks) == tmp_path
    # A file that appears in one of them later changes the answer.
    assert looks.names == ["a/b/envbuild.yaml", "a/envbuild.yaml", "envbuild.yaml"]
    assert find_workspace(tmp_path / "a/inner/c", Unrecorded()) == tmp_path / "a/inner"


def test_no_workspace_anywhere(tmp_path: Path) -> None:
    (error,) = failures(lambda: find_workspace(tmp_path, Unrecorded()))
    assert error.splitlines() == [
        f"`{tmp_path}` is in no workspace: there is no `envbuild.yaml` there or above",
        "hint: run `envbuild init`, or name the folder with `--workspace`",
    ]


def test_a_newer_workspace_is_told_first(tmp_path: Path) -> None:
    """What else it states may be wrong only for this version."""
    (error,) = fails(tmp_path, 'from_the_future: 1\nrequired_version: ">=99,<100"')
    assert error.splitlines() == [
        f"envbuild.yaml:2:19: this workspace needs envbuild `>=99,<100`, and this is `{__version__}`",
        "hint: run `pip install 'envbuild>=99,<100'`",
    ]
    assert fails(tmp_path, "required_version: new") == [
        'envbuild.yaml:1:19: `new` is no version range\nhint: write `">=1.2"`'
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        ">=0",
        ">=0.0.0",
        ">=0.1",
        ">=0.1.0",
        ">=0.1.0.0",
        ">=0.1.0.1",
        ">=0.01",
        ">=0.1.1",
        ">=0.2",
        ">=1",
        ">=10",
    ],
)
def test_the_least_version_is_judged_as_packaging_judges_it(tmp_path: Path, wanted: str) -> None:
    text = f'required_version: "{wanted}"'
    if SpecifierSet(wanted).contains(__version__):
        assert load(tmp_path, text).required_version == wanted
    else:
        (error,) = fails(tmp_path, text)
        assert f"this workspace needs envbuild `{wanted}`" in error


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    text = """\
        required_version: 1.0
        regsitry: x
        registry: https://host/x
        image: envs/env
        rules: [missing, .., 3]
        epoch: 0
        build: {jobs: 0, keep-going: true}
        cache: {max_size: 1 TB, keep_days: two}
        """
    assert fails(tmp_path, text) == [
        (
            "envbuild.yaml:1:19: `required_version` must be text, not a number\n"
            'hint: quote it: `required_version: "1.0"`'
        ),
        "envbuild.yaml:2:1: the workspace has no attribute `regsitry`\nhint: did you mean `registry`?",
        (
            "envbuild.yaml:3:11: this names no registry\n"
            "hint: write `host`, `host:port` or `host/path`; logins are Docker's (`docker login`)"
        ),
        (
            "envbuild.yaml:4:8: `envs/env` names no image by its `{hash}`\n"
            "hint: write a repository (`envs/env_{hash}`), or one and a tag (`envs:env_{hash}`)"
        ),
        "envbuild.yaml:5:9: there is no folder `missing`\nhint: check the path",
        "envbuild.yaml:5:18: `..` lies outside of the workspace\nhint: copy it into it",
        'envbuild.yaml:5:22: an item of `rules` must be text, not an integer\nhint: quote it: `"3"`',
        (
            "envbuild.yaml:6:8: `0` is no time that archives can hold\n"
            "hint: write Unix seconds from 315532800 (1980) on, below 8589934592"
        ),
        "envbuild.yaml:7:15: `jobs` must be at least 1\nhint: without it, there are as many as cores",
        "envbuild.yaml:7:18: `build` has no attribute `keep-going`\nhint: did you mean `keep_going`?",
        ("envbuild.yaml:8:19: `1 TB` is no amount\nhint: write a whole number and one of `k`, `m`, `g`"),
        (
            "envbuild.yaml:8:36: `keep_days` must be an integer, not text\n"
            "hint: write decimal digits, without quotes"
        ),
    ]


@pytest.mark.parametrize(
    "image", ["env_{hash}", "a/b-c/d__e.f_{hash}", "envs:env_{hash}", "envs/x:v1-{hash}"]
)
def test_names_of_images(tmp_path: Path, image: str) -> None:
    assert load(tmp_path, f"image: '{image}'").image == image


@pytest.mark.parametrize(
    "image", ["Envs/{hash}", "/envs/{hash}", "envs//{hash}", "a:b:{hash}", "x", "{hash}:a/b"]
)
def test_names_that_no_image_can_have(tmp_path: Path, image: str) -> None:
    (error,) = fails(tmp_path, f"image: '{image}'")
    assert error.startswith(f"envbuild.yaml:1:8: `{image}` names no image by its `{{hash}}`")


def test_hosts_without_tls(tmp_path: Path) -> None:
    hosts = ("host", "host.example:5000", "[::1]:5000")
    assert load(tmp_path, f"plain_http: {list(hosts)}").plain_http == hosts
    for wrong in ("http://host", "host/path", "host:port", ""):
        (error,) = fails(tmp_path, f"plain_http: ['{wrong}']")
        assert error.splitlines() == [
            "envbuild.yaml:1:14: this names no registry's host",
            "hint: write `host` or `host:port`",
        ]


def test_the_form_of_a_secret(tmp_path: Path) -> None:
    """It is not that of the flag, and the value is not repeated: it may be the secret itself."""
    (error,) = fails(tmp_path, "build: {secrets: {token: hunter2}}")
    assert error.splitlines() == [
        "envbuild.yaml:1:26: a secret is stated in a form that is not known",
        "hint: write `src=FILE`, or `env=VARIABLE`",
    ]


def test_wrong_shapes(tmp_path: Path) -> None:
    (error,) = fails(tmp_path, "- a")
    assert error.splitlines() == [
        "envbuild.yaml:1:1: must be a mapping, not a list",
        "hint: write `required_version: ...` and other settings, or leave the file empty",
    ]
    for name in ("build", "cache"):
        assert fails(tmp_path, f"{name}: 4") == [
            f"envbuild.yaml:1:8: `{name}` must be a mapping, not an integer\nhint: write `{name}: {{...}}`"
        ]


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    error = failures(lambda: load_workspace(tmp_path, Unrecorded()))
    assert error == ["envbuild.yaml: cannot read it: No such file or directory"]
