"""The corpus of Dockerfiles, the context that all of them share, and a base with a shell."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.makers.debian import Deb, Mirror, entry, folder, link, make_tar, serve, signers
from tests.makers.project import Project
from tests.makers.servers import require_programs

CORPUS = Path(__file__).parents[1] / "corpus"

# Which of them need nothing but `base`, and can be built anywhere.
LOCAL = (
    "add-archives",
    "arguments",
    "build-tool",
    "capabilities",
    "changes",
    "copy-existing",
    "copy-forms",
    "copy-owners",
    "entrypoints",
    "escape",
    "heredocs",
    "ignored",
    "links",
    "mounts",
    "next-app",
    "onbuild",
    "settings",
    "stages",
    "training",
    "users",
)

# cap_net_bind_service=ep, as the kernel keeps it (linux/capability.h, VFS_CAP_REVISION_2).
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


def _make_capable() -> bytes:
    """A tar of programs that have a file capability and a note."""
    attributes = {"security.capability": CAPABILITY, "user.note": b"kept by nobody"}
    headers = {f"SCHILY.xattr.{name}": value.decode() for name, value in attributes.items()}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("serve", "watch"):
            info, data = entry(name, b"#!/bin/sh\n", 0o755, pax_headers=headers)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


_ARCHIVE = make_tar(
    [
        folder("top/", 0o750),
        entry("top/file", b"content\n", 0o640, uid=12, gid=34),
        entry("top/run", b"#!/bin/sh\n", 0o4755),
        entry("top/again", mode=0o640, uid=12, gid=34, type=b"1", linkname="top/file"),
        link("top/link", "file"),
        entry("deep/below/nothing/named", b"x"),
    ]
)
_FILES: Mapping[str, bytes] = {
    "capable.tar": _make_capable(),
    "app/main.py": b"print('main')\n",
    "app/util/text.py": b"text = 1\n",
    "app/data/table.csv": b"a,b\n1,2\n",
    "app/module.pyc": b"compiled\n",
    "bin/entry.sh": b'#!/bin/sh\nexec "$@"\n',
    "config/app.conf": b"a = 1\n",
    "config/extra.conf": b"b = 2\n",
    "docs/README.md": b"# Index\n",
    "go.mod": b"module example\n",
    "package.json": b"{}\n",
    "package-lock.json": b"{}\n",
    "requirements.txt": b"six\n",
    "src/main.c": b"NAME main\n",
    "src/lib.c": b"NAME lib\n",
    "archive.tar": _ARCHIVE,
    "archive.tar.gz": gzip.compress(_ARCHIVE, mtime=0),
    "archive.tar.xz": lzma.compress(_ARCHIVE),
    "archive.tar.bz2": bz2.compress(_ARCHIVE),
    "not-an-archive.tar.gz": b"by its name only\n",
    "table.csv.gz": gzip.compress(b"1,2\n" * 200, mtime=0),
    "bundle/archive.tar.gz": gzip.compress(_ARCHIVE, mtime=0),
}
# The target that all others here stand on.
BASE = "- debian_base: {name: base, suite: stable, packages: [busybox, base-passwd]}\n"
_APPLETS = """
sh ls cat id touch chmod chown rm rmdir mkdir ln mv cp echo hostname mkfifo env printf test true false head
stat readlink grep wc tr su sed find sort df pwd umask sleep dd
"""
_PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"
_GROUP = "root:x:0:\napp:x:1000:\nextra:x:2000:app\n"


def texts() -> dict[str, str]:
    """The corpus by name."""
    return {path.name.partition(".")[0]: path.read_text() for path in CORPUS.glob("*.Dockerfile")}


def write_context(root: Path) -> Path:
    """Write the context, with modes that no umask changes; returns it."""
    for name, data in _FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if name.endswith(".sh") else 0o644)
    (root / "link").symlink_to("app/main.py")
    (root / "links").mkdir()
    (root / "links/folder").symlink_to("../app")
    (root / "links/broken").symlink_to("nowhere")
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    return root


def base_packages() -> tuple[Deb, ...]:
    """Packages that make a base with busybox and accounts."""
    require_programs("busybox")
    program = Path(shutil.which("busybox") or "").read_bytes()
    names = [name for name in _APPLETS.split() if name != "umask"]
    return (
        Deb(
            "busybox",
            entries=[
                folder("./bin/"),
                entry("./bin/busybox", program, 0o755),
                *(link(f"./bin/{name}", "busybox") for name in names),
            ],
            suffix=".gz",
        ),
        Deb("base-files", entries=[folder("./etc/"), entry("./etc/debian_version", b"12")]),
        Deb(
            "base-passwd",
            entries=[
                entry("./usr/share/base-passwd/passwd.master", _PASSWD.encode()),
                entry("./usr/share/base-passwd/group.master", _GROUP.encode()),
            ],
        ),
    )


@contextmanager
def run_base(top: Path) -> Iterator[Project]:
    """A workspace whose only target is the base, built; its packages' mirror serves within the block."""
    project = Project(top)
    with signers("never") as (signer,):
        mirror = Mirror(top / "mirror", signer)
        mirror.publish("stable", base_packages())
        with serve(mirror.root) as (url, _):
            source = {"debian": {"name": "debian", "urls": [url], "keyring": "mirror.gpg"}}
            project.write(
                {
                    "envbuild.yaml": f"sources: {json.dumps([source])}\n",
                    "mirror.gpg": signer.keyring.read_bytes(),
                    "BUILD.yaml": BASE,
                }
            )
            project.run("lock")
            project.run("build", ":base")
    project.succeed("build", ":base")  # from the cache: a failure before must not leave servers running
    yield project
