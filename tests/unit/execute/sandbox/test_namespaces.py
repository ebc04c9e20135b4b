"""What is said where namespaces are forbidden."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envbuild.execute.sandbox.inside.namespaces import advise_namespaces

CLONE, LIMIT = "kernel/unprivileged_userns_clone", "user/max_user_namespaces"
APPARMOR = "kernel/apparmor_restrict_unprivileged_userns"
# The settings that a machine has, and the command that allows namespaces.
SETTINGS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "Debian": ({CLONE: "0", LIMIT: "15510"}, "`sudo sysctl kernel.unprivileged_userns_clone=1` on the host"),
    "Ubuntu": (
        {CLONE: "1", LIMIT: "15510", APPARMOR: "1"},
        "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` on the host",
    ),
    "two at once": (
        {CLONE: "0", LIMIT: "0", APPARMOR: "0"},
        "`sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000` on the host",
    ),
    "a container": ({LIMIT: "15510"}, "in a container, run it with `--security-opt"),
}


@pytest.mark.parametrize(("files", "said"), SETTINGS.values(), ids=SETTINGS)
def test_the_hint_lifts_what_forbids(files: Mapping[str, str], said: str, tmp_path: Path) -> None:
    for name, value in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    hint = advise_namespaces(str(tmp_path))
    assert hint.startswith(said)
    assert "`--privileged`" in hint
