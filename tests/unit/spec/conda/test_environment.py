"""environment.yml in the forms that people and tools write, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.platform import Platform
from envbuild.spec.conda.model import ExactPackage, PipIndex, Selected
from tests.makers.conda_spec import HERE, read_files, read_in_place, read_text
from tests.makers.index import make_package
from tests.makers.workspace import Looks, failures, write_files

SHA, MD5 = "a" * 64, "b" * 32
X86, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")
URL = "https://conda.example/forge"


def test_a_file_as_people_write_it(tmp_path: Path) -> None:
    found = read_text(
        tmp_path,
        f"""\
        # what training needs
        name: train
        channels:
          - {URL}/
          - conda-forge
          - pkgs/main
          - file:///srv/channel
          - nodefaults
        dependencies:
          - python=3.11
          - numpy >=1.20,<2   # the old ABI
          - "scipy[version='>=1.10',build=py311*]"
          - conda-forge::pandas
          - {URL}::own
          - blas=*=mkl
          - pip
          - pip:
              - six==1.16
              - requests[socks]>=2 ; python_version > '3'
        variables:
          OMP_NUM_THREADS: 1
          MODE: "yes"
        prefix: /home/somebody/miniconda3/envs/train
        """,
    )
    assert found.name == "train"
    assert found.channels == (URL, "conda-forge", "pkgs/main", "file:///srv/channel")
    assert found.specs == (
        "blas=*=mkl",
        "conda-forge::pandas",
        f"{URL}::own",
        "numpy >=1.20,<2",
        "pip",
        "python=3.11",
        "scipy[version='>=1.10',build=py311*]",
    )
    assert found.pip.requirements == ('requests[socks]>=2; python_version > "3"', "six==1.16")
    assert found.variables == {"MODE": "yes", "OMP_NUM_THREADS": "1"}


def test_what_conda_exports(tmp_path: Path) -> None:
    found = read_text(
        tmp_path,
        """\
        name: base
        channels:
          - defaults
        dependencies:
          - _libgcc_mutex=0.1=main
          - ca-certificates=2024.7.4=hbcca054_0
          - numpy=1.26.4=py311h64a7726_0
          - python=3.11.9=hb806964_0_cpython
          - tzdata=2024a=h0c530f3_0
        prefix: /opt/conda
        """,
    )
    assert len(found.specs) == 5
    assert "numpy=1.26.4=py311h64a7726_0" in found.specs


def test_order_and_comments_change_nothing_but_that_of_channels(tmp_path: Path) -> None:
    one = read_text(tmp_path, "dependencies: [numpy  >=1, python=3.11]\nchannels: [a, b]\nname: x\n")
    two = read_text(
        tmp_path, "channels: [a, b]\ndependencies:\n- python=3.11 # needed\n- numpy >=1\n- numpy >=1\n"
    )
    assert one == two
    assert one != read_text(tmp_path, "dependencies: [numpy >=1, python=3.11]\nchannels: [b, a]\n")


def test_in_place(tmp_path: Path) -> None:
    write_files(tmp_path, {"r.txt": "six\n"})
    found = read_in_place(
        tmp_path, "channels: [forge]\ndependencies:\n- zlib\n- mkl  # [linux64]\n- pip: [-r r.txt]\n"
    )
    assert (found.channels, found.specs, found.pip.requirements) == (("forge",), ("zlib",), ("six",))
    assert found.on(X86).specs == ("mkl", "zlib")
    assert found.on(ARM).specs == ("zlib",)


def test_selectors_in_place_are_not_lost(tmp_path: Path) -> None:
    (error,) = failures(lambda: read_in_place(tmp_path, "dependencies: [a]  # [win]\n"))
    assert error.startswith("BUILD.yaml:1:15: a selector that belongs to no item")


def test_several_files_are_one_environment(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "a.yml": "channels: [one, two]\ndependencies: [zlib]\nplatforms: [linux-64]\n",
            "b.yml": "channels: [two, three]\ndependencies: [zlib, xz]\nvariables: {A: b}\n",
        },
    )
    found = read_files(tmp_path, "a.yml", "b.yml")
    assert found.channels == ("one", "two", "three")
    assert found.specs == ("xz", "zlib")
    assert found.platforms == ("linux-64",)


def test_pip_sections(tmp_path: Path) -> None:
    name, data = make_package("own")
    write_files(
        tmp_path,
        {
            "envs/environment.yml": f"""\
                dependencies:
                  - pip:
                    - -r requirements.txt
                    - --constraint=../bounds.txt
                    - ./wheels/{name}
                    - --index-url https://index.example/simple/
                    - --extra-index-url=https://more.example/simple
                    - demo @ https://files.example/demo-1.0-py3-none-any.whl#sha256={SHA}
                """,
            "envs/requirements.txt": "six\n",
            "bounds.txt": "six<2\n",
            f"envs/wheels/{name}": data,
        },
    )
    looks = Looks(tmp_path)
    found = read_files(tmp_path, "../envs/environment.yml", package="app", recorder=looks)
    assert found.pip.requirements == (
        f"demo @ https://files.example/demo-1.0-py3-none-any.whl#sha256={SHA}",
        "six",
    )
    assert found.pip.constraints == ("six<2",)
    assert [wheel.file for wheel in found.pip.wheels] == [f"envs/wheels/{name}"]
    assert [index.url for index in found.indexes] == [
        "https://index.example/simple",
        "https://more.example/simple",
    ]
    assert str(found.indexes[0].location) == "envs/environment.yml:6:7"
    assert "envs/environment.yml" in looks.names
    assert [file.relative_to(tmp_path).as_posix() for file in found.pip.files] == [
        "bounds.txt",
        "envs/requirements.txt",
        f"envs/wheels/{name}",
    ]


def test_selectors(tmp_path: Path) -> None:
    found = read_text(
        tmp_path,
        """\
        channels:
          - mac-only  # [osx]
          - forge  # [unix]
        dependencies:
          - everywhere
          - linux-only  # [linux] because of a driver
          - 'mkl'  # [linux64]
          - neon  #[aarch64]
          - also-arm  # [not (linux64 or win) and linux]
          - vs2015_runtime  # [win]
          - noted  # see issue [3]
          - pip:
            - pywin32  # [win]
            - intel-openmp>=2024; python_version>"3.8"  # [x86_64]
        variables:
          A: b  # [linux]
          C: d  # [win]
        """,
    )
    assert found.specs == ("everywhere", "linux-only", "noted")
    assert found.selected == (
        Selected("linux-64", "mkl"),
        Selected("linux-aarch64", "also-arm"),
        Selected("linux-aarch64", "neon"),
    )
    assert found.on(ARM).specs == ("also-arm", "everywhere", "linux-only", "neon", "noted")
    assert found.pip.requirements == (
        'intel-openmp>=2024; python_version > "3.8" and platform_machine == "x86_64"',
    )
    assert (found.channels, found.variables) == (("forge",), {"A": "b"})


def test_platforms(tmp_path: Path) -> None:
    found = read_text(tmp_path, "platforms: [linux-64, osx-arm64]\ndependencies: [zlib]\n")
    assert found.on(X86).specs == ("zlib",)
    with pytest.raises(SpecError) as caught:
        found.on(ARM)
    assert caught.value.message == (
        "its conda environment is for `linux-64`, `osx-arm64`, not for `linux-aarch64`"
    )
    assert caught.value.hint.endswith("or let the environment be for `linux-aarch64`, too")


def test_packages_by_url(tmp_path: Path) -> None:
    found = read_text(
        tmp_path,
        f"""\
        dependencies:
          - {URL}/linux-64/zlib-1.2.11-h7b6447c_3.conda#sha256:{SHA}
          - "{URL}/noarch/six-1.16.0-pyh6c4a22f_0.tar.bz2#{MD5}"
        """,
    )
    zlib = ExactPackage(f"{URL}/linux-64/zlib-1.2.11-h7b6447c_3.conda", sha256=SHA, platform="linux-64")
    six = ExactPackage(f"{URL}/noarch/six-1.16.0-pyh6c4a22f_0.tar.bz2", md5=MD5)
    assert found.exact == (zlib, six)
    assert found.on(ARM).exact == (six,)
    assert (zlib.channel, zlib.file, zlib.name) == (URL, "linux-64/zlib-1.2.11-h7b6447c_3.conda", "zlib")


def test_conda_yaml_of_mlflow(tmp_path: Path) -> None:
    found = read_text(
        tmp_path,
        """\
        channels:
        - conda-forge
        dependencies:
        - python=3.10.13
        - pip<=23.2.1
        - pip:
          - mlflow==2.9.2
        name: mlflow-env
        """,
        "conda.yaml",
    )
    assert found.specs == ("pip<=23.2.1", "python=3.10.13")
    assert (found.pip.requirements, found.name) == (("mlflow==2.9.2",), "mlflow-env")


def test_python_env_yaml_of_mlflow(tmp_path: Path) -> None:
    write_files(tmp_path, {"requirements.txt": "mlflow==2.9.2\n"})
    lists = "build_dependencies:\n- pip==23.2.1\n- wheel\ndependencies:\n- -r requirements.txt\n"
    found = read_text(tmp_path, f"python: 3.10.13\n{lists}", "python_env.yaml")
    assert found.specs == ("python==3.10.13",)
    assert found.pip.requirements == ("mlflow==2.9.2", "pip==23.2.1", "wheel")


def test_the_workspace_s_index_keeps_its_place() -> None:
    assert PipIndex("https://a.example", HERE) == PipIndex("https://a.example", None)  # type: ignore[arg-type]


REFUSED = {
    "dependencies: [numpy, 3.11]": ["1:23: `dependencies` must hold text, not a number"],
    "dependencies: {numpy: 1}": ["1:15: `dependencies` must be a list, not a mapping"],
    "dependencies:\n- npm: [left-pad]": ["2:3: `dependencies` has a section `npm`"],
    "dependencies:\n- pip: six": ["2:8: `pip` must be a list, not text"],
    "dependencies:\n- pip:\n  - -e .\n  - -e git+https://host.example/x": [
        "3:5: an editable requirement cannot be locked",
        "4:5: an editable requirement cannot be locked",
    ],
    "dependencies:\n- pip:\n  - --find-links https://host.example": ["3:5: `--find-links` does not belong"],
    "dependencies:\n- pip:\n  - --index-url https://me:pw@host.example": ["3:5: the URL holds"],
    "dependencies:\n- pip:\n  - git+https://host.example/x": [
        "3:5: `git+https://host.example/x` is a version control"
    ],
    "dependencies:\n- pip:\n  - -r gone.txt": ["3:5: there is no file `gone.txt`"],
    "dependencies:\n- pip:\n  - -r r.txt  # [linux64]": ["3:5: `-r r.txt` cannot have a selector"],
    "dependencies: [numpy>=]": ["1:16: `numpy>=` is no MatchSpec: unable to parse version spec"],
    "dependencies: ['numpy[foo=1]']": ["1:16: `numpy[foo=1]` is no MatchSpec: invalid bracket key: foo"],
    "dependencies: ['numpy # old']": ["1:16: `numpy # old` is no MatchSpec: a `#` begins a comment"],
    "dependencies: ['*']": ["1:16: `*` is no MatchSpec: "],
    "dependencies: [' ']": ["1:16: `dependencies` must hold text, not empty"],
    'dependencies: ["x\\e[2J"]': ["1:16: `x\\x1b[2J` is no MatchSpec"],
    "dependencies: ['https://me:pw@host.example/c::x']": ["1:16: the URL holds credentials"],
    "dependencies: ['x[channel=https://host.example/t/abc-123/c]']": ["1:16: the URL holds"],
    "dependencies: [./zlib-1-0.conda]": ["1:16: `./zlib-1-0.conda` is no `https:` or `file:` URL"],
    "dependencies: [https://h.example/c/linux-64/zlib.conda]": ["is no conda package's URL"],
    "dependencies: ['https://h.example/c/linux-64/z-1-0.conda#123']": ["1:16: `#123` is no digest"],
    "dependencies: ['https://h.example/../linux-64/z-1-0.conda']": ["is not the plain URL of a place"],
    "channels: [https://me:pw@host.example/c]": ["1:12: the URL holds credentials"],
    "channels: [https://host.example/t/to-ken/c]": ["1:12: the URL holds a token"],
    "channels: [https://host.example/t/to-ken]": ["1:12: the URL holds a token"],
    "channels: [host.example/t/to-ken/c]": ["1:12: the URL holds a token"],
    "channels: [ftp://host.example/c]": ["1:12: `ftp://host.example/c` is no `https:` or `file:` URL"],
    "channels: ['https://[host/c']": ["1:12: `https://[host/c` is no `https:` or `file:` URL"],
    "channels: [../up, 'a b']": ["1:12: `../up` is no channel", "1:19: `a b` is no channel"],
    "channels:\n- forge  # [linux64]": ["2:3: the channel is for some platforms only"],
    "variables: [a]": ["1:12: `variables` must be a mapping, not a list"],
    "variables: {A: 1.5, B: yes}": [
        "1:16: `variables.A` must hold text, not a number",
        "1:24: `variables.B` must hold text, not a boolean",
    ],
    'variables: {A: "b\\nc"}': ["1:16: `A` is no variable of one line"],
    "category: dev": ["1:1: a conda environment has no `category`"],
    "dependancies: [x]": ["1:1: a conda environment has no `dependancies`"],
    "[numpy]": ["1:1: a conda environment is a mapping, not a list"],
    "# nothing": ["1:1: a conda environment is a mapping, not nothing"],
    "": ["`environment.yml` is empty"],
    "dependencies:\n- x  # [py<39]": ["2:3: `py<39` selects no platform"],
    "dependencies:\n- x  # []": ["2:3: `` selects no platform"],
    "dependencies:\n- x  # [linux and]": ["2:3: `linux and` selects no platform"],
    "dependencies:\n- x  # [linux64 osx]": ["2:3: `linux64 osx` selects no platform"],
    # It would be ignored: it stands behind a section.
    "dependencies:\n- pip:  # [linux]\n  - six": ["2:3: a selector that belongs to no item"],
    "dependencies: [a, b]  # [win]": ["1:15: a selector that belongs to no item"],
    "dependencies:  # [py<39]\n- a": ["1:1: a selector that belongs to no item"],
    "dependencies:\n- {pip: [a]}  # [win]": ["2:3: a selector that belongs to no item"],
    "name: a  # [win]": ["1:7: a selector that belongs to no item"],
    "name: &a x": ["1:7: anchors and aliases are not supported"],
    "name: x\nname: y": ["2:1: duplicate key `name`"],
    "dependencies: " + "[" * 50: ["nested deeper than 16 levels"],
    "python: 3.10": ["1:9: `python` must hold text, not a number"],
    "python: 3.10.1\nchannels: [x]": ["2:1: a conda environment has no `channels`"],
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_its_place(tmp_path: Path, text: str) -> None:
    found = failures(lambda: read_text(tmp_path, text))
    assert len(found) == len(REFUSED[text]), found
    for error, expected in zip(found, REFUSED[text], strict=True):
        assert expected in error
        assert error.startswith(("environment.yml", "BUILD.yaml:4:12: `environment.yml` is empty"))


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    text = "channels: [https://me:hush@host.example/c]\ndependencies: ['https://h.example/t/hush/c::x']\n"
    assert "hush" not in "".join(failures(lambda: read_text(tmp_path, text)))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("gone.yml", "BUILD.yaml:4:12: there is no file `gone.yml`"),
        ("../out.yml", "BUILD.yaml:4:12: `../out.yml` is no path in the workspace"),
        ("folder", "BUILD.yaml:4:12: `folder` is not a file"),
        ("latin.yml", "latin.yml:1:1: the file is not UTF-8"),
        ("environment.yml[dev]", "environment.yml:1:1: `environment.yml` has no categories"),
    ],
)
def test_files_that_are_none(tmp_path: Path, file: str, message: str) -> None:
    root = write_files(
        tmp_path / "ws", {"folder/x": "", "latin.yml": b"\xe9", "environment.yml": "name: x\n"}
    )
    (error,) = failures(lambda: read_files(root, file))
    assert error.startswith(message)


def test_all_faults_of_all_files_together(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.yml": "nme: x\n", "b.yml": "dependencies: [numpy>=]\nvariables: {A: b}\n"})
    found = failures(lambda: read_files(tmp_path, "a.yml", "b.yml", "gone.yml"))
    assert [error.partition(":")[0] for error in found] == ["BUILD.yaml", "a.yml", "b.yml"]


def test_variables_of_several_files_must_agree(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.yml": "variables: {A: b}\n", "b.yml": "variables: {A: c}\n"})
    (error,) = failures(lambda: read_files(tmp_path, "a.yml", "b.yml"))
    assert error.startswith("b.yml:1:16: the variable `A` has two values")
