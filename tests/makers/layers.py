"""A layer of each kind, made by the function that makes the real ones."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from functools import partial

from envbuild.archive.conda_layer import write_conda_layer
from envbuild.archive.conda_root import write_conda_root
from envbuild.archive.conda_shim import write_shim_layer
from envbuild.archive.deb import write_deb_layer
from envbuild.archive.debian_root import write_root_layer
from envbuild.archive.debian_state import write_state_layer
from envbuild.archive.file_layer import write_files_layer
from envbuild.archive.layer import Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.merge import MergePart, merge_layers
from envbuild.archive.venv import write_venv_layer
from envbuild.archive.wheel import write_wheel_layer
from tests.makers.certificates import PLAIN
from tests.makers.conda_packages import CondaPackage
from tests.makers.conda_samples import SAMPLES
from tests.makers.debian import Deb, entry, folder, link
from tests.makers.wheels import Wheel, make_wheel, noise, sample_wheels

WriteLayer = Callable[[Sink], LayerInfo]


def write_sample_wheel(wheel: Wheel) -> WriteLayer:
    """The layer of a wheel from its bytes."""
    return lambda out: write_wheel_layer(
        io.BytesIO(wheel.data), out, file_name=wheel.file_name, prefix="opt/env", python="3.11"
    )


def write_venv(out: Sink) -> LayerInfo:
    """The skeleton on Debian 12."""
    return write_venv_layer(out, prefix="opt/env", version="3.11.2", interpreter="/usr/bin/python3.11")


def write_shim(out: Sink) -> LayerInfo:
    """What activates an environment of two packages with scripts."""
    scripts = ["etc/conda/activate.d/b.sh", "etc/conda/activate.d/a b.sh"]
    return write_shim_layer(out, prefix="opt/env", scripts=scripts)


def write_files(out: Sink) -> LayerInfo:
    """Files, one of several members, one in a folder of a special mode, one that merged /usr moves."""
    files = [
        ("/app/train.py", partial(io.BytesIO, b"x"), 0o644),
        ("/app/data", partial(io.BytesIO, noise(1_500_000)), 0o755),
        ("/bin/tool", partial(io.BytesIO, b"tool"), 0o755),
        ("/tmp/cache", partial(io.BytesIO, b""), 0o644),
    ]
    return write_files_layer(files, out, merged_usr=True)


def make_part(write: WriteLayer) -> MergePart:
    """A layer to merge, in memory."""
    out = io.BytesIO()
    info = write(out)
    return MergePart(out, info, info.entries)


def write_merged(out: Sink) -> LayerInfo:
    """Three packages that share folders; the last has a file of the first, too."""
    shared = {"space/__init__.py": b""}
    wheels = [
        make_wheel("one", {**shared, "one.py": b"1", "space/big": noise(40_000)}),
        make_wheel("two", {"two.py": b"2"}),
        make_wheel("three", {**shared, "three.py": b"3", "space/three": noise(40_001)}),
    ]
    return merge_layers([make_part(write_sample_wheel(wheel)) for wheel in wheels], out)


def sample_debs() -> list[Deb]:
    """Packages with what layers of packages and their state are made of."""
    masters = "./usr/share/base-passwd"
    awk = "#!/bin/sh\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5\n"
    tool = [folder("./bin/"), entry("./bin/su", b"su", 0o4755, gid=7), link("./lib/ld.so", "ld-2.so")]
    return [
        Deb("tool", entries=[*tool, entry("./usr/share/big", noise(1_500_000))]),
        Deb("base-files", entries=[entry("./usr/share/base-files/profile", b"PATH=/usr/bin\n")]),
        Deb("base-passwd", entries=[entry(f"{masters}/passwd.master", b"root:*:0:0:root:/root:/bin/sh\n")]),
        Deb("ca-certificates", entries=[entry("./usr/share/ca-certificates/a/b.crt", PLAIN)]),
        Deb("mawk", entries=[entry("./usr/bin/mawk", b"awk", 0o755)], scripts={"postinst": awk}),
        Deb("tzdata"),
    ]


def write_deb(deb: Deb) -> WriteLayer:
    """The layer of a package's files."""
    return lambda out: write_deb_layer(io.BytesIO(deb.build()), out)


def odd_deb() -> Deb:
    """A package with what few have: hard links, folders of special modes, owners, an empty file."""
    return Deb(
        "odd",
        entries=[
            folder("./var/mail/", 0o2775),
            entry("./usr/bin/one", b"#!/bin/sh\n", 0o755),
            entry("./usr/bin/two", type=tarfile.LNKTYPE, linkname="./usr/bin/one"),
            entry("./etc/shadowed", b"", 0o640, uid=1, gid=42),
            link("./lib64", "usr/lib64"),
            entry("./usr/share/doc/odd/" + "long" * 40, b"long\n"),
        ],
        suffix=".zst",
    )


def write_state(out: Sink) -> LayerInfo:
    """What the packages' scripts would have written."""
    return write_state_layer([io.BytesIO(deb.build()) for deb in sample_debs()], out)


def write_conda(package: CondaPackage) -> WriteLayer:
    """The layer of a conda package."""
    return lambda out: write_conda_layer(
        io.BytesIO(package.build_package()),
        out,
        prefix="opt/env",
        python="3.11.9",
        site_packages="lib/python3.11/site-packages",
        record={"channel": "envbuild://forge", "requested_specs": []},
    )


LAYERS: Mapping[str, WriteLayer] = {
    **{f"wheel: {name}": write_sample_wheel(wheel) for name, wheel in sample_wheels().items()},
    "venv": write_venv,
    "conda shim": write_shim,
    "files": write_files,
    "merged": write_merged,
    "deb: tool": write_deb(sample_debs()[0]),
    "deb: base-files": write_deb(sample_debs()[1]),
    "deb: mawk": write_deb(sample_debs()[4]),
    "deb: odd": write_deb(odd_deb()),
    **{f"conda: {name}": write_conda(package) for name, package in SAMPLES.items()},
    "conda root": lambda out: write_conda_root(out, prefix="opt/env"),
    "debian root: amd64": lambda out: write_root_layer(out, architecture="amd64"),
    "debian root: arm64": lambda out: write_root_layer(out, architecture="arm64"),
    "debian state": write_state,
}
