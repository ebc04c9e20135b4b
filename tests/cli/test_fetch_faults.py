"""Sources that do not give what is locked: no image, nothing half-written, and who is to blame."""

from __future__ import annotations

import pytest

from tests.makers.index import FakeIndex, IndexedFile, make_package, run_index
from tests.makers.project import Project, environment, name_indexes

FILE = "alpha-1.0-py3-none-any.whl"
FAILED = "error: `WheelLayer alpha 1.0` failed: "


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    """A project that is locked, and not built."""
    index.add(make_package("alpha", payload=bytes(range(256)) * 100))
    index.add(make_package("beta"))
    return lock(project)


def lock(project: Project) -> Project:
    project.write({"BUILD.yaml": environment(pip=["alpha", "beta"])}).succeed("lock")
    return project


def replace_file(index: FakeIndex, data: bytes, sha256: str = "") -> None:
    """Serve other bytes under the same name, and the same claim unless another is given."""
    (file,) = index.files["alpha"]
    index.files["alpha"] = [IndexedFile(file.name, data, sha256 or file.sha256)]


def test_other_bytes(locked: Project, index: FakeIndex) -> None:
    (file,) = index.files["alpha"]
    replace_file(index, file.data[:-1] + b"!")
    error = locked.fail(4, "build")
    assert error.startswith(
        f"{FAILED}cannot fetch `alpha` from `pypi`: `{index.origin}/files/{FILE}` has the sha256 "
    )
    assert f"but {file.sha256} is locked\n" in error
    assert error.endswith("trust neither before you know why, then lock again\n")
    assert locked.images() == []


def test_another_claim(locked: Project, index: FakeIndex) -> None:
    replace_file(index, b"", sha256="0" * 64)
    assert locked.fail(4, "build") == (
        f"{FAILED}the index `pypi` offers `{FILE}` with another sha256 than the one locked\n"
        "hint: find out why it was replaced; then run `envbuild lock --upgrade-package alpha`\n"
    )


def test_truncated_download(locked: Project, index: FakeIndex) -> None:
    index.truncated.add(FILE)
    index.ranges = False
    error = locked.fail(4, "build")
    assert error == (
        f"{FAILED}cannot fetch `alpha` from `pypi`: `{index.origin}/files/{FILE}` broke off its answer\n"
        "hint: try again; a proxy may be in between\n"
    )
    assert locked.images() == []
    index.truncated.clear()
    locked.succeed("build")


# A server may send without end: no more is read than is locked.
def test_longer_file(locked: Project, index: FakeIndex) -> None:
    (file,) = index.files["alpha"]
    replace_file(index, file.data + b"more than is locked")
    assert "is larger than the " in locked.fail(4, "build")


def test_shorter_file(locked: Project, index: FakeIndex) -> None:
    replace_file(index, b"gone")
    error = locked.fail(4, "build")
    assert f"`{index.origin}/files/{FILE}` ended after 4 of " in error
    assert "hint: try again; if it stays so, the file was replaced: lock again\n" in error


@pytest.mark.parametrize(
    ("key", "status", "text", "hint"),
    [
        ("alpha", 403, "(forbidden)", "ask for access, or check the login for this host in ~/.netrc"),
        ("alpha", 401, "(unauthorized)", "put a login for this host into ~/.netrc"),
        (FILE, 404, "(not found)", "check the name and the address"),
        (FILE, 500, "(internal server error)", "try again later"),
    ],
)
def test_refusals(locked: Project, index: FakeIndex, key: str, status: int, text: str, hint: str) -> None:
    index.statuses[key] = status
    error = locked.fail(4, "build")
    place = f"files/{FILE}" if key == FILE else "simple/alpha/"
    answer = f"cannot fetch `alpha` from `pypi`: `{index.origin}/{place}` answered {status} {text}\n"
    assert error.startswith(FAILED + answer)
    assert f"hint: {hint}" in error
    assert locked.images() == []


def test_package_that_is_gone(locked: Project, index: FakeIndex) -> None:
    del index.files["alpha"]
    assert locked.fail(4, "build") == (
        f"{FAILED}the index `pypi` ({index.url}) has no package `alpha`\n"
        "hint: check the index in envbuild.yaml, or lock again\n"
    )


def test_file_that_is_gone(locked: Project, index: FakeIndex) -> None:
    index.files["alpha"] = [index.add(make_package("alpha", "2.0"))]
    assert locked.fail(4, "build") == (
        f"{FAILED}the index `pypi` has no file `{FILE}` any more\n"
        "hint: run `envbuild lock --upgrade-package alpha`\n"
    )


# Nothing listens: the network is gone, not the package.
def test_unreachable_source(project: Project) -> None:
    with run_index(make_package("alpha"), make_package("beta")) as gone:
        project.write({"envbuild.yaml": name_indexes(pypi=gone.url)})
        lock(project)
    error = project.fail(4, "build")
    assert error.startswith("error: `WheelLayer ")
    assert f"cannot fetch `alpha` from `pypi`: `{gone.url}/" in error
    assert "hint: " in error
    assert project.images() == []


# All that a build needs is in the cache: no source is asked.
def test_unreachable_source_that_is_not_needed(project: Project) -> None:
    with run_index(make_package("alpha"), make_package("beta")) as gone:
        project.write({"envbuild.yaml": name_indexes(pypi=gone.url)})
        lock(project)
        built = project.succeed("build", "--output", "json").target
    project.succeed("clean")
    assert project.images() == []
    again = project.succeed("build", "--output", "json").target
    assert (again["status"], again["digest"]) == ("cached", built["digest"])


# What can be built is built; the report and the exit code tell of what cannot.
def test_keep_going(project: Project, index: FakeIndex) -> None:
    index.add(make_package("alpha"))
    index.add(make_package("beta"))
    project.write({"BUILD.yaml": environment(pip=["alpha"]) + environment("other", pip=["beta"])})
    project.succeed("lock", "//...")
    index.statuses[FILE] = 403
    outcome = project.run("build", "//...", "--keep-going", "--output", "json")
    assert outcome.code == 4
    failed, built = outcome.json["targets"]
    assert (failed["label"], failed["status"], failed["platforms"]) == ("//:app", "failed", [])
    assert (built["label"], built["status"]) == ("//:other", "built")
    assert f"{FAILED}cannot fetch `alpha` from `pypi`" in outcome.err
    assert failed["error"] == {
        "exit_code": 4,
        "message": f"{FAILED.removeprefix('error: ')}cannot fetch `alpha` from `pypi`: "
        f"`{index.origin}/files/{FILE}` answered 403 (forbidden)",
        "hint": "ask for access, or check the login for this host in ~/.netrc",
    }
    assert "error" not in built
    assert len(project.images()) == 1
    # A failure is not remembered as an answer.
    assert project.run("build", "//...", "--keep-going", "--output", "json").code == 4
    index.statuses.clear()
    project.succeed("build", "//...", "--keep-going", "--output", "json")


# Each target is told of its own errors, of which two targets may share one, and a target may have several.
def test_keep_going_pairs_errors_with_targets(project: Project, index: FakeIndex) -> None:
    files = [index.add(make_package(name)).name for name in ("alpha", "beta")]
    targets = environment("a", pip=["alpha"]) + environment("ab", pip=["alpha", "beta"])
    project.write({"BUILD.yaml": targets}).succeed("lock", "//...")
    index.statuses |= dict.fromkeys(files, 403)
    outcome = project.run("build", "//...", "--keep-going", "--output", "json")
    one, both = (target["error"]["message"] for target in outcome.json["targets"])
    assert outcome.code == 4
    assert ("alpha 1.0" in one, "beta 1.0" in one) == (True, False)
    assert ("alpha 1.0" in both, "beta 1.0" in both) == (True, True)
