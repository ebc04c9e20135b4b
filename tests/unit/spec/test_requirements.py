"""Requirements: one normal form, and every fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.errors import ErrorGroup, Location
from envbuild.spec.requirement_line import parse_pinned
from envbuild.spec.requirements import Requirements, read_requirements
from tests.makers.index import make_package

HERE = Location("BUILD.yaml", 7, 3)
SHA = "a" * 64


def read(root: Path, *entries: str, folder: str = "") -> Requirements:
    return read_requirements([(entry, HERE) for entry in entries], root / folder, root)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_normal_form(tmp_path: Path) -> None:
    found = read(tmp_path, "Ruamel.YAML [B,a] <2 , >=1 ; python_version<'3.12'", f"six --hash=sha256:{SHA}")
    assert found.requirements == (
        'ruamel-yaml[a,b]<2,>=1; python_version < "3.12"',
        f"six --hash=sha256:{SHA}",
    )


def test_order_and_comments_change_nothing(tmp_path: Path) -> None:
    write(tmp_path / "one.txt", "# what we need\nsix\nNumPy>=1  # fast\n\n")
    write(tmp_path / "two.txt", "numpy >= 1\nsix \\\n  \n")
    assert read(tmp_path, "one.txt") == read(tmp_path, "two.txt")


def test_files_include_files_relative_to_themselves(tmp_path: Path) -> None:
    write(tmp_path / "app/requirements.in", "-r more/dev.txt\n--constraint=../bounds.txt\nsix\n")
    write(tmp_path / "app/more/dev.txt", "pytest\n-r ../requirements.in\n")  # a circle ends
    write(tmp_path / "bounds.txt", "-r app/more/extra.txt\nsix<2\n")  # what a constraint includes is one, too
    write(tmp_path / "app/more/extra.txt", "numpy<3\n")
    found = read(tmp_path, "requirements.in", folder="app")
    assert found.requirements == ("pytest", "six")
    assert found.constraints == ("numpy<3", "six<2")
    assert [file.relative_to(tmp_path).as_posix() for file in found.files] == [
        "app/more/dev.txt",
        "app/more/extra.txt",
        "app/requirements.in",
        "bounds.txt",
    ]


def test_a_file_with_a_fault_is_one_for_all_that_name_it(tmp_path: Path) -> None:
    write(tmp_path / "bounds.txt", "six<2\nnumpy[fast]<3\n")
    for name in ("one.in", "two.in"):
        write(tmp_path / name, "-c bounds.txt\n")
        with pytest.raises(ErrorGroup) as caught:
            read(tmp_path, name)
        assert [error.location for error in caught.value.errors] == [Location("bounds.txt", 2)]
    write(tmp_path / "three.in", "-r bounds.txt\n")  # no fault of requirements
    assert read(tmp_path, "three.in").requirements == ("numpy[fast]<3", "six<2")


def test_pyproject_with_extras_and_groups(tmp_path: Path) -> None:
    write(
        tmp_path / "pyproject.toml",
        """
        [project]
        dependencies = ["six"]
        [project.optional-dependencies]
        plot = ["matplotlib>=3"]
        [dependency-groups]
        lint = ["ruff"]
        dev = ["pytest", {include-group = "lint"}]
        """,
    )
    assert read(tmp_path, "pyproject.toml").requirements == ("six",)
    assert read(tmp_path, "pyproject.toml[Plot, dev]").requirements == (
        "matplotlib>=3",
        "pytest",
        "ruff",
        "six",
    )


def test_wheels_by_content(tmp_path: Path) -> None:
    name, data = make_package("own")
    (tmp_path / "app").mkdir()
    (tmp_path / name).write_bytes(data)
    (wheel,) = read(tmp_path, f"../{name}", folder="app").wheels
    assert (wheel.file, wheel.name, wheel.version, wheel.size) == (name, "own", "1.0", len(data))


def test_a_url_gets_its_name_and_keeps_its_digest(tmp_path: Path) -> None:
    url = "https://files.example/own-1.0-py3-none-any.whl"
    assert read(tmp_path, f"{url}#sha256={SHA}&egg=x").requirements == (f"own @ {url}#sha256={SHA}",)


def test_the_url_of_an_sdist(tmp_path: Path) -> None:
    url = "https://files.example/Own-1.0.tar.gz"
    (text,) = read(tmp_path, f"{url}#sha256={SHA} ; python_version > '3'").requirements
    assert text == f'own @ {url}#sha256={SHA} ; python_version > "3"'
    assert (parse_pinned(text).sdist, parse_pinned("own>=1").sdist) == (f"{url}#sha256={SHA}", "")
    assert parse_pinned("own @ https://files.example/own-1.0-py3-none-any.whl").sdist == ""


REFUSED = {
    "-e .": "an editable requirement cannot be locked",
    "git+https://host.example/x": "`git+https://host.example/x` is a version control requirement",
    "x @ git+https://me:pw@host.example/x": "`x @ git+https://host.example/x` is a version control",
    "--index-url https://me:pw@host.example": "`--index-url` does not belong into requirements",
    "--extra-index-url=https://host.example": "`--extra-index-url` does not belong into requirements",
    "--pre": "the option `--pre` is not supported",
    "six --no-binary": "the option `--no-binary` is not supported",
    "six >= nothing": "`six >= nothing` is no requirement: ",
    "x @ https://me:pw@host.example/x-1.0-py3-none-any.whl": "the URL of `x` holds credentials",
    "x @ https://host.example/x-1.0.zip": "`https://host.example/x-1.0.zip` is a source archive, but no",
    "x @ https://host.example/v1.0.tar.gz": "`v1.0.tar.gz` is no sdist's file name",
    "x @ https://host.example/y-1.0.tar.gz": "`x` is given the URL of an sdist of `y`",
    "https://host.example/x": "`https://host.example/x` is no wheel",
    "x @ https://host.example/y-1.0-py3-none-any.whl": "`x` is given the URL of a wheel of `y`",
    "x @ ftp://host.example/x-1.0-py3-none-any.whl": "is no `https:` URL",
    "x @ file:///x-1.0-py3-none-any.whl": "is a `file:` URL",
    "./x.tar.gz": "`x.tar.gz` is no sdist's file name",
    "./x-1.0.zip": "`./x-1.0.zip` is not the path of a wheel",
    "./gone-1.0.tar.gz": "there is no file `gone-1.0.tar.gz`",
    "./gone-1.0-py3-none-any.whl": "there is no file `gone-1.0-py3-none-any.whl`",
    "../x-1.0-py3-none-any.whl": "`x-1.0-py3-none-any.whl` lies outside of the workspace",
    "./odd.whl": "`odd.whl` is no wheel's file name",
    "-r gone.txt": "there is no file `gone.txt`",
    "-r ../../etc/passwd": "`../../etc/passwd` lies outside of the workspace",
    "-r https://host.example/r.txt": "`-r` names a URL",
    "six --hash=md5:00": "`--hash=md5:00` is no sha256",
    "x @ https://[host/x-1.0-py3-none-any.whl": "`https://[host/x-1.0-py3-none-any.whl` is a malformed URL",
    "https://[host/x-1.0-py3-none-any.whl": "`https://[host/x-1.0-py3-none-any.whl` is a malformed URL",
    f"./{'x' * 5000}.whl": "is no path of a file",
    f"-r {'x' * 5000}.txt": "is no path of a file",
    "-r x\0.txt": "is no path of a file",
    f"https://h.example/x-1-{'9' * 5000}-py3-none-any.whl": "is no wheel's file name",
    f"x>={'9' * 5000}": "is no requirement: expected printable text of at most 4096 characters",
    "x===\x1b[2J": "is no requirement: expected printable text",
    "x; " + "(" * 2000 + "os_name == 'x'" + ")" * 2000: "is no requirement: its marker is nested too deeply",
    "x${SUFFIX}": "`x${SUFFIX}` holds an environment variable",
}


@pytest.mark.parametrize(("line", "message"), REFUSED.items())
def test_refused(tmp_path: Path, line: str, message: str) -> None:
    write(tmp_path / "r.txt", f"\n{line}\n")
    with pytest.raises(ErrorGroup) as caught:
        read(tmp_path, "r.txt")
    (error,) = caught.value.errors
    assert message in error.message
    assert error.location == Location("r.txt", 2)
    assert error.hint
    assert "pw" not in str(error).replace("passwd", "")


def test_all_faults_together(tmp_path: Path) -> None:
    write(tmp_path / "r.txt", "-e .\nsix\n-c c.txt\n>=1\n")
    write(tmp_path / "c.txt", "numpy[x]<3\n")
    with pytest.raises(ErrorGroup) as caught:
        read(tmp_path, "r.txt", "gone.in", "!")
    assert [str(error.location) for error in caught.value.errors] == [
        "r.txt:1",
        "c.txt:1",
        "r.txt:4",
        "BUILD.yaml:7:3",
        "BUILD.yaml:7:3",
    ]


PROJECTS = {
    "dependencies = [": "this is no TOML: ",
    "a = " + "[" * 100_000: "this is no TOML: nested too deeply",
    "a = " + "9" * 5000: "this is no TOML: exceeds the limit",
    "project = 1": "`project` is not a table",
    "[project]\ndependencies = [1]": "`dependencies` of `[project]` holds something else than texts",
    "[dependency-groups]\na = []": "there is neither an extra nor a dependency group `dev`",
    "[dependency-groups]\ndev = [{include-group = 'dev'}]": "include each other: `dev` -> `dev`",
}


@pytest.mark.parametrize(("text", "message"), PROJECTS.items())
def test_broken_projects(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "pyproject.toml", text)
    with pytest.raises(ErrorGroup) as caught:
        read(tmp_path, "pyproject.toml[dev]")
    assert message in caught.value.errors[0].message
    assert caught.value.errors[0].location == Location("pyproject.toml")


def test_a_pyproject_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ErrorGroup, match=r"pyproject\.toml: the file is not UTF-8"):
        read(tmp_path, "pyproject.toml")


# Each includes the next one twice: what is included is read once, or it would take for ever.
def test_groups_that_double(tmp_path: Path) -> None:
    groups = [f"g{n} = [{{include-group = 'g{n + 1}'}}, {{include-group = 'g{n + 1}'}}]" for n in range(60)]
    write(tmp_path / "pyproject.toml", "\n".join(["[dependency-groups]", *groups, "g60 = ['six']"]))
    assert read(tmp_path, "pyproject.toml[g0]").requirements == ("six",)


def test_a_chain_of_groups_without_end(tmp_path: Path) -> None:
    groups = [f"g{n} = [{{include-group = 'g{n + 1}'}}]" for n in range(5000)]
    write(tmp_path / "pyproject.toml", "\n".join(["[dependency-groups]", *groups, "g5000 = []"]))
    with pytest.raises(ErrorGroup, match="dependency groups include each other over 100 levels"):
        read(tmp_path, "pyproject.toml[g0]")


def test_a_chain_of_files_without_end(tmp_path: Path) -> None:
    for n in range(300):
        write(tmp_path / f"r{n}.txt", f"-r r{n + 1}.txt\n")
    with pytest.raises(ErrorGroup, match="requirement files name each other over 100 levels"):
        read(tmp_path, "r0.txt")


def test_a_fault_in_a_pyproject_has_its_line(tmp_path: Path) -> None:
    write(
        tmp_path / "pyproject.toml",
        '[project]\ndependencies = [\n  "six",\n  "git+https://host.example/x",\n]\n',
    )
    with pytest.raises(ErrorGroup) as caught:
        read(tmp_path, "pyproject.toml")
    assert caught.value.errors[0].location == Location("pyproject.toml", 4)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ErrorGroup, match=r"BUILD.yaml:7:3: `r.txt` is not UTF-8"):
        read(tmp_path, "r.txt")
