from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.graph.query import run_query
from envbuild.graph.target_graph import LoadedGraph
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.targets import Targets
from tests.makers.workspace import SCHEMAS, failures, write_files


@pytest.fixture
def graph(tmp_path: Path) -> LoadedGraph:
    files: dict[str, str | bytes] = {
        "bases/BUILD.yaml": "- base: {name: python, platforms: [linux/amd64, linux/arm64]}",
        "app/BUILD.yaml": """\
            - app:
                name: train
                base: //bases:python
                pip: [six, attrs]
                files: {missing.py: /app/train.py}
                variables: {THREADS: "1"}
                strip: true
                level: 3
            - app: {name: serve, base: ":train"}
            - app: {name: lost, base: //bases:ptyhon}
            - app: {name: loop, base: scratch, beside: [":loop"]}
            """,
        "broken/BUILD.yaml": "- nonsense",
    }
    return LoadedGraph(Targets(write_files(tmp_path, files), SCHEMAS, Unrecorded()))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        # No file but build files is read, and of these only what the query needs.
        ("deps(//app:serve)", "//app:serve //app:train //bases:python"),
        ("kind('^base$', deps(//app:serve))", "//bases:python"),
        ("attr(base, '//bases:', //app:all)", "//app:lost //app:train"),
        ("attr(pip, '^six', //app:all)", "//app:train"),
        ("attr(files, '=/app/', //app:all)", "//app:train"),
        ("attr(variables, THREADS=1, //app:all)", "//app:train"),
        ("attr(strip, true, //app:all)", "//app:train"),
        ("attr(level, 3, //app:all)", "//app:train"),
        ("attr(name, '^s', //app:all)", "//app:serve"),
        # A default counts as stated.
        ("attr(platforms, amd64, //app:serve + //bases:python)", "//app:serve //bases:python"),
        ("attr(platforms, arm64, //app:serve + //bases:python)", "//bases:python"),
        # A query is how to look at a cycle.
        ("deps(//app:loop)", "//app:loop"),
    ],
)
def test_queries(graph: LoadedGraph, text: str, labels: str) -> None:
    assert " ".join(map(str, run_query(text, graph, ""))) == labels


def test_a_missing_target_is_told_where_it_is_named(graph: LoadedGraph) -> None:
    assert failures(lambda: run_query("//app:tarin", graph, "")) == [
        "query:1:1: `app/BUILD.yaml` has no target `tarin`\nhint: did you mean `//app:train`?"
    ]
    (error,) = failures(lambda: run_query("deps(//app:lost)", graph, ""))
    assert error.startswith("app/BUILD.yaml:10:27: `bases/BUILD.yaml` has no target `ptyhon`\nhint: did you")


def test_a_broken_build_file_is_told_by_who_looks_at_it(graph: LoadedGraph) -> None:
    (error,) = failures(lambda: run_query("//...", graph, ""))
    assert error.startswith("broken/BUILD.yaml:1:3: a call is one name with its attributes")
