"""Programs in images, as a user runs them: streams, exit codes, what they find and what stays of it."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.makers.programs import runnable, write_runnable
from tests.makers.project import Project

ECHO = ["sh", "-c", 'echo "$@"', "sh"]


OWN = {"OWN": "image's"}
SHELL = {f"bin/{applet}": f"/bin/{applet}" for applet in ("sh", "cat")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A workspace for tests that change nothing in it: `:app` has a shell and states no program."""
    project = Project(tmp_path_factory.mktemp("shared")).write({"envbuild.yaml": ""})
    write_runnable(project, variables=OWN)
    project.succeed("build")
    return project


@pytest.fixture(scope="module", params=["sandbox", pytest.param("docker", marks=pytest.mark.services)])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """What lets programs run in the sandbox, or in a container: what they find is the same."""
    if request.param == "sandbox":
        return {}
    return {"ENVBUILD_ENGINE": "docker", "DOCKER_HOST": request.getfixturevalue("engine")}


@pytest.fixture
def app(shared: Project, where: dict[str, str]) -> Iterator[Project]:
    """The shared workspace; no program leaves anything behind."""
    yield shared.with_variables(**where)
    assert left_behind(shared, where) == []


def left_behind(project: Project, where: dict[str, str]) -> list[str]:
    """What runs leave: folders of sandboxes and containers, and containers."""
    command = ["docker", "--host", where.get("DOCKER_HOST", ""), "ps", "--all", "--quiet"]
    containers = subprocess.run(command, capture_output=True, text=True, check=True).stdout if where else ""
    folders = [*project.cache.glob("sandboxes/*"), *project.cache.glob("docker/*")]
    return [*map(str, folders), *containers.split()]


@pytest.fixture
def anywhere(project: Project, where: dict[str, str]) -> Project:
    """An empty workspace for a test alone."""
    return project.with_variables(**where)


@pytest.fixture
def own(project: Project) -> Project:
    """A workspace like the shared one, for a test alone, and not built yet."""
    return write_runnable(project, variables=OWN)


def script(project: Project, text: str, *options: str) -> str:
    """What a shell's script writes, which must succeed."""
    return project.succeed("run", *options, ":app", "--", "sh", "-ec", text).out


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "exit 125"], 125),
        (["sh", "-c", "kill -9 $$"], 137),
        (["nosuch"], 127),
        (["/bin/nosuch"], 127),
        (["/etc/passwd"], 126),
    ],
)
def test_exit_codes(app: Project, argv: list[str], code: int) -> None:
    assert app.run("run", ":app", "--", *argv).code == code


def test_what_is_built_first_is_told_apart_from_what_the_program_says(
    own: Project, where: dict[str, str]
) -> None:
    own = own.with_variables(**where)
    first = own.run("run", ":app", "--", "sh", "-c", "echo result; echo diagnosis >&2")
    assert (first.code, first.out) == (0, "result\n")
    assert first.err.endswith("diagnosis\n")
    again = own.run("run", ":app", "--", "sh", "-c", "echo result; echo diagnosis >&2")
    assert (again.code, again.out, again.err) == (0, "result\n", "diagnosis\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([":app"], "the image states no program\nhint: say what to run: `-- PROGRAM ARGUMENT...`"),
        ([":app", "--entrypoint", ""], "the image states no program"),
        ([":nosuch", "--", "sh"], "has no target `nosuch`"),
        ([":app", "--bogus"], "no such option `--bogus`"),
        ([], "missing argument `TARGET`"),
        ([":app", "--platform", "linux/s390x", "--", "sh"], "unknown platform `linux/s390x`"),
        ([":app", "--mount", "nosuch:/x", "--", "sh"], "there is no `nosuch` to mount at `/x`"),
        ([":app", "--mount", "bin", "--", "sh"], "`--mount bin` is no mount"),
        ([":app", "--mount", "bin:x", "--", "sh"], "`--mount bin:x` is no mount"),
        ([":app", "--env", "=x", "--", "sh"], "`--env =x` names no variable"),
        ([":app", "--workdir", "x", "--", "sh"], "hint: write `--workdir /x`"),
        ([":app", "--timeout", "0", "--", "sh"], "invalid value for `--timeout`"),
        ([":app", "--user", "nosuch", "--", "sh"], "nosuch"),
    ],
)
def test_what_never_starts(app: Project, arguments: list[str], said: str) -> None:
    assert said in app.fail(125, "run", *arguments)


def test_a_stale_lock_runs_nothing(own: Project) -> None:
    own.write({"BUILD.yaml": runnable(pip=["nosuch"])})
    error = own.fail(125, "run", ":app", "--", "sh")
    assert "hint: run `envbuild lock //:app`" in error


def test_entrypoint_and_command(anywhere: Project) -> None:
    project = anywhere
    write_runnable(project, entrypoint=ECHO, command=["own", "command"])
    assert project.succeed("run", ":app").out == "own command\n"
    assert project.succeed("run", ":app", "--", "--", "mine").out == "-- mine\n"
    assert project.succeed("run", ":app", "--entrypoint", "", "--", *ECHO, "x").out == "x\n"
    assert "root:x:0" in project.succeed("run", ":app", "--entrypoint", "cat", "--", "/etc/passwd").out


def test_variables(app: Project, tmp_path: Path) -> None:
    """Not those either that Docker's own configuration would add."""
    (tmp_path / "config.json").write_text('{"proxies": {"default": {"httpProxy": "http://user:secret@h"}}}')
    mine = app.with_variables(DOCKER_CONFIG=str(tmp_path), ASKED="for", SECRET="not to be seen")
    stated = ["--env", "ASKED", "--env", "STATED=a=b", "--env", "UNKNOWN"]
    found = set(mine.succeed("run", *stated, ":app", "--", "env").out.splitlines())
    assert {"ASKED=for", "STATED=a=b", "OWN=image's", "HOME=/root"} < found
    assert {line.partition("=")[0] for line in found} == {"ASKED", "STATED", "OWN", "HOME", "PATH"}
    assert script(app, "echo $OWN", "--env", "OWN=mine") == "mine\n"


def test_standard_input(app: Project) -> None:
    command = [sys.executable, "-m", "envbuild", "run", ":app", "--", "cat"]
    done = subprocess.run(
        command, cwd=app.root, env=app.environment, input=b"\0bytes", capture_output=True, check=True
    )
    assert done.stdout == b"\0bytes"


def test_the_current_folder_is_the_working_folder(own: Project, where: dict[str, str]) -> None:
    own = own.with_variables(**where)
    assert script(own, "pwd; echo made > made; cat etc/group").startswith(f"{own.root}\nroot:")
    assert (own.root / "made").read_text() == "made\n"


def test_the_image_s_own_command_has_its_own_working_folder(anywhere: Project) -> None:
    project = anywhere
    write_runnable(project, command=["pwd"], workdir="/data")
    assert project.succeed("run", ":app").out == "/data\n"
    assert project.succeed("run", ":app", "--", "pwd").out == f"{project.root}\n"
    assert project.succeed("run", "--workdir", "/bin", ":app", "--", "pwd").out == "/bin\n"
    assert project.succeed("run", "--bare", ":app", "--", "pwd").out == "/data\n"


def test_nothing_of_this_machine_is_there_unless_it_is_mounted(app: Project, where: dict[str, str]) -> None:
    init = ["sbin"] if where else []  # where the engine mounts what passes signals on
    found = script(app, "pwd; ls /", "--bare").split()
    assert found == ["/", "bin", "dev", "etc", "opt", "proc", *init, "sys"]


def test_mounts(app: Project, tmp_path: Path) -> None:
    data = tmp_path / "a:b"
    data.mkdir()
    (data / "file").write_text("mine\n")
    options = ["--mount", f"{data}:/read:ro", "--mount", f"{data}:/write", "--mount", "etc/group:/one:ro"]
    text = "cat /read/file; echo new > /write/new; echo x 2>/dev/null > /read/x || echo refused; cat /one"
    assert script(app, text, *options).startswith("mine\nrefused\nroot:x:0:\n")
    assert sorted(path.name for path in data.iterdir()) == ["file", "new"]


def test_what_else_is_changed_does_not_stay(app: Project) -> None:
    assert script(app, "mkdir -p /root/x; echo changed > /etc/group; cat /etc/group") == "changed\n"
    assert script(app, "cat /etc/group; test ! -e /root") == "root:x:0:\napp:x:1000:\n"


def test_the_network_is_this_machine_s_unless_it_is_refused(app: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=greet, args=[server]).start()
        ask = f"nc 127.0.0.1 {server.getsockname()[1]} < /dev/null || echo deaf"
        assert script(app, ask, "--no-network") == "deaf\n"
        assert script(app, ask) == "heard\n"


def greet(server: socket.socket) -> None:
    """Say something to the first who asks."""
    client, _ = server.accept()
    with client:
        client.sendall(b"heard\n")


def test_a_time_limit(app: Project) -> None:
    error = app.run("run", "--timeout", "3", ":app", "--", "sh", "-c", "echo begun; sleep 1000")
    assert (error.code, error.out) == (124, "begun\n")
    assert error.err.endswith("error: `sh` took longer than its limit of 3 s\n")
    assert app.run("run", "--timeout", "1000", ":app", "--", "sh", "-c", "exit 3").code == 3


def test_layers_are_unpacked_once(own: Project) -> None:
    own.succeed("run", ":app", "--", "sh", "-c", "true")
    before = unpacked(own)
    own.write({"BUILD.yaml": runnable(files={"bin/sh": "/bin/sh"})})
    own.succeed("lock")
    own.succeed("run", ":app", "--", "sh", "-c", "true")
    after = unpacked(own)
    assert before.items() < after.items()
    assert len(after) == len(before) + 1


def unpacked(project: Project) -> dict[str, int]:
    """The unpacked layers, and which folder each is: one that is made again is another."""
    return {
        path.name: path.stat().st_ino for path in project.cache.glob("roots/*/*/*") if path.name != ".new"
    }


def test_a_damaged_layer_is_made_again(own: Project) -> None:
    own.succeed("build")
    largest = max((own.cache / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest.chmod(0o644)
    largest.write_bytes(bytes(largest.stat().st_size))
    assert script(own, "echo runs") == "runs\n"


def test_another_platform_needs_an_emulator(project: Project) -> None:
    other = {"linux/amd64": "linux/arm64", "linux/arm64": "linux/amd64"}
    (own,) = (name for name, other_name in other.items() if os.uname().machine in machine(name))
    write_runnable(project, platforms=[other[own]])
    error = project.fail(125, "run", ":app", "--", "sh")
    assert f"the image is for `{other[own]}`, and this machine is `{os.uname().machine}`" in error
    assert project.images() == []
    assert f"the image has no `{own}`" in project.fail(125, "run", "--platform", own, ":app", "--", "sh")


def machine(platform: str) -> str:
    return {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_program(app: Project, number: signal.Signals) -> None:
    text = f"trap 'echo got; exit 3' {number.value}; echo up; while :; do sleep 0.1; done"
    with app.start("run", ":app", "--", "sh", "-c", text) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.stdout.read() == "got\n"
        assert process.wait() == 3


def test_a_group_s_signal_reaches_the_program_once(app: Project) -> None:
    text = "trap 'echo got' INT; trap 'exit 4' TERM; echo up; while :; do sleep 0.1; done"
    with app.start("run", ":app", "--", "sh", "-c", text) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "got\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.read() == ""
        assert process.wait() == 4


TERMINAL = """
trap 'echo got; exit 5' INT
test -t 0 && test -t 1 && echo $TERM
read line
echo read $line
while :; do sleep 0.1; done
"""


def test_a_terminal(app: Project) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(app.root)
        command = [sys.executable, "-m", "envbuild", "run", ":app", "--", "sh", "-c", TERMINAL]
        os.execve(sys.executable, command, {**app.environment, "TERM": "vt100"})

    def read_until(until: str) -> str:
        shown = ""
        while until not in shown:
            shown += os.read(terminal, 4096).decode(errors="replace")
        return shown

    read_until("vt100\r\n")
    os.write(terminal, b"typed\n")
    read_until("read typed\r\n")
    os.write(terminal, b"\x03")
    read_until("got\r\n")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 5
    os.close(terminal)


def test_the_engine_has_the_image_once(own: Project, engine: str) -> None:
    """It is loaded as `load` does, and again only when the engine does not have it any more."""
    own = own.with_variables(DOCKER_HOST=engine)
    docker = ("docker", "--host", engine)

    def images() -> list[str]:
        listed = [*docker, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()

    def loads() -> int:
        told = [*docker, "events", "--since", "0", "--until", str(time.time()), "--filter", "event=load"]
        return len(subprocess.run(told, capture_output=True, check=True).stdout.splitlines())

    own.write({"BUILD.yaml": runnable(variables=OWN, files={**SHELL, "etc/group": "/etc/own"})})
    own.succeed("lock")
    before = loads()
    for _ in range(2):
        assert script(own, "cat /etc/own", "--engine", "docker").startswith("root:")
    assert loads() == before + 1
    assert own.succeed("load", ":app", "--output", "json").json["image"] in images()
    subprocess.run([*docker, "image", "rm", "--force", *images()], check=True, capture_output=True)
    before = loads()
    assert script(own, "echo again", "--engine", "docker") == "again\n"
    assert loads() == before + 1


def test_no_engine_starts_nothing(own: Project) -> None:
    none = own.with_variables(DOCKER_HOST="tcp://127.0.0.1:1")
    told = none.fail(125, "run", "--engine", "docker", ":app", "--", "sh")
    assert "no Docker engine answers\nhint: start it, or say in `DOCKER_HOST` where it listens" in told
    assert "`--engine sandbox` needs none" in told


def test_who_reads_no_more_ends_the_program(app: Project) -> None:
    with app.start("run", ":app", "--", "sh", "-c", "while echo much; do :; done") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "much\n"
        process.stdout.close()
        assert process.wait() == 128 + signal.SIGPIPE


def test_a_program_that_closes_its_output_runs_on(app: Project) -> None:
    done = app.run("run", "--timeout", "100", ":app", "--", "sh", "-c", "exec >&- 2>&-; sleep 1; exit 3")
    assert (done.code, done.out) == (3, "")


def test_much_of_both_streams(app: Project) -> None:
    """More than any buffer on the way holds."""
    text = "n=0; while [ $n -lt 3000 ]; do echo out-$n; echo err-$n >&2; n=$((n + 1)); done"
    done = app.succeed("run", ":app", "--", "sh", "-c", text)
    assert done.out.split() == [f"out-{n}" for n in range(3000)]
    assert done.err.split() == [f"err-{n}" for n in range(3000)]


def test_an_interpreter_that_is_not_managed(project: Project) -> None:
    """Its environment adds files alone, needs no package, and starts the interpreter that the base has."""
    write_runnable(project)
    shell = "FROM scratch\nCOPY bin/sh /bin/sh\nCOPY bin/sh /usr/bin/python3\n"
    files = {"etc/group": "/x/group"}
    own = {"path": "/usr/bin/python3", "managed": False}
    targets: list[dict[str, Any]] = [
        {"dockerfile_image": {"name": "shell", "dockerfile": shell}},
        {"environment": {"name": "own", "base": ":shell", "interpreter": own, "files": files}},
    ]
    project.write({"BUILD.yaml": json.dumps(targets)}).succeed("lock")
    script = "echo $PATH; test -e /x/group && test ! -e /opt && echo bare"
    told = project.succeed("run", "--bare", ":own", "--", "sh", "-c", script).out
    assert told.splitlines() == ["/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "bare"]
    for name, value in {"pip": ["alpha"], "compile": True, "prefix": "/opt/x"}.items():
        with_it = {"environment": {**targets[1]["environment"], name: value}}
        project.write({"BUILD.yaml": json.dumps([targets[0], with_it])})
        assert f"it states `{name}`, but its interpreter is not managed" in project.fail(125, "run", ":own")
