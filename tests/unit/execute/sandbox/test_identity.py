from __future__ import annotations

import os
from pathlib import Path

import pytest

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.identity import Identity, Range, find_identity, read_sub_ids

ROOT, NOBODY = 0, 65534


def test_ranges_are_granted_by_name_or_number_and_put_behind_one_another(tmp_path: Path) -> None:
    grants = tmp_path / "subuid"
    grants.write_text("other:1:2\nnobody:100000:65536\n\n65534:300000:10\nnobody:x:1\nnobody:1\n")
    assert read_sub_ids(grants, NOBODY) == (Range(1, 100000, 65536), Range(65537, 300000, 10))
    assert read_sub_ids(grants, 12345) == ()
    assert read_sub_ids(tmp_path / "missing", NOBODY) == ()


def test_each_map_has_a_name_of_its_own() -> None:
    alone = Identity((Range(0, 1000, 1),), (Range(0, 1000, 1),))
    others = [
        Identity(),
        Identity((Range(0, 1001, 1),), (Range(0, 1000, 1),)),
        Identity((Range(0, 1000, 1),), (Range(0, 1001, 1),)),
        Identity((*alone.users, Range(1, 2000, 5)), (*alone.groups, Range(1, 2000, 5))),
        Identity((*alone.users, Range(1, 2000, 6)), (*alone.groups, Range(1, 2000, 5))),
    ]
    assert len({each.name for each in (alone, *others)}) == 6
    assert alone.name == Identity(alone.users, alone.groups, by_program=True).name
    assert [each.single for each in (alone, *others)] == [True, False, True, True, False, False]
    assert [each.marks for each in (alone, *others)] == ["user", "trusted", *["user"] * 4]


def test_maps_that_the_kernel_refuses() -> None:
    """Those of a namespace that has some; a user may not even open the files."""
    alone = Identity((Range(0, os.geteuid(), 1),), (Range(0, os.getegid(), 1),))
    refusal = "allows no namespaces with maps of users: (Operation not permitted|Permission denied)\n"
    with pytest.raises(BuildError, match=refusal) as caught:
        alone.write_maps(os.getpid())
    assert "`--privileged`" in caught.value.hint


def test_who_we_are() -> None:
    found, uid = find_identity(), os.geteuid()
    outside = [each.outside for each in found.users if each.inside == 0]
    assert outside == ([] if found.host else [uid])
    assert found.by_program == (uid != ROOT and bool(read_sub_ids(Path("/etc/subuid"), uid)))
