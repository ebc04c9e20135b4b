"""Signatures of Debian archives, checked by `gpgv`."""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later

_ARMOR: Final = compile_later(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----(.*?)(?:\n=[^\n]*)?\n-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL
)
_BAD: Final = ("BADSIG", "REVKEYSIG")


@dataclass(frozen=True, slots=True)
class Keyring:
    """OpenPGP keys that are trusted: a file, or the armored text in `keys` where `path` is None."""

    path: Path | None
    keys: str = ""


def verify_signature(
    signed: bytes, keyrings: Sequence[Keyring], shown: str, detached: bytes | None = None
) -> bytes:
    """The text that one of the keys has signed inline; `shown` names it in errors.

    With a `detached` text, `signed` is its signature alone, and the text is what comes back.

    Raises SourceError unless there is a good signature by a valid key, and none that is bad. Keys
    that are unknown do not matter: an archive signs with several while it changes from one to another.
    """
    with TemporaryDirectory(prefix="envbuild-gpgv-") as folder:
        home = Path(folder)
        (home / "signed").write_bytes(signed)
        if detached is not None:
            (home / "detached").write_bytes(detached)
        status = _run_gpgv(home, [_write_keyring(each, home, n) for n, each in enumerate(keyrings)])
        marks = {line.split()[1] for line in status.splitlines() if line.startswith("[GNUPG:] ")}
        if "GOODSIG" not in marks or not marks.isdisjoint(_BAD):
            raise _describe_fault(marks, shown)
        return (home / "text").read_bytes() if detached is None else detached


def _run_gpgv(home: Path, keyrings: Sequence[Path]) -> str:
    """The status lines; which exit code goes with them is not told apart, they say more."""
    options = [part for path in keyrings for part in ("--keyring", str(path))]
    files = ["--output", str(home / "text"), str(home / "signed")]
    if (home / "detached").exists():
        files = [str(home / "signed"), str(home / "detached")]
    command = ["gpgv", "--homedir", str(home), "--status-fd", "1", *options, *files]
    try:
        finished = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise SourceError(
            "`gpgv` is needed to check a Debian mirror's signature, and it is not installed",
            hint="run `apt-get install gpgv`",
        ) from None
    return finished.stdout.decode("utf-8", "replace")


def _write_keyring(keyring: Keyring, home: Path, number: int) -> Path:
    """A file in the binary form that gpgv reads, without armor."""
    try:
        data = keyring.path.read_bytes() if keyring.path else keyring.keys.encode()
    except OSError as error:
        raise SourceError(
            f"cannot read the keyring `{keyring.path}`: {error.strerror}",
            hint="run `apt-get install debian-archive-keyring`, or name another `keyring` for this mirror",
        ) from error
    path = home / f"{number}.gpg"
    path.write_bytes(_strip_armor(data))
    return path


def _strip_armor(data: bytes) -> bytes:
    """The binary keys of an armored text (RFC 9580, 6.2), or the data where it is none."""
    if b"-----BEGIN PGP" not in data:
        return data
    try:
        return b"".join(
            base64.b64decode(block.replace(b"\r", b"").partition(b"\n\n")[2])
            for block in _ARMOR.findall(data)
        )
    except binascii.Error:
        raise SourceError("a keyring's armor is malformed") from None


def _describe_fault(marks: set[str], shown: str) -> SourceError:
    if not marks.isdisjoint(_BAD):
        hint = "the mirror is broken or somebody changes what it serves: use another one"
        return SourceError(f"`{shown}` has a bad signature", hint=hint)
    if not marks.isdisjoint(("EXPKEYSIG", "EXPSIG")):
        hint = "run `apt-get install --only-upgrade debian-archive-keyring`"
        return SourceError(f"`{shown}` is signed by an expired key", hint=hint)
    if "NO_PUBKEY" in marks:
        hint = "name the archive's `keyring` for this mirror in envbuild.yaml"
        return SourceError(f"`{shown}` is signed by no key of the keyring", hint=hint)
    return SourceError(f"`{shown}` has no signature that can be read", hint="check the mirror's URL")
