"""Which function makes what: the table of builtins."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.execute import bytecode, copying, facts, images, layers, paths, wheels
from envbuild.execute.builtin import Function
from envbuild.rule import builtins
from envbuild.rule.declared import Builtin

BUILTINS: Mapping[Builtin, Function] = {
    builtins.WHEEL_LAYER: layers.make_wheel_layer,
    builtins.CONDA_LAYER: layers.make_conda_layer,
    builtins.CONDA_SHIM: layers.make_shim_layer,
    builtins.CONDA_ROOT: layers.make_conda_root,
    builtins.DEB_LAYER: layers.make_deb_layer,
    builtins.DEBIAN_ROOT: layers.make_debian_root,
    builtins.DEBIAN_STATE: layers.make_debian_state,
    builtins.DEBIAN_ADDITION: layers.make_debian_addition,
    builtins.VENV_LAYER: layers.make_venv_layer,
    builtins.FILES_LAYER: layers.make_files_layer,
    builtins.COPY_LAYER: copying.make_copy_layer,
    builtins.MERGE_LAYERS: layers.make_merged_layer,
    builtins.CHECK_PATHS: paths.check_paths,
    builtins.CHECK_FACTS: facts.check_facts,
    builtins.CHECK_BYTECODE: bytecode.check_bytecode,
    builtins.BUILT_WHEEL: wheels.take_wheel,
    builtins.IMAGE: images.make_image,
    builtins.INDEX: images.make_index,
}
