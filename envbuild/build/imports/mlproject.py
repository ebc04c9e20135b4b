"""MLflow's MLproject ("MLproject file"): which environment it runs in."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.build.imports.draft import tell
from envbuild.core.dataclass import dataclass
from envbuild.core.text import excerpt
from envbuild.spec.positions import Entry, Shape, Value, parse_yaml
from envbuild.spec.problems import Problems

_ENVIRONMENTS = ("conda_env", "python_env")


@dataclass(frozen=True, slots=True)
class Project:
    """A project's name, and the files of its environment, relative to its own."""

    name: str
    files: tuple[str, ...]
    notes: tuple[str, ...]


def read_mlproject(data: bytes, shown: str) -> Project:
    """Read an MLproject file's bytes, errors placed in `shown`; raises SpecError or an ErrorGroup."""
    document, problems = parse_yaml(data, shown), Problems()
    entries = document.entries
    _refuse_docker(entries, problems)
    files = [_text(entries[key].value, key, problems) for key in _ENVIRONMENTS if key in entries]
    name = _text(entries["name"].value, "name", problems) if "name" in entries else ""
    if not files and not problems:
        hint = "write `conda_env: conda.yaml` or `python_env: python_env.yaml`, or import its requirements"
        problems.add("the project states no environment", document.location, hint)
    problems.raise_if_any()
    ignored = [key for key in entries if key not in (*_ENVIRONMENTS, "name")]
    notes = (tell(f"not imported from `{excerpt(shown)}`", ignored),) if ignored else ()
    return Project(name, tuple(files), notes)


def _refuse_docker(entries: Mapping[str, Entry], problems: Problems) -> None:
    if "docker_env" in entries:
        hint = "state its image as a `base_image`, and import its requirements onto that by `--base`"
        problems.add("the project runs in a Docker image", entries["docker_env"].key, hint)


def _text(value: Value, key: str, problems: Problems) -> str:
    if value.shape is not Shape.TEXT or "\0" in value.text:
        problems.add(f"`{key}` must be text, not {value.shape.value}", value.location)
    return value.text
