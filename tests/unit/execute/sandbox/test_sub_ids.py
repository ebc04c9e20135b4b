from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.execute.sandbox.sub_ids import advise_sub_ids

NOBODY = 65534
FILES: dict[str, tuple[str, str, int]] = {
    "nobody has any": ("", "", 100_000),
    "somebody has the first": ("robin:100000:65536\n", "", 165_536),
    "of groups only": ("", "robin:300000:10\n", 300_010),
    "gaps stay": ("a:100000:65536\nb:900000:1\n", "c:200000:65536\n", 900_001),
    "what makes no sense": ("# all\nx:y:z\n:::\n", "", 100_000),
    "ranges of one's own": ("nobody:100000:10\n", "nobody:100000:10\n", 100_010),
}


@pytest.mark.parametrize(("users", "groups", "begin"), FILES.values(), ids=FILES)
def test_a_range_that_nobody_has(tmp_path: Path, users: str, groups: str, begin: int) -> None:
    files = (tmp_path / "subuid", tmp_path / "subgid")
    for path, text in zip(files, (users, groups), strict=True):
        path.write_text(text)
    advice = advise_sub_ids(NOBODY, files)
    assert f"get sub-ids: `echo nobody:{begin}:65536 | sudo tee -a {files[0]} {files[1]}`; or " in advice


def test_where_there_are_no_files_and_no_name(tmp_path: Path) -> None:
    assert "`echo 4000000:100000:65536 | " in advise_sub_ids(4_000_000, (tmp_path / "none",))


def test_without_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert advise_sub_ids(NOBODY).startswith("install `uidmap`, and get sub-ids: ")


def test_root_of_a_container_has_what_it_was_started_with() -> None:
    assert advise_sub_ids(0).startswith("start this container with 65,536 users and groups or more")
