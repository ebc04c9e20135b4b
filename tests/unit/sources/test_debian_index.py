from __future__ import annotations

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.debian_index import DebianIndex, decode_rows, encode_rows, parse_packages

SHA256 = "a" * 64


def stanza(name: str, version: str = "1", **fields: str) -> str:
    known = {"Package": name, "Version": version, "Filename": f"{name}.deb", "Size": "1", "SHA256": SHA256}
    given = {field.replace("_", "-"): value for field, value in fields.items()}
    return "".join(f"{field}: {value}\n" for field, value in {**known, **given}.items())


DASH = {"Package": "dash", "Version": "1:0.5+b1~x-2", "Filename": "pool/d.deb", "Size": "1", "SHA256": SHA256}
TEXT = "\n".join(
    [
        stanza("mawk", Provides="awk (= 2), nawk", Priority="required"),
        stanza(
            "gawk",
            Provides="awk",
            Depends="libc6 (>= 2),\n libgmp10,\tlibreadline8",
            Description="x\n Package: y",
        ),
        stanza("original-awk", "1", Provides="awk"),
        stanza("libc6", "2.36-9", Conflicts="a (<< 1)", Breaks="b", Pre_Depends="c", Depends="d | e"),
        stanza("libc6", "2.36-10"),
    ]
)


def test_parse() -> None:
    index = DebianIndex(parse_packages(TEXT))
    assert index.names == ("mawk", "gawk", "original-awk", "libc6")
    newest, older = index.versions("libc6")
    assert (newest.version, older.version) == ("2.36-10", "2.36-9")
    assert [str(relation) for group in older.depends() for relation in group] == ["c", "d", "e"]
    assert [str(relation) for relation in older.conflicts()] == ["a (<< 1)", "b"]
    assert (newest.row.sha256, newest.row.size, newest.row.file) == (SHA256, "1", "libc6.deb")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"Version": "1\x1b[2J"}, "the index describes `dash` with a malformed version, file or size"),
        ({"Version": "1 2"}, "with a malformed version"),
        ({"Size": "9" * 5000}, "with a malformed version, file or size"),
        ({"Size": "\u0661"}, "with a malformed version, file or size"),  # a digit to Python
        ({"Filename": "../dash.deb"}, "with a malformed version, file or size"),
        ({"Filename": "pool/../../dash.deb"}, "with a malformed version, file or size"),
        ({"Filename": "/dash.deb"}, "with a malformed version, file or size"),
        ({"Filename": "pool//dash.deb"}, "with a malformed version, file or size"),
        ({"Filename": "pool\\dash.deb"}, "with a malformed version, file or size"),
        ({"Filename": "pool/\x1b.deb"}, "with a malformed version, file or size"),
        ({"SHA256": "a" * 63}, "without version, file or sha256"),
        ({"Version": ""}, "without version, file or sha256"),
        ({"Package": "dash\x1b]0;x\x07"}, r"the index describes `dash\x1b]0;x\x07` without"),
    ],
)
def test_what_no_lock_may_hold(fields: dict[str, str], error: str) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in {**dict(DASH), **fields}.items())
    with pytest.raises(SourceError) as caught:
        list(parse_packages(text))
    assert error in caught.value.message


def test_what_a_lock_may_hold() -> None:
    text = "".join(
        f"{key}: {value}\n" for key, value in {**DASH, "Filename": "pool/m/d..x/.d/e~+.deb"}.items()
    )
    assert next(parse_packages(text)).file == "pool/m/d..x/.d/e~+.deb"


def test_folded_fields() -> None:
    (gawk,) = DebianIndex(parse_packages(TEXT)).versions("gawk")
    assert [group[0].name for group in gawk.depends()] == ["libc6", "libgmp10", "libreadline8"]


def test_providers() -> None:
    providers = DebianIndex(parse_packages(TEXT)).providers("awk")
    # mawk's priority is the highest; the others have none and go by name.
    assert [each.name for each in providers] == ["mawk", "gawk", "original-awk"]
    assert [each.provided("awk") for each in providers] == ["2", "", ""]
    assert providers[0].provided("other") is None


# Of several suites.
def test_providers_in_several_versions() -> None:
    stanzas = [stanza("mawk", version, Provides="awk") for version in ("1.9-1", "1.10-1", "1.8-1")]
    providers = DebianIndex(parse_packages("\n".join(stanzas))).providers("awk")
    assert [each.version for each in providers] == ["1.10-1", "1.9-1", "1.8-1"]


def test_kept_rows() -> None:
    rows = list(parse_packages(TEXT))
    assert decode_rows(encode_rows(rows)) == rows
    assert decode_rows(encode_rows([])) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],  # cut off
        lambda text: text.replace("index 1", "index 0"),  # another version of us
        lambda text: text.replace("\t", " ", 1),
        lambda text: text.replace(f"{SHA256}\t1", f"{SHA256}\tx", 1),  # a size
        lambda text: "",
    ],
)
def test_damaged_rows_are_as_good_as_none(damage: object) -> None:
    assert callable(damage)
    assert decode_rows(damage(encode_rows(parse_packages(TEXT)))) is None


@pytest.mark.parametrize("field", ["Version", "Filename", "SHA256", "Size"])
def test_missing_field(field: str) -> None:
    text = "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith(field + ":"))
    with pytest.raises(SourceError):
        list(parse_packages(text))
