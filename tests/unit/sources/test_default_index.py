"""Which index this machine is configured to use."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.default_index import default_index_url

UV = "https://uv.example/simple"
PIP = "https://pip.example/simple"


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"PIP_INDEX_URL": PIP}, PIP),
        ({"UV_INDEX_URL": UV, "PIP_INDEX_URL": PIP}, UV),
        ({"UV_DEFAULT_INDEX": f"corp={UV}", "UV_INDEX_URL": "x"}, UV),
        ({"UV_DEFAULT_INDEX": f"{UV}?a=b"}, f"{UV}?a=b"),
    ],
)
def test_environment(environment: dict[str, str], url: str) -> None:
    assert default_index_url(environment) == url


@pytest.mark.parametrize(
    "text", [f'index-url = "{UV}"', f'[[index]]\nurl = "x"\n[[index]]\nurl = "{UV}"\ndefault = true\n']
)
def test_uv_s_file(tmp_path: Path, text: str) -> None:
    folder = tmp_path / ".config/uv"
    folder.mkdir(parents=True)
    (folder / "uv.toml").write_text(text)
    assert default_index_url({"HOME": str(tmp_path)}) == UV
    assert default_index_url({"HOME": "/nowhere", "UV_CONFIG_FILE": str(folder / "uv.toml")}) == UV


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[", "no TOML"),
        ("a = " + "[" * 100_000, "no TOML"),
        ("a = " + "9" * 5000, "no TOML"),
        ("index = 1", "no list of tables"),
        ("index = ['a']", "no list of tables"),
        ("index = [{default = true}]", "no list of tables"),
    ],
)
def test_a_broken_file_of_uv(text: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text(text)
    with pytest.raises(SourceError, match=error):
        default_index_url({"UV_CONFIG_FILE": str(tmp_path / "uv.toml")})


def test_pip_s_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = {PIP}\nextra-index-url = https://other.example\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert default_index_url({"HOME": str(tmp_path)}) == PIP
    (tmp_path / "pip.conf").write_text("")
    assert default_index_url({"HOME": str(tmp_path)}).endswith("/simple")
