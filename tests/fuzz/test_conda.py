"""Conda's files as anybody may write them: environments, explicit files, conda-lock.yml and MatchSpecs."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from rattler import MatchSpec

from envbuild.spec.conda.files import find_conda_files
from envbuild.spec.conda.match_spec import check_match_spec
from envbuild.spec.conda.model import CondaSpec
from envbuild.spec.requirement_files import RequirementFiles
from tests.makers.conda_spec import HERE, read_files
from tests.makers.documents import documents, read_or_say, words
from tests.makers.mutants import fuzz, mutants

URL = "https://conda.example/forge/linux-64/zlib-1.2.11-h7b6447c_3.conda"
ENVIRONMENT = {
    "name": "train",
    "channels": ["forge", "https://conda.example/forge"],
    "dependencies": [
        "python=3.11",
        "numpy >=1.20,<2",
        URL,
        {"pip": ["six>=1", "--index-url https://i.example"]},
    ],
    "variables": {"A": "b"},
    "platforms": ["linux-64"],
}
LOCK = {
    "version": 1,
    "metadata": {"channels": [{"url": "https://conda.example/forge"}], "platforms": ["linux-64"]},
    "package": [
        {"name": "zlib", "manager": "conda", "platform": "linux-64", "url": URL, "hash": {"md5": "a" * 32}},
        {
            "name": "six",
            "version": "1.0",
            "manager": "pip",
            "platform": "linux-64",
            "url": "https://files.example/six-1.0-py3-none-any.whl",
            "hash": {"sha256": "a" * 64},
            "category": "main",
        },
    ],
}
BLOCK = b"""channels:
  - forge  # [linux]
dependencies:
  - mkl  # [linux64 and not win]
  - pip:
    - six  # [aarch64]
"""
EXPLICIT = f"# platform: linux-64\n@EXPLICIT\n{URL}#{'b' * 32}\n# pip six @ https://h.example/six-1-py3-none-any.whl\n"
PIECES = words(
    *("@EXPLICIT\n", URL, "#sha256:", "a" * 64, "#", "b" * 32, "\n", "# platform: ", "linux-64", "osx-64"),
    *(
        "# pip ",
        "six",
        " @ ",
        "https://",
        "file://",
        "/noarch/",
        "a-1-0.conda",
        ".tar.bz2",
        "?",
        "@",
        "/t/x/",
    ),
)
SPECS = words(
    *(
        "numpy",
        "conda-forge",
        "::",
        "/linux-64",
        "=",
        "==",
        ">=",
        "~=",
        "1.2",
        ".*",
        ",",
        "|",
        " ",
        "*",
        "py3_0",
    ),
    *("[", "]", "version='", "'", "build=", "(", ")", "!", "^", "$", "#", "https://h.example/c", "md5="),
)
LIKELY = r"[a-z_.-]{1,4}( ?[=<>!]=?| )\d(\.\d|\.\*)?(,<\d)?([= ][a-z0-9_]+)?"


def read(name: str, data: bytes) -> CondaSpec | None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / name).write_bytes(data)
        assert list(find_conda_files([(name, HERE)], folder, RequirementFiles()))
        return read_or_say(lambda: read_files(root, name))


@fuzz
@given(documents(ENVIRONMENT) | documents(LOCK) | mutants(BLOCK))
def test_documents(data: bytes) -> None:
    found = read("environment.yml", data)
    for text in found.specs if found else ():
        MatchSpec(text, strict=False)


@fuzz
@given(mutants(EXPLICIT.encode()) | PIECES.map(lambda text: text.encode(errors="surrogatepass")))
def test_explicit_files(data: bytes) -> None:
    found = read("linux.txt", data)
    for package in found.exact if found else ():
        assert package.url == f"{package.channel}/{package.file}"


# What is taken at first sight must mean something to who solves it.
@fuzz
@given(
    SPECS
    | st.from_regex(r"[a-z_.-]{1,4}( ?[=<>!]=?| )\d(\.\d|\.\*)?(,<\d)?([= ][a-z0-9_]+)?", fullmatch=True)
)
def test_match_specs(text: str) -> None:
    spec = read_or_say(lambda: check_match_spec(text))
    if spec is not None:
        MatchSpec(spec, strict=False)


def test_files_that_nobody_changed_are_read() -> None:
    environment, lock = (read("x.yml", json.dumps(each).encode()) for each in (ENVIRONMENT, LOCK))
    explicit = read("x.txt", EXPLICIT.encode())
    assert environment is not None
    assert lock is not None
    assert explicit is not None
    assert len(environment.exact) == len(lock.exact) == len(explicit.exact) == 1
    assert lock.pip.requirements
    assert read("x.yml", BLOCK) is not None
