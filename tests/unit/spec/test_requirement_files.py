"""Which files requirements come from, whatever stands in them."""

from __future__ import annotations

from pathlib import Path

from envbuild.spec.requirement_files import RequirementFiles
from tests.makers.workspace import write_files


def find(root: Path, *entries: str) -> set[str]:
    """The files, relative to `root`, of entries in its folder `app`."""
    found = RequirementFiles().find(entries, str(root / "app"))
    return {Path(path).relative_to(root).as_posix() for path in found}


def test_includes_are_followed(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "app/requirements.in": """\
                numpy  # -r no.in
                -r more.in
                --constraint=../limits.txt
                ./own-1.0-py3-none-any.whl
                """,
            "app/more.in": "-r requirements.in\n-r\\\n gone.in\n--requirement '../with blank.txt'\n",
            "limits.txt": "-cdeeper/limits.txt\nnumpy<3\n",
        },
    )
    assert find(
        tmp_path, "six", "requirements.in", "../pyproject.toml[dev]", "wheels/a-1-py3-none-any.whl"
    ) == {
        "app/requirements.in",
        "app/more.in",
        "app/gone.in",
        "with blank.txt",
        "limits.txt",
        "deeper/limits.txt",
        "app/own-1.0-py3-none-any.whl",
        "pyproject.toml",
        "app/wheels/a-1-py3-none-any.whl",
    }


def test_what_cannot_be_read_names_nothing(tmp_path: Path) -> None:
    """To say what is wrong with it is for who needs its contents."""
    write_files(tmp_path, {"app/bytes.txt": b"\xff-r x.in\n", "app/quote.in": "-r 'open\n-e .\nnumpy ==\n"})
    assert find(tmp_path, "bytes.txt", "quote.in") == {"app/bytes.txt", "app/quote.in"}


def test_links_lead_to_the_real_file(tmp_path: Path) -> None:
    write_files(tmp_path, {"shared/all.in": "-r beside.in\n", "app/x": ""})
    (tmp_path / "app/requirements.in").symlink_to("../shared/all.in")
    assert find(tmp_path, "requirements.in") == {"shared/all.in", "shared/beside.in"}
