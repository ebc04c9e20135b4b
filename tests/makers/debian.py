"""Small Debian packages, and a mirror of them whose release file is signed by a key made for the test."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import zstandard

Compress = Callable[[bytes], bytes]

COMPRESSIONS: Mapping[str, Compress] = {
    "": bytes,
    ".gz": partial(gzip.compress, mtime=0),
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_content_size=False).compress,
}


def entry(name: str, data: bytes = b"", mode: int = 0o644, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """A file of a tar; `fields` are those of TarInfo, such as `type` and `linkname`."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), mode, 1_700_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    """A folder of a tar."""
    return entry(name, mode=mode, type=tarfile.DIRTYPE)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A symbolic link of a tar."""
    return entry(name, mode=0o777, type=tarfile.SYMTYPE, linkname=target)


def make_tar(entries: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """The bytes of a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def mend_sums(tar: bytes) -> bytes:
    """The tar with right checksums in whatever blocks look like headers, so that changes reach the reader."""
    blocks = [bytearray(tar[at : at + 512]) for at in range(0, len(tar), 512)]
    for block in blocks:
        if len(block) == 512 and block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


def make_ar(members: Sequence[tuple[str, bytes]]) -> bytes:
    """The bytes of an ar archive."""
    parts = [b"!<arch>\n"]
    for name, data in members:
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n"
        parts += [header.encode(), data, b"\n" * (len(data) % 2)]
    return b"".join(parts)


@dataclass(frozen=True)
class Deb:
    """A package to be: its stanza's fields, its files, and its maintainer scripts."""

    name: str
    version: str = "1.0-1"
    entries: Sequence[tuple[tarfile.TarInfo, bytes]] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    architecture: str = "amd64"
    suffix: str = ".xz"
    listed: bool = True  # whether it has md5sums, which Debian's policy does not demand

    @property
    def file(self) -> str:
        """Where it lies on a mirror."""
        return f"pool/main/{self.name[0]}/{self.name}/{self.name}_{self.version}_{self.architecture}.deb"

    @property
    def stanza(self) -> str:
        """Its control file."""
        fields = {"Package": self.name, "Version": self.version, "Architecture": self.architecture}
        return "".join(f"{name}: {value}\n" for name, value in {**fields, **self.fields}.items())

    def build(self) -> bytes:
        """Its bytes."""
        control = [entry("./control", self.stanza.encode())]
        if self.listed:
            control.append(entry("./md5sums", self._sums().encode("utf-8", "surrogateescape")))
        control += [entry(f"./{name}", text.encode(), 0o755) for name, text in self.scripts.items()]
        compress = COMPRESSIONS[self.suffix]
        return make_ar(
            [
                ("debian-binary", b"2.0\n"),
                (f"control.tar{self.suffix}", compress(make_tar([folder("./"), *control]))),
                (f"data.tar{self.suffix}", compress(make_tar([folder("./"), *self.entries]))),
            ]
        )

    def _sums(self) -> str:
        sums = [
            f"{hashlib.md5(data).hexdigest()}  {info.name.removeprefix('./')}\n"
            for info, data in self.entries
            if info.isreg()
        ]
        return "".join(sums)


@dataclass(frozen=True)
class Signer:
    """A key of its own in a folder of its own."""

    home: Path

    @property
    def keyring(self) -> Path:
        """The public key as apt has it."""
        return self.home / "keyring.gpg"

    @property
    def armored(self) -> str:
        """The public key as text."""
        return self._gpg("--armor", "--export").decode()

    def make_key(self, *options: str, expires: str = "never") -> None:
        """Make the key; `options` may fake the time."""
        self._gpg(*options, "--passphrase", "", "--quick-generate-key", "tester", "ed25519", "sign", expires)
        self.keyring.write_bytes(self._gpg("--export"))

    def sign(self, text: str, *options: str) -> bytes:
        """The text with an inline signature."""
        return self._gpg(*options, "--clearsign", data=text.encode())

    def sign_beside(self, text: str) -> bytes:
        """A signature of the text, without it."""
        return self._gpg("--armor", "--detach-sign", data=text.encode())

    def _gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@contextmanager
def signers(*expires: str) -> Iterator[list[Signer]]:
    """A signer for each life span; their agents end with the block."""
    made = []
    for life in expires:
        signer = Signer(Path(mkdtemp(prefix="gpg-")))  # a short path: the agent's socket lies in it
        made.append(signer)
        faked = () if life == "never" else ("--faked-system-time", "20200101T000000")
        signer.make_key(*faked, expires=life)
    yield made
    for signer in made:
        subprocess.run(["gpgconf", "--homedir", str(signer.home), "--kill", "all"], check=True)
        rmtree(signer.home, ignore_errors=True)  # the agent takes its sockets away at the same time


@dataclass(frozen=True)
class Mirror:
    """A mirror as a folder; what lies there is served as it is, so a test may damage it."""

    root: Path
    signer: Signer

    def publish(
        self,
        suite: str,
        debs: Sequence[Deb],
        *,
        architecture: str = "amd64",
        release: Mapping[str, str] = {},
        detached: bool = False,
    ) -> None:
        """Write packages, index and signed release file; `release` replaces fields of the latter.

        `detached` puts its signature beside it.
        """
        index = "\n".join(map(self._add, debs))
        place = f"main/binary-{architecture}/Packages"
        files = {f"{place}{suffix}": COMPRESSIONS[suffix](index.encode()) for suffix in ("", ".gz", ".xz")}
        for path, data in files.items():
            self._write(f"dists/{suite}/{path}", data)
            name = hashlib.sha256(data).hexdigest()
            self._write(f"dists/{suite}/{path.rpartition('/')[0]}/by-hash/SHA256/{name}", data)
        text = describe_release(suite, files, release)
        self._write(f"dists/{suite}/InRelease", self.signer.sign(text))
        if detached:
            (self.root / f"dists/{suite}/InRelease").unlink()
            self._write(f"dists/{suite}/Release", text.encode())
            self._write(f"dists/{suite}/Release.gpg", self.signer.sign_beside(text))

    def _add(self, deb: Deb) -> str:
        data = deb.build()
        self._write(deb.file, data)
        sums = f"Filename: {deb.file}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        return deb.stanza + sums

    def _write(self, path: str, data: bytes) -> None:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(data)


def describe_release(suite: str, files: Mapping[str, bytes], changes: Mapping[str, str]) -> str:
    """A release file's text."""
    fields = {"Origin": "Test", "Codename": suite, "Components": "main", "Acquire-By-Hash": "yes", **changes}
    lines = [f"{name}: {value}" for name, value in fields.items()]
    sums = [f" {hashlib.sha256(data).hexdigest()} {len(data):>8} {path}" for path, data in files.items()]
    return "\n".join([*lines, "SHA256:", *sums, ""])


@contextmanager
def serve(root: Path) -> Iterator[tuple[str, list[str]]]:
    """A folder served on loopback: its URL, and the paths asked for so far."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=os.fspath(root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
