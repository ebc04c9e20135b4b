"""The example of a conda environment, on a channel made of Debian's Python and of wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Built
from tests.makers.conda_channel import Channel
from tests.makers.faithful_channel import make_faithful_channel

pytestmark = pytest.mark.network


def test_the_channel_has_the_same_bytes_wherever_it_is_made(
    built: Built, channel: Channel, tmp_path: Path
) -> None:
    again = make_faithful_channel(tmp_path / "again", built.project.cache)
    assert again.files() == channel.files()
    names = {subdir: channel.names(subdir) for subdir in ("linux-64", "linux-aarch64", "noarch")}
    assert names["linux-64"] == names["linux-aarch64"] >= {"python", "numpy", "pandas", "openssl"}
    assert names["noarch"] >= {"pip", "tabulate", "tzdata"}
