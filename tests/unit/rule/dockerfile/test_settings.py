from __future__ import annotations

from typing import Any

import pytest

from envbuild.core.errors import SpecError
from envbuild.oci.config import Runtime
from envbuild.rule.dockerfile.settings import SETTINGS
from envbuild.spec.dockerfile.parse import parse_dockerfile

_PLAIN: dict[str, Any] = {"Test": ["CMD-SHELL", "a b"]}
_CHECK = {"Test": ["CMD", "a"], "Interval": 90 * 10**9, "Timeout": 15 * 10**8, "Retries": 3}
_PORTS: dict[str, Any] = {"8000/tcp": {}, "8001/tcp": {}}


def apply(text: str, config: Runtime | None = None) -> dict[str, Any]:
    """The configuration after instructions, as an image's config has it."""
    config = config or Runtime()
    (stage,) = parse_dockerfile(f"FROM a\n{text}\n".encode(), "Dockerfile").stages
    for instruction in stage.instructions:
        config = SETTINGS[instruction.name](config, instruction)
    return config.to_json()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ENV B=1 A=2\nENV B=3", {"Env": ["A=2", "B=3"]}),
        ("LABEL a=1 b=2\nLABEL a=3", {"Labels": {"a": "3", "b": "2"}}),
        ("MAINTAINER me too", {"Labels": {"maintainer": "me too"}}),
        ("WORKDIR a\nWORKDIR b/../c\nWORKDIR d/", {"WorkingDir": "/a/c/d"}),
        ("WORKDIR a\nWORKDIR //b", {"WorkingDir": "/b"}),
        ("USER 1:2", {"User": "1:2"}),
        ("EXPOSE 80/TCP 53/udp 8000-8001", {"ExposedPorts": {"53/udp": {}, "80/tcp": {}} | _PORTS}),
        ("VOLUME /b /a\nVOLUME [\"/c\"]", {"Volumes": {"/a": {}, "/b": {}, "/c": {}}}),
        ("CMD a b", {"Cmd": ["/bin/sh", "-c", "a b"]}),
        ('CMD ["a", "b"]', {"Cmd": ["a", "b"]}),
        ("CMD a\nENTRYPOINT b\nCMD []\nENTRYPOINT []", {}),
        ('ENTRYPOINT [""]', {"Entrypoint": [""]}),
        ('SHELL ["x", "-y"]\nENTRYPOINT a', {"Entrypoint": ["x", "-y", "a"], "Shell": ["x", "-y"]}),
        ("STOPSIGNAL SIGUSR1", {"StopSignal": "SIGUSR1"}),
        ("ONBUILD RUN a  b\nONBUILD USER c", {"OnBuild": ["RUN a  b", "USER c"]}),
        ("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["NONE"]}}),
        ("HEALTHCHECK --interval=0 --timeout=0s --retries=0 CMD a b", {"Healthcheck": _PLAIN}),
        ("HEALTHCHECK --timeout=.5s CMD a b", {"Healthcheck": {**_PLAIN, "Timeout": 5 * 10**8}}),
        ("HEALTHCHECK CMD a b", {"Healthcheck": _PLAIN}),
        (
            'HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=3 CMD ["a"]',
            {"Healthcheck": _CHECK},
        ),
    ],
)  # fmt: skip
def test_settings(text: str, expected: dict[str, Any]) -> None:
    assert apply(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EXPOSE 0", "`0` is no port"),
        ("EXPOSE 80/ip", "`80/ip` is no port"),
        ("EXPOSE 9-8", "`9-8` is no port"),
        ("SHELL a b", "SHELL takes a JSON array"),
        ("HEALTHCHECK --interval=5 CMD a", "`5` is no duration"),
        ("HEALTHCHECK --interval=1us CMD a", "`1us` is less than a millisecond"),
        ("HEALTHCHECK --retries=x CMD a", "`--retries=x` is no number"),
        ("HEALTHCHECK WHAT a", "HEALTHCHECK takes `CMD command`, or `NONE`"),
        ("ONBUILD FROM a", "`ONBUILD FROM a` is no trigger"),
        ("ONBUILD ONBUILD RUN a", "`ONBUILD`"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        apply(text)
    assert message in caught.value.message
