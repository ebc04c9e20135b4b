from __future__ import annotations

from envbuild.core.events import Broadcast, Phase, Silent
from tests.makers.actions import Recorder


def test_a_broadcast_reaches_all_in_order() -> None:
    one, two = Recorder(), Recorder()
    sink = Broadcast([one, Silent(), two])
    sink.emit(Phase("resolving"))
    sink.emit(Phase("building"))
    assert one.events == two.events == [Phase("resolving"), Phase("building")]
