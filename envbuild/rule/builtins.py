"""The functions that make bytes, by name and version.

A version moves exactly when the golden bytes of its function change (tests/golden): it is part of
every definition digest and action key. No other source code is.
"""

from __future__ import annotations

from envbuild.rule.declared import Builtin

WHEEL_LAYER = Builtin("wheel_layer", 2)
CONDA_LAYER = Builtin("conda_layer", 1)
CONDA_ROOT = Builtin("conda_root", 1)
CONDA_SHIM = Builtin("conda_shim", 1)
DEB_LAYER = Builtin("deb_layer", 2)
DEBIAN_ROOT = Builtin("debian_root", 2)
DEBIAN_STATE = Builtin("debian_state", 3)
DEBIAN_ADDITION = Builtin("debian_addition", 1)
VENV_LAYER = Builtin("venv_layer", 2)
FILES_LAYER = Builtin("files_layer", 2)
MERGE_LAYERS = Builtin("merge_layers", 2)
COPY_LAYER = Builtin("copy_layer", 7)
LIST_LAYER = Builtin("list_layer", 1)
RUN_STEP = Builtin("run_step", 3)
CHECK_PATHS = Builtin("check_paths", 1)
CHECK_FACTS = Builtin("check_facts", 1)
CHECK_BYTECODE = Builtin("check_bytecode", 1)
CHECK_LIBRARIES = Builtin("check_libraries", 1)
BUILT_WHEEL = Builtin("built_wheel", 1)
IMAGE = Builtin("image", 1)
INDEX = Builtin("index", 1)

# Where an action's input root holds its parameters, its own definition digest, and its inputs.
PARAMETERS = "parameters.json"
DEFINITION = "definition"
INPUTS = "inputs"

# Output names, the same for every builtin that makes a layer.
LAYER = "layer.tar.gz"
LAYER_INFO = "layer.json"
LISTING = "listing"
LAYER_OUTPUTS = (LAYER, LAYER_INFO, LISTING)
MANIFEST = "manifest.json"
CONFIG = "config.json"
IMAGE_INDEX = "index.json"
CHECKED = "checked"
WHEEL = "wheel"
