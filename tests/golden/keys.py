"""Definition digests and action keys of one sample action per builtin, as they are now.

`python -m tests.golden.keys` writes them to keys.json. They may change only with a builtin's
version or DEFINITION_SCHEMA: a change means that everybody builds everything again.
"""

from __future__ import annotations

import json
from pathlib import Path

from envbuild.core.digest import Digest
from envbuild.graph.bind import bind_action
from envbuild.lock.model import Json, Locked
from envbuild.rule import builtins
from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, Input, Output, SourceFile

GOLDEN = Path(__file__).with_name("keys.json")

_CONTENT = Digest.of(b"content")
_LAYER_OUTPUTS = (builtins.LAYER, builtins.LAYER_INFO, builtins.LISTING)
_WHEEL = Locked("wheel", "numpy", "2.4.6", "pypi", "numpy-2.4.6.whl", _CONTENT.hash, _CONTENT.size)
_DEB = Locked("deb", "libc6", "2.36", "debian", "pool/libc6.deb", _CONTENT.hash, _CONTENT.size)
_CONDA = Locked("conda", "zlib", "1.3", "forge", "linux-64/zlib-1.3-0.conda", _CONTENT.hash, _CONTENT.size)
_FILE = SourceFile(Digest.of(b"train"), executable=True, path="/src/train.py")
_COPY: dict[str, Json] = {"destination": "/srv/a", "owner": "1:2", "mode": None, "unpack": False}
_STEP: dict[str, Json] = {
    "argv": ["/bin/sh", "-c", "true"],
    "environment": {"A": "1"},
    "workdir": "/",
    "user": "",
    "network": False,
    "generation": 0,
    "mounts": [{"type": "tmpfs", "target": "/tmp", "size": 0}],
}


def keys() -> dict[str, dict[str, str]]:
    """The digests by builtin."""
    return {
        action.builtin.name: {"definition": action.definition, "key": str(bind_action(action, _digest).key)}
        for action in _samples()
    }


def _samples() -> list[DeclaredAction]:
    wheel = _layer(
        builtins.WHEEL_LAYER,
        {"prefix": "opt/env", "python": "3.11", "file": _WHEEL.file},
        {"wheel": Fetched(_WHEEL)},
    )
    deb = _layer(builtins.DEB_LAYER, {}, {"deb": Fetched(_DEB)})
    parts = {f"{n:03}/{builtins.LAYER}": each.output(builtins.LAYER) for n, each in enumerate((wheel, deb))}
    merged = _declare(builtins.MERGE_LAYERS, {}, {**parts}, (builtins.LAYER, builtins.LAYER_INFO))
    checked = _declare(
        builtins.CHECK_PATHS,
        {"owners": ["numpy 2.4.6"], "overriding": []},
        {f"0000/{builtins.LISTING}": wheel.output(builtins.LISTING)},
        (builtins.CHECKED,),
    )
    info = {"layers/000/layer.json": merged.output(builtins.LAYER_INFO)}
    image = DeclaredAction(
        builtins.IMAGE,
        {"platform": "linux/amd64", "config": {"variables": {}, "user": ""}, "layers": [["numpy 2.4.6"]]},
        {"checked": checked.output(builtins.CHECKED), **info},
        (builtins.CONFIG, builtins.MANIFEST),
        "Image",
        "//a:b",
        stamped=True,
    )
    index = _declare(
        builtins.INDEX,
        {"platforms": ["linux/amd64"]},
        {f"000/{builtins.MANIFEST}": image.output(builtins.MANIFEST)},
        (builtins.IMAGE_INDEX,),
    )
    return [
        wheel,
        deb,
        _layer(
            builtins.CONDA_LAYER,
            {
                "prefix": "opt/env",
                "python": "3.11.9",
                "site_packages": "lib/python3.11/site-packages",
                "record": {"name": "zlib", "version": "1.3", "build": "0", "depends": ["libgcc"]},
            },
            {"package": Fetched(_CONDA)},
        ),
        _layer(builtins.CONDA_SHIM, {"prefix": "opt/env", "scripts": ["etc/conda/activate.d/a.sh"]}, {}),
        _layer(builtins.CONDA_ROOT, {"prefix": "opt/env"}, {}),
        _layer(builtins.DEBIAN_ROOT, {"architecture": "amd64"}, {}),
        _layer(
            builtins.DEBIAN_ADDITION,
            {"kept": ["accounts"], "alternatives": {"awk": 5}},
            {"base/0000": Fetched(_DEB), "added/0000": Fetched(_DEB)},
        ),
        _layer(builtins.DEBIAN_STATE, {}, {"0000": Fetched(_DEB)}),
        _layer(builtins.VENV_LAYER, {"prefix": "opt/env", "version": "3.11.2", "interpreter": ""}, {}),
        _layer(builtins.FILES_LAYER, {"files": [["app/train.py", 0o755]]}, {"files/00000": _FILE}),
        _layer(
            builtins.COPY_LAYER,
            {**_COPY, "items": [{"path": "a", "file": 0, "mode": 0o644}], "single": True},
            {"files/00000": _FILE, "below/000/listing": wheel.output(builtins.LISTING)},
        ),
        _declare(
            builtins.LIST_LAYER, {}, {builtins.LAYER: merged.output(builtins.LAYER)}, (builtins.LISTING,)
        ),
        _layer(builtins.RUN_STEP, _STEP, {"root/000": wheel.output(builtins.LAYER)}),
        _declare(
            builtins.CHECK_FACTS,
            {"libc": "glibc 2.36", "python": "3.11", "interpreter": "/usr/bin/python3.11"},
            {"000": wheel.output(builtins.LAYER)},
            (builtins.CHECKED,),
        ),
        _declare(
            builtins.CHECK_BYTECODE,
            {"steps": ["COPY a /a"]},
            {"bytecode/000": wheel.output(builtins.LISTING), "steps/000": wheel.output(builtins.LISTING)},
            (builtins.CHECKED,),
        ),
        _declare(
            builtins.CHECK_LIBRARIES,
            {"owners": ["a 1"]},
            {"wheels/000": Fetched(_WHEEL), "layers/000": wheel.output(builtins.LISTING)},
            (builtins.CHECKED,),
        ),
        _declare(
            builtins.BUILT_WHEEL,
            {"name": "a", "version": "1", "requires": [], "extras": [], "platform": "linux/amd64"},
            {"layer": wheel.output(builtins.LAYER)},
            (builtins.WHEEL,),
        ),
        merged,
        checked,
        image,
        index,
    ]


def _layer(builtin: Builtin, parameters: dict[str, Json], inputs: dict[str, Input]) -> DeclaredAction:
    return _declare(builtin, {**parameters, "epoch": 315532800}, inputs, _LAYER_OUTPUTS)


def _declare(
    builtin: Builtin, parameters: dict[str, Json], inputs: dict[str, Input], outputs: tuple[str, ...]
) -> DeclaredAction:
    return DeclaredAction(builtin, parameters, inputs, outputs, "Sample", builtin.name)


def _digest(output: Output) -> Digest:
    return Digest.of(output.path.encode())


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(keys(), indent=2, sort_keys=True) + "\n")
