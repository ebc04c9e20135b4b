"""Which function makes what: the table of builtins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module

from envbuild.execute.builtin import Function
from envbuild.rule import builtins
from envbuild.rule.declared import Builtin

BUILTINS: Mapping[Builtin, str] = {
    builtins.WHEEL_LAYER: "layers.make_wheel_layer",
    builtins.CONDA_LAYER: "layers.make_conda_layer",
    builtins.CONDA_SHIM: "layers.make_shim_layer",
    builtins.CONDA_ROOT: "layers.make_conda_root",
    builtins.DEB_LAYER: "layers.make_deb_layer",
    builtins.DEBIAN_ROOT: "layers.make_debian_root",
    builtins.DEBIAN_STATE: "layers.make_debian_state",
    builtins.DEBIAN_ADDITION: "layers.make_debian_addition",
    builtins.VENV_LAYER: "layers.make_venv_layer",
    builtins.FILES_LAYER: "layers.make_files_layer",
    builtins.COPY_LAYER: "copying.make_copy_layer",
    builtins.LIST_LAYER: "listings.make_listing",
    builtins.MERGE_LAYERS: "layers.make_merged_layer",
    builtins.CHECK_PATHS: "paths.check_paths",
    builtins.CHECK_FACTS: "facts.check_facts",
    builtins.CHECK_BYTECODE: "bytecode.check_bytecode",
    builtins.CHECK_LIBRARIES: "libraries.check_libraries",
    builtins.BUILT_WHEEL: "wheels.take_wheel",
    builtins.IMAGE: "images.make_image",
    builtins.INDEX: "images.make_index",
}
"""Where each function is, below this package."""


def load_builtins(wanted: Iterable[Builtin]) -> Mapping[Builtin, Function]:
    """The functions of those that are wanted and known; nothing else is imported."""
    return {builtin: _load(BUILTINS[builtin]) for builtin in wanted if builtin in BUILTINS}


def _load(place: str) -> Function:
    module, _, name = place.partition(".")
    function: Function = getattr(import_module(f"envbuild.execute.{module}"), name)
    return function
