"""The no-op memo and the kept graph against builds without them, over random edits of what they rest on."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys

import pytest

from envbuild.__main__ import main
from envbuild.cli.quick import answer_from_memo
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

RULE = """\
from envbuild.rule import Config, attr, rule


@rule(attributes={"base": attr.label(required=True, doc="what it stands on")})
def labelled(ctx):
    return ctx.image([], Config(labels={"level": "VALUE"}), base=ctx.dependency("base"))
"""
ASK = ["build", "//...", "--output", "json"]
EDITS = 50


class Desk:
    """A locked workspace, and edits that keep the size where there is one."""

    def __init__(self, project: Project, index: FakeIndex, chance: random.Random, *, rules: bool) -> None:
        self._project, self._root, self._chance = project, project.root, chance
        self._rules = rules  # without rules of its own, its graph is kept
        settings = project.contents()["envbuild.yaml"].decode()
        self._settings = settings + ("rules: [build_rules]\n" if rules else "")
        for version in "12":
            index.add(make_package("alpha", version, payload=version.encode()))
        wheels = [make_package("local", payload=letter) for letter in (b"x", b"y")]
        self._wheel, self._wheels = wheels[0][0], [data for _, data in wheels]
        project.write({"data/a.txt": "a", "train.py": "a", "one": "1", "two": "2", self._wheel: wheels[0][1]})
        for edit in (self.edit_settings, self.edit_rule, self.edit_ignored, self.change_link, self.edit_spec):
            edit()
        self.edit_dockerfile()
        self.edit_what_a_context_leaves_out()
        self._locks = [self._lock(version) for version in "12"]

    def _lock(self, version: str) -> bytes:
        self._project.write({"requirements.in": f"alpha=={version}\n"}).succeed("lock", "//...")
        return self._project.contents()["app.lock.json"]

    def edit_spec(self) -> None:
        self._write("BUILD.yaml", self._spec(self._chance.choice("01")))

    def edit_requirements(self) -> None:
        self._write("requirements.in", f"alpha=={self._chance.choice('12')}\n")

    def edit_lock(self) -> None:
        self._write("app.lock.json", self._chance.choice(self._locks))

    def edit_requirements_and_lock(self) -> None:
        self._choose(self._chance.randrange(2))

    def edit_wheel(self) -> None:
        # Mostly the one that is locked: with the other one, all builds fail.
        self._write(self._wheel, self._wheels[self._chance.random() < 0.2])

    def edit_file(self) -> None:
        self._write(self._chance.choice(["train.py", "data/a.txt"]), self._chance.choice("abc"))

    def edit_file_and_restore_its_time(self) -> None:
        path = self._root / "train.py"
        before = path.stat()
        path.write_text(self._chance.choice("abc"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def change_mode(self) -> None:
        (self._root / "train.py").chmod(self._chance.choice([0o644, 0o755]))

    def add_or_remove_file(self) -> None:
        path = self._root / self._chance.choice(["data/b.txt", "data/deep/c.txt"])
        if path.exists():
            path.unlink()
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text("new")

    def change_link(self) -> None:
        link = self._root / "data" / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(self._chance.choice(["../one", "../two"]))

    def edit_linked_file(self) -> None:
        self._write(self._chance.choice(["one", "two"]), self._chance.choice("12"))

    def edit_ignored(self) -> None:
        self._write(".envbuildignore", self._chance.choice(["b.txt\n", "c.txt\n"]))

    def edit_dockerfile(self) -> None:
        self._write("Dockerfile", f"FROM scratch\nCOPY data /{self._chance.choice('12')}\nCOPY train.py /\n")

    def edit_what_a_context_leaves_out(self) -> None:
        self._write(
            ".dockerignore", self._chance.choice(["*\n!data\n!train.py\n", "b.txt\n**/c.txt\n*.json\n"])
        )

    def edit_settings(self) -> None:
        epoch = self._chance.choice([1_000_000_000, 2_000_000_000])
        image = self._chance.choice(["envs/env_{hash}", "team:{hash}"])
        self._write("envbuild.yaml", f"{self._settings}epoch: {epoch}\nimage: '{image}'\n")

    def edit_rule(self) -> None:
        self._write("build_rules/labelled.py", RULE.replace("VALUE", self._chance.choice("12")))

    def remove_images(self) -> None:
        shutil.rmtree(self._project.cache / "images", ignore_errors=True)

    def change_nothing(self) -> None:
        """Only ask again."""

    def settle(self) -> None:
        """Make the lock fresh."""
        self._choose(0)
        self._write(self._wheel, self._wheels[0])

    def _choose(self, version: int) -> None:
        self._write("requirements.in", f"alpha=={version + 1}\n")
        self._write("app.lock.json", self._locks[version])

    def _spec(self, value: str) -> str:
        app = environment(
            pip="requirements.in",
            wheels=[self._wheel],
            files={"data/**": "/data", "train.py": "/train.py"},
            variables={"LEVEL": value},
        )
        image = "- dockerfile_image: {name: image, dockerfile: Dockerfile, context: .}\n"
        return app + ("- labelled: {name: top, base: ':app'}\n" if self._rules else image)

    def _write(self, name: str, content: str | bytes) -> None:
        """Write a file: now in place, now by renaming another one."""
        data = content if isinstance(content, bytes) else content.encode()
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        place = path if self._chance.random() < 0.5 else self._project.top / "new"
        place.write_bytes(data)
        place.replace(path)


KINDS = (
    Desk.edit_spec,
    Desk.edit_requirements,
    Desk.edit_lock,
    Desk.edit_requirements_and_lock,
    Desk.edit_wheel,
    Desk.edit_file,
    Desk.edit_file_and_restore_its_time,
    Desk.change_mode,
    Desk.add_or_remove_file,
    Desk.change_link,
    Desk.edit_linked_file,
    Desk.edit_ignored,
    Desk.edit_dockerfile,
    Desk.edit_what_a_context_leaves_out,
    Desk.edit_settings,
    Desk.edit_rule,
    Desk.remove_images,
    Desk.change_nothing,
)


def ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, list[str], list[str]]:
    """The exit code, the images, and what went wrong, of a build in this process: that is quicker."""
    monkeypatch.setattr(sys, "argv", ["envbuild", *ASK, *more])
    code = main()
    out, err = capsys.readouterr()
    targets = json.loads(out).get("targets", [])
    errors = [line for line in err.splitlines() if "error: " in line]
    return code, [f"{each['label']} {each['image']} {each['digest']}" for each in targets], errors


@pytest.mark.parametrize(("seed", "rules"), [(1, True), (2, False), (3, False)])
def test_the_memo_is_never_stale(
    project: Project,
    index: FakeIndex,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seed: int,
    rules: bool,
) -> None:
    chance = random.Random(seed)
    desk = Desk(project, index, chance, rules=rules)
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(project.root)
    # Each edit twice, then at random.
    edits = [*KINDS, *KINDS, *chance.choices(KINDS, k=EDITS - 2 * len(KINDS))]
    for n, edit in enumerate(edits, 1):
        edit(desk)
        for _ in range(chance.randrange(1, 4)):
            answer = ask(monkeypatch, capsys)
            done = [each.__name__ for each in edits[:n]]
            assert answer == ask(monkeypatch, capsys, "--no-memo"), (seed, done)
    # It does answer, once no input is younger than the clock's tick: the memo is what was compared.
    desk.settle()
    while answer_from_memo(ASK, os.environ) is None:
        assert ask(monkeypatch, capsys)[0] == 0
