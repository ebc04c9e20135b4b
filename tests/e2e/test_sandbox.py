"""The sandbox's own tests, run again as whoever else may use it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.makers.nobody import NOBODY, SUB_IDS, grant
from tests.makers.programs import write_runnable
from tests.makers.project import Project
from tests.makers.servers import require_programs

FOLDER = "tests/unit/execute/sandbox"
REPOSITORY = Path(__file__).parents[2]
# Root of somebody's namespace, as in a container of Podman's.
IN_A_NAMESPACE = (
    *("unshare", "--user", "--map-users=0,0,65536", "--map-groups=0,0,65536"),
    *("--setuid", "0", "--setgid", "0"),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for everybody, unlike pytest's own."""
    require_programs("busybox", "newuidmap", root=True)
    made = Path(mkdtemp())
    made.chmod(0o777)
    yield made
    subprocess.run(["rm", "-rf", made], check=True)


def run(command: Sequence[str], folder: Path) -> str:
    """What a command of the repository writes."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_tests(prefix: Sequence[str], folder: Path) -> None:
    """All tests of the sandbox, none left out."""
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", FOLDER]
    output = run([*prefix, *command, "--basetemp", str(folder / "tmp")], folder)
    assert "passed" in output
    assert "skipped" not in output


def identity(prefix: Sequence[str], folder: Path) -> list[str]:
    """Whether we are the host's root, and whether only root is mapped."""
    script = "from envbuild.execute.sandbox.identity import find_identity as f; print(f().host, f().single)"
    return run([*prefix, sys.executable, "-c", script], folder).split()


def test_as_a_user_with_sub_ids(folder: Path) -> None:
    prefix = [*grant(SUB_IDS, folder), *NOBODY]
    assert identity(prefix, folder) == ["False", "False"]
    run_tests(prefix, folder)


def test_as_a_user_without_sub_ids(folder: Path) -> None:
    prefix = [*grant("", folder), *NOBODY]
    assert identity(prefix, folder) == ["False", "True"]
    run_tests(prefix, folder)


def test_as_root_of_a_namespace(folder: Path) -> None:
    prefix = [*grant("root:0:65536\n", folder), *IN_A_NAMESPACE]
    assert identity(prefix, folder) == ["False", "False"]
    run_tests(prefix, folder)


STEP = """
import sys
from pathlib import Path
from envbuild.core.errors import EnvbuildError
from tests.makers.roots import Machine, make_busybox
try:
    Machine(Path(sys.argv[1])).run([make_busybox()], *sys.argv[2:])
except EnvbuildError as error:
    print(error)
"""


def test_where_the_kernel_allows_no_namespaces(folder: Path) -> None:
    forbid = ["sh", "-ec", 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" "$@"']
    allowed = [*grant("root:0:65536\n", folder), *IN_A_NAMESPACE]
    prefix = [*allowed, *forbid]
    step = [sys.executable, "-c", STEP, str(folder)]
    refused = run([*prefix, *step, "true"], folder)
    assert refused.startswith(
        "the kernel or this container allows no namespaces: No space left on device\nhint: "
    )
    assert "`sudo sysctl user.max_user_namespaces=15000`" in refused
    assert "`--executor docker`" in refused
    assert run([*allowed, *step, "true"], folder) == ""
    assert run([*prefix, *step, "echo"], folder) == refused, "the layers are unpacked by now"
    project = write_runnable(Project(folder).write({"envbuild.yaml": ""}))
    command = [*prefix, sys.executable, "-m", "envbuild", "run", ":app", "--", "sh"]
    ran = subprocess.run(
        command, cwd=project.root, env=project.environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 125, ran
    assert "hint: run it in a Docker engine with `--engine docker`; " in ran.stderr


# What Docker leaves to root of a container.
IN_A_CONTAINER = (
    *("setpriv", "--inh-caps=-all", "--bounding-set"),
    "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_raw,+sys_chroot,+setfcap",
)


def test_as_root_of_a_container_that_may_mount_nothing(folder: Path) -> None:
    assert identity(IN_A_CONTAINER, folder) == ["False", "False"]
    step = [sys.executable, "-c", STEP, str(folder), "sh", "-ec", "echo > /tmp/x; chown 1000:2000 /tmp/x"]
    assert run([*IN_A_CONTAINER, *step], folder) == ""


def test_where_parts_of_proc_are_hidden(folder: Path) -> None:
    hide = ["unshare", "--mount", "sh", "-ec", 'mount -t tmpfs none /proc/fs; exec "$0" "$@"']
    told = run([*hide, *IN_A_CONTAINER, sys.executable, "-c", STEP, str(folder), "true"], folder)
    assert told.startswith("the kernel or this container allows no namespaces with a `/proc` of their own: ")
    assert "`--executor docker`" in told
    assert "--security-opt systempaths=unconfined" in told


NO_PROGRAMS = """
import sys
from pathlib import Path
from envbuild.core.errors import EnvbuildError
from tests.makers.roots import Machine, make_busybox
from tests.unit.execute.sandbox.test_mounts import cache
machine, root = Machine(Path(sys.argv[1])), make_busybox()
print(machine.tell([root], "cp /bin/echo /echo; /echo runs"))
try:
    machine.script([root], "cp /bin/echo /cache/echo; /cache/echo runs", mounts=[cache()])
except EnvbuildError as error:
    print(error)
"""


def test_a_cache_where_no_programs_may_run(folder: Path) -> None:
    noexec = ["unshare", "--mount", "sh", "-ec", f'mount -t tmpfs -o noexec none {folder}; exec "$0" "$@"']
    told = run([*noexec, sys.executable, "-c", NO_PROGRAMS, str(folder)], folder)
    assert told.startswith("['runs']\n")
    assert "/cache/echo: Permission denied" in told
    assert "hint: the cache lies where `noexec` is set" in told


FULL = """
import os, subprocess, sys
from pathlib import Path
from envbuild.core.errors import EnvbuildError
from tests.makers.roots import Machine, make_busybox
place = Path(sys.argv[1])
machine, root = Machine(place), make_busybox()
script = "head -c 30000000 /dev/urandom > /big"
for size in ("2500k", "10m"):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
    try:
        machine.script([root], script)
    except EnvbuildError as error:
        print(error, sorted(os.listdir(place / "sandboxes")) if (place / "sandboxes").exists() else [])
    subprocess.run(["mount", "-o", "remount,size=100m", place], check=True)
    print(len(machine.script([root], script)) > 30_000_000)
    subprocess.run(["umount", place], check=True)
"""


def test_a_full_disk(folder: Path) -> None:
    """First while a layer is unpacked, then while the step writes."""
    told = run(["unshare", "--mount", sys.executable, "-c", FULL, str(folder)], folder).splitlines()
    unpacking, hint, after, writing, _, again = told
    assert unpacking.startswith("the disk is full: ")
    assert hint == "hint: free some space, or run `envbuild cache gc` []"
    assert writing == f"the disk of the store `{folder}` is full"
    assert (after, again) == ("True", "True")


BIG = """
import sys
from pathlib import Path
from tests.makers.roots import Machine, declare_step, make_busybox
machine = Machine(Path(sys.argv[1]))
script = "mkdir /d; head -c 100000000 /dev/urandom > /d/a; dd if=/dev/zero of=/d/b bs=1M count=900"
machine.script([make_busybox()], script)
print(Path("/proc/self/status").read_text())
"""


def test_a_layer_of_a_gigabyte_is_never_in_memory(folder: Path) -> None:
    status = run([sys.executable, "-c", BIG, str(folder)], folder)
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(peak) < 200_000  # kB, of which the test holds the layer itself
