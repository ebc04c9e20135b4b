"""What activating a conda environment would set: scripts of `activate.d`, as far as they only set variables.

conda sources `etc/conda/activate.d/*.sh` in the order of their names (conda's documentation, "Managing
environments"). Most of them set variables to places below the prefix: that is known without a shell.
"""

from __future__ import annotations

from typing import Final

from envbuild.core.pattern import compile_later

FOLDER: Final = "etc/conda/activate.d/"
PREFIX: Final = "${CONDA_PREFIX}"

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_EXPORT = compile_later(rf"export\s+({_NAME})\s*\Z")
_ASSIGNMENT = compile_later(rf"(export\s+)?({_NAME})=(.*)\Z")
# A word without anything that a shell would act on, but for the prefix; within quotes, blanks too.
_PLAIN = r"[A-Za-z0-9_.,:/@%+=-]"
_HERE = r"\$CONDA_PREFIX(?![A-Za-z0-9_])|\$\{CONDA_PREFIX\}"
_WORD = compile_later(rf"(?:{_PLAIN}|{_HERE})*")
_QUOTED = compile_later(rf'"(?:{_PLAIN}|[ ;()~*?]|{_HERE})*"')
_LITERAL = compile_later(r"'[^'\\]*'")
_REFERENCE = compile_later(_HERE)


def is_activation(path: str) -> bool:
    """Whether a path of a package is a script that activating sources in a POSIX shell."""
    return path.startswith(FOLDER) and path.endswith(".sh")


def read_assignments(script: str) -> tuple[str, ...] | None:
    """What a script exports, as `NAME=value` with `${CONDA_PREFIX}` for the prefix; None if it does more."""
    values: dict[str, str] = {}
    exported: dict[str, None] = {}
    for line in script.splitlines():
        for statement in _statements(line.strip()):
            if match := _EXPORT.match(statement):
                exported[match[1]] = None
                continue
            match = _ASSIGNMENT.match(statement)
            value = _read_value(match[3]) if match else None
            if match is None or value is None:
                return None
            values[match[2]] = value
            if match[1]:
                exported[match[2]] = None
    if exported.keys() - values.keys():
        return None
    return tuple(f"{name}={values[name]}" for name in sorted(exported))


def _statements(line: str) -> list[str]:
    """The statements of a line; one that holds quotes is not split."""
    if line.startswith("#") or not line:
        return []
    parts = [line] if {"'", '"'}.intersection(line) else line.split(";")
    return [part.strip() for part in parts if part.strip()]


def _read_value(text: str) -> str | None:
    if _LITERAL.fullmatch(text):
        return None if "$" in text else text[1:-1]
    if _QUOTED.fullmatch(text):
        text = text[1:-1]
    elif not _WORD.fullmatch(text):
        return None
    return _REFERENCE.sub(lambda _: PREFIX, text)
