"""Finds rules: those that ship with envbuild, and those in folders that a workspace names.

A rule module is a Python file; every `Rule` that it defines is a rule. It runs as trusted code,
like everything in a workspace, and leaves no bytecode behind.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from envbuild.core.errors import EnvbuildError, Location, SpecError
from envbuild.rule.guard import failing_line, guard_rule, rule_place
from envbuild.rule.kind import Rule
from envbuild.spec.recorder import Recorder

_SHIPPED = "envbuild_rules"


def load_rules(folders: Sequence[Path], root: Path, recorder: Recorder) -> Mapping[str, Rule]:
    """All rules by name: the shipped ones, then those in `folders`, whose places are shown below `root`.

    Raises SpecError for a module that fails, a folder without rules, and a name used twice.
    """
    rules: dict[str, Rule] = {}
    places: dict[str, Location] = {}
    for folder in (shipped_folder(), *folders):
        for rule, place in _load_folder(folder, root, recorder):
            if rule.name in places:
                hint = f"rename it: the first one is at {places[rule.name]}"
                raise SpecError(f"a second rule `{rule.name}`", hint=hint, location=place)
            rules[rule.name], places[rule.name] = rule, place
    return rules


def shipped_folder() -> Path:
    """The folder of the rules that ship: beside the package in a checkout, else installed with it."""
    beside = Path(__file__).parents[2]
    checkout = beside / "rules"
    return checkout if (checkout / "environment.py").is_file() else beside / _SHIPPED


def _load_folder(folder: Path, root: Path, recorder: Recorder) -> Iterator[tuple[Rule, Location]]:
    recorder.record(folder)
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    found = [pair for file in files for pair in _load_file(file, root, recorder)]
    if not found:
        hint = "define one with `@rule(...)` in a Python file there"
        raise SpecError(f"the folder `{_shown(folder, root)}` holds no rule", hint=hint)
    yield from found


def _load_file(path: Path, root: Path, recorder: Recorder) -> Iterator[tuple[Rule, Location]]:
    recorder.record(path)
    shown = _shown(path, root)
    module = _execute(path, shown)
    # Once each, whatever its names; a rule that a module imports is another module's.
    for value in {id(value): value for value in vars(module).values()}.values():
        if isinstance(value, Rule) and value.implementation.__module__ == module.__name__:
            # What ships is no workspace's: its faults are ours.
            guarded = value if path.parent == shipped_folder() else guard_rule(value, path, shown)
            yield guarded, rule_place(value, shown)


def _execute(path: Path, shown: str) -> ModuleType:
    # Registered, as modules are: dataclasses and pickling look their module up. The digest keeps
    # two files of one name apart.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    module = ModuleType(f"{_SHIPPED}_{digest}_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102 (the point)
    except SyntaxError as error:
        place = Location(shown, error.lineno or 0, error.offset or 0)
        raise SpecError(f"not Python: {error.msg}", location=place) from error
    except EnvbuildError as error:
        place = Location(shown, failing_line(error, path))
        raise SpecError(error.message, hint=error.hint, location=place) from error
    except Exception as error:
        message = f"the rule module failed: {type(error).__name__}: {error}"
        raise SpecError(message, location=Location(shown, failing_line(error, path))) from error
    return module


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name
