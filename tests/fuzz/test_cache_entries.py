"""What lies in a cache, or on this machine: damaged, it is as if it were not there, or an error."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.layer_info import LayerInfo
from envbuild.core.action import ActionResult, decode_digest
from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError, StoreError
from envbuild.core.wire import parse_json
from envbuild.graph.memo import recall, remember
from envbuild.sources.debian_index import decode_rows
from envbuild.sources.default_index import default_index_url
from envbuild.sources.wheel_metadata import WheelMetadata, metadata_cache
from envbuild.store.disk import DiskStore
from envbuild.store.roots import reachable
from tests.makers.documents import documents, read_or_say
from tests.makers.mutants import fuzz, mutants

DIGEST = Digest("ab" * 32, 300)
RESULT = ActionResult({"layer": DIGEST, "listing": Digest("cd" * 32, 1 << 40)})
INFO = LayerInfo(DIGEST, f"sha256:{'cd' * 32}", 5000, 200)
ROWS = "\n".join(["envbuild Debian index 1", "\t".join("abcd5fghijk"), "end"])
UV = b'[[index]]\nname = "x"\nurl = "https://i.example/simple"\ndefault = true\n'


@fuzz
@given(mutants(RESULT.encode()) | st.binary())
def test_an_action_s_result(data: bytes) -> None:
    result = read_or_say(lambda: ActionResult.decode(data))
    if result is not None:
        assert ActionResult.decode(result.encode()) == result
    read_or_say(lambda: decode_digest(data))


@fuzz
@given(documents(json.loads(INFO.to_json())))
def test_a_layer_s_description(data: bytes) -> None:
    info = read_or_say(lambda: LayerInfo.from_json(data), ArchiveError)
    assert info is None or info.to_json() == data


@fuzz
@given(documents({"text": "up to date\n", "inputs": {"/": [1, 2, 3, 4, 5, 6]}, "images": ["/"]}))
def test_a_remembered_answer(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "key.json").write_bytes(data)
        answer = recall(folder, "key")
        assert answer is None or isinstance(answer, str)


@fuzz
@given(documents([5, "Name: app\n"]))
def test_remembered_metadata(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "ab.json").write_bytes(data)
        found = metadata_cache(Path(folder)).get("ab", lambda: WheelMetadata(7, ""))
        assert isinstance(found.size, int)
        found.values("Name")


@fuzz
@given(mutants(ROWS.encode()).map(lambda data: data.decode("utf-8", "replace")))
def test_a_kept_index_of_a_mirror(text: str) -> None:
    assert all(len(row) == 11 for row in decode_rows(text) or ())


@fuzz
@given(documents({"manifests": [{"digest": str(DIGEST), "mediaType": "x", "size": 1}]}))
def test_a_finished_image(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        store = DiskStore(Path(folder))
        image = store.root / "images/env_a"
        image.mkdir(parents=True)
        (image / "index.json").write_bytes(data)
        read_or_say(lambda: reachable(store), StoreError)


@fuzz
@given(mutants(UV) | st.sampled_from([b"index = [1]", b"index-url = 1", b"a = " + b"[" * 100_000]))
def test_uv_s_configuration(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "uv.toml")
        path.write_bytes(data)
        url = read_or_say(lambda: default_index_url({"UV_CONFIG_FILE": str(path)}))
        assert url is None or isinstance(url, str)


@fuzz
@given(documents({"a": ["b", 1, None, True, {"c": "d"}]}))
def test_json_is_read_or_a_value_error(data: bytes) -> None:
    try:
        value = parse_json(data)
    except ValueError:
        return
    assert json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


def test_what_nobody_changed_is_read(tmp_path: Path) -> None:
    assert ActionResult.decode(RESULT.encode()) == RESULT
    assert LayerInfo.from_json(INFO.to_json()) == INFO
    assert remember(str(tmp_path), "key", "fine", {}, {}, 0)
    assert recall(str(tmp_path), "key") == "fine"
    assert decode_rows(ROWS) is not None
