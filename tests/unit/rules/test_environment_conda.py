"""The rule `environment` with conda packages: whose Python counts, what lies where, what is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from envbuild.core.errors import Location, SpecError
from envbuild.core.label import Label
from envbuild.graph.analyze import Settings
from envbuild.lock.model import Build, CondaQuestion, CondaRecord, Index, Locked, PythonQuestion, Questions
from envbuild.rule.declared import Output, walk
from envbuild.rule.image import Image
from envbuild.spec.attribute import UserInterpreter
from envbuild.spec.conda.model import CondaSpec, PipIndex, Selected
from envbuild.spec.requirements import Requirements
from tests.makers.targets import AMD64, ARM64, BOOKWORM, EPOCH, World, image_of, make_locked

SETTINGS = Settings((Index("pypi", "https://index.example/simple"),), EPOCH, ("ours", "theirs"))
LIBC = make_locked("libc6", "2.36", kind="deb")
DEMO = make_locked("demo")


def package(name: str, version: str = "1.0", *, noarch: str = "", **record: Any) -> Locked:
    """A conda package that exists on paper only."""
    file = f"{'noarch' if noarch else 'linux-64'}/{name}-{version}-0.conda"
    sha256 = hashlib.sha256(file.encode()).hexdigest()
    made = CondaRecord("0", noarch=noarch, **record)
    return Locked("conda", name, version, "ours", file, sha256, 1000, conda=made)


PYTHON = package("python", "3.12.1")
NUMPY = package("numpy", "1.26.4", provides=("numpy==1.26.4",))
SIX = package("six", noarch="python", provides=("six==1.0",))
SPEC = CondaSpec(specs=("numpy", "python", "six"))


@pytest.fixture
def world() -> World:
    return World(settings=SETTINGS)


@pytest.fixture
def base(world: World) -> Label:
    """A base with glibc 2.36 and Python 3.11."""
    return world.debian(debs=[LIBC])


@pytest.fixture
def bare(world: World) -> Label:
    """A base with glibc 2.36 and nothing else."""
    return world.debian("bare", debs=[LIBC], facts={"libc": "glibc 2.36"})


def declare(world: World, *packages: Locked, spec: CondaSpec = SPEC, name: str = "app", **more: Any) -> Label:
    wheels = tuple(sorted(each.name for each in packages if each.is_python))
    label = world.declare("environment", name, conda=spec, pip=Requirements(wheels), **more)
    facts = {"virtual": " ".join(question(world, label).virtual), "python": "3.12"}
    return world.lock(label, packages, facts)


def question(world: World, label: Label) -> CondaQuestion:
    asked = world.analyzer.question(label, AMD64)
    (found,) = [each for each in getattr(asked, "parts", (asked,)) if isinstance(each, CondaQuestion)]
    return found


def owners(image: Image) -> list[tuple[str, ...]]:
    """The owners of what lies on the base."""
    names = [layer.packages for layer in image.layers]
    return names[[("debian-state" in each) for each in names].index(True) + 1 :]


def refusal(world: World, **attributes: Any) -> str:
    label = world.declare("environment", "app", **{"conda": SPEC, **attributes})
    with pytest.raises(SpecError) as caught:
        world.analyzer.question(label, AMD64)
    assert caught.value.location is not None
    return f"{caught.value.message}; {caught.value.hint}"


def test_conda_s_python_is_the_environment_s(world: World, base: Label) -> None:
    """Whatever the base has; and there is no virtual environment."""
    image = image_of(world, declare(world, PYTHON, NUMPY, SIX, DEMO, base=base))
    assert not any("venv" in each for each in owners(image))
    assert image.facts.python is not None
    assert (image.facts.python.version, image.facts.python.path) == ("3.12.1", "/opt/env/bin/python3.12")
    assert image.config.variables["PATH"].startswith("/opt/env/bin:")
    assert image.config.variables["CONDA_PREFIX"] == "/opt/env"
    assert {name: pin.version for name, pin in image.pins.items()} == {
        "numpy": "1.26.4",
        "six": "1.0",
        "demo": "1.0",
    }
    (wheel,) = [layer for layer in image.layers if "demo 1.0" in layer.packages]
    assert wheel.parts[0].action.parameters["python"] == "3.12"


def test_conda_s_python_builds_from_source(world: World, base: Label) -> None:
    sdist = make_locked("source", kind="sdist")
    label = declare(world, PYTHON, NUMPY, SIX, sdist, base=base, sdists=("source",))
    world.lock_builds(label, source=Build("backend", (), (), ()))
    (step,) = [each for each in walk(image_of(world, label).action) if each.mnemonic == "BuildWheel"]
    root = [item.action for path, item in sorted(step.inputs.items()) if isinstance(item, Output)]
    assert [each.subject for each in root].index("python 3.12.1 (conda)") > 0
    (venv,) = [each for each in root if each.mnemonic == "VenvLayer"]
    assert venv.parameters["interpreter"] == "/opt/env/bin/python3.12"


def test_without_a_python_conda_packages_lie_beside_the_base_s(world: World, base: Label) -> None:
    zlib = package("zlib")
    image = image_of(world, declare(world, zlib, spec=CondaSpec(specs=("zlib",)), base=base))
    assert owners(image) == [("venv",), ("zlib 1.0 (conda)",), ("conda environment",)]
    assert image.facts.python is not None
    assert image.facts.python.version == BOOKWORM["python"]


def test_without_any_python(world: World, bare: Label) -> None:
    image = image_of(world, declare(world, package("zlib"), spec=CondaSpec(specs=("zlib",)), base=bare))
    assert owners(image) == [("zlib 1.0 (conda)",), ("conda environment",)]
    assert image.facts.python is None


def test_another_python_moves_only_what_is_laid_out_for_it(world: World, bare: Label) -> None:
    def actions(python: Locked) -> dict[str, str]:
        image = image_of(world, declare(world, python, NUMPY, SIX, base=bare))
        parts = (part for layer in image.layers for part in layer.parts)
        return {part.name: part.action.definition for part in parts}

    before, after = actions(PYTHON), actions(package("python", "3.12.2"))
    assert {name for name in before if before[name] != after[name]} == {"python", "six"}


def test_where_a_python_says_that_its_packages_lie(world: World, bare: Label) -> None:
    python = package("python", "3.13.0", site_packages="lib/python3.13t/site-packages")
    image = image_of(world, declare(world, python, SIX, spec=CondaSpec(specs=("six", "python")), base=bare))
    parts = {part.name: part.action.parameters for layer in image.layers for part in layer.parts}
    assert parts["six"]["site_packages"] == "lib/python3.13t/site-packages"


def test_what_is_asked(world: World, bare: Label) -> None:
    spec = CondaSpec(
        specs=("numpy",), selected=(Selected("linux-64", "six"), Selected("linux-aarch64", "xz"))
    )
    pip = Requirements(("demo",))
    label = world.declare(
        "environment", "app", conda=replace(spec, pip=pip), base=bare, python="3.12", platforms=(AMD64, ARM64)
    )
    asked = world.analyzer.question(label, AMD64)
    assert isinstance(asked, Questions)
    conda, python = asked.parts
    assert isinstance(conda, CondaQuestion)
    assert conda.specs == ("numpy", "python=3.12", "six")
    assert (conda.channels, conda.priority) == (("ours", "theirs"), "strict")
    assert conda.virtual == ("__archspec=1=x86_64", "__glibc=2.36=0", "__linux=5.10=0", "__unix=0=0")
    assert isinstance(python, PythonQuestion)
    assert python.requirements == ("demo",)


def test_channels_of_the_spec_come_before_those_of_the_workspace(world: World, bare: Label) -> None:
    stated = replace(SPEC, channels=("theirs",))
    assert question(world, world.declare("environment", "app", conda=stated, base=bare)).channels == (
        "theirs",
    )


def test_what_offers_nothing_is_not_offered(world: World, bare: Label) -> None:
    stated = {"__glibc": "", "__cuda": "12.4", "__archspec": "1=x86_64_v3"}
    label = world.declare("environment", "app", conda=SPEC, base=bare, virtual_packages=stated)
    assert question(world, label).virtual == (
        "__archspec=1=x86_64_v3",
        "__cuda=12.4=0",
        "__linux=5.10=0",
        "__unix=0=0",
    )


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"libc": "glibc 2.17"}, "it states `glibc 2.17`, but its base `//:bare` has `glibc 2.36`"),
    ({"base": "scratch"}, "nothing tells the C library"),
    ({"virtual_packages": {"cuda": "12"}}, "`cuda: 12` is no virtual package"),
    ({"conda": CondaSpec(platforms=("linux-aarch64",))}, "its conda environment is for `linux-aarch64`"),
    ({"interpreter": UserInterpreter("/usr/bin/python3", managed=False)}, "it states `conda`"),
]


@pytest.mark.parametrize(("attributes", "expected"), REFUSED)
def test_what_cannot_be(world: World, bare: Label, attributes: dict[str, Any], expected: str) -> None:
    assert expected in refusal(world, **{"base": bare, **attributes})


def test_packages_of_no_channel(bare: Label) -> None:
    world = World()
    base = world.debian("bare", debs=[LIBC], facts={"libc": "glibc 2.36"})
    assert "its conda packages come from no channel" in refusal(world, base=base)


def test_an_index_of_a_pip_section_is_one_of_the_workspace(world: World, bare: Label) -> None:
    known = PipIndex("https://index.example/simple", Location("environment.yml", 5, 7))
    other = PipIndex("https://other.example/simple", Location("environment.yml", 6, 7))
    spec = replace(SPEC, pip=Requirements(("demo",)))
    label = world.declare("environment", "fine", conda=replace(spec, indexes=(known,)), base=bare)
    world.analyzer.question(label, AMD64)
    said = refusal(world, conda=replace(spec, indexes=(known, other)), base=bare)
    assert "environment.yml:6:7: no index of the workspace has the URL `https://other.example/simple`" in said


def test_another_python_than_asked(world: World, base: Label) -> None:
    label = declare(world, PYTHON, NUMPY, SIX, base=base, python="3.11")
    with pytest.raises(SpecError, match=r"asks for Python 3\.11, but it gets 3\.12\.1"):
        image_of(world, label)


def test_bytecode_of_conda_packages(world: World, base: Label) -> None:
    label = declare(world, PYTHON, NUMPY, SIX, base=base, compile=True)
    with pytest.raises(SpecError, match="conda packages are not compiled"):
        image_of(world, label)
