from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.spec.dockerfile.mount import Mount, read_mount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target=/m", Mount("bind", "/m")),
        ("type=bind,src=a,dst=/m", Mount("bind", "/m", source="a")),
        ("type=bind,source=a,destination=/m,rw", Mount("bind", "/m", source="a", readonly=False)),
        ("type=bind,from=stage,target=/m,readonly", Mount("bind", "/m", origin="stage")),
        ("type=bind,target=/m,readonly=false", Mount("bind", "/m", readonly=False)),
        ("type=cache,target=/c", Mount("cache", "/c", readonly=False, id="/c")),
        (
            "type=cache,target=/c,id=x,sharing=locked,mode=0700,uid=1,gid=2",
            Mount("cache", "/c", readonly=False, id="x", sharing="locked", mode=0o700, uid=1, gid=2),
        ),
        ("type=secret,id=key", Mount("secret", "/run/secrets/key", id="key", mode=0o400)),
        ("type=secret,target=/a/key", Mount("secret", "/a/key", id="key", mode=0o400)),
        ("type=secret,id=key,env=KEY", Mount("secret", "", id="key", mode=0o400, variable="KEY")),
        ("type=secret,id=k,required", Mount("secret", "/run/secrets/k", id="k", mode=0o400, required=True)),
        ("type=secret,src=key,target=/k", Mount("secret", "/k", id="key", mode=0o400)),
        ("type=TMPFS,target=/t", Mount("tmpfs", "/t", readonly=False)),
        ("type=tmpfs,target=/t,size=64m", Mount("tmpfs", "/t", readonly=False, size=64 << 20)),
        ('type=bind,"source=a,b",target=/m', Mount("bind", "/m", source="a,b")),
    ],
)
def test_mounts(text: str, expected: Mount) -> None:
    assert read_mount(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type=ssh", "a mount of type `ssh` is not supported"),
        ("type=bind", "a `bind` mount needs a `target`"),
        ("type=cache,target=/c,from=x", "`from` of a `cache` mount is not supported"),
        ("type=cache,target=/c,ro", "`readonly` of a `cache` mount is not supported"),
        ("type=secret,id=a,src=b", "a `secret` mount has both `id` and `source`"),
        ("type=cache,target=/c,sharing=all", "`sharing=all` is none of"),
        ("target=/a,dst=/b", "a mount has `target` twice"),
        ("target", "`target` of a mount has no value"),
        ("target=/a,ro=perhaps", "`perhaps` of a mount is neither"),
        ("type=cache,target=/c,mode=9", "`mode=9` of a mount is no number"),
        ("type=tmpfs,target=/c,size=lots", "`size=lots` of a mount is no size"),
        ('"target=/a', "cannot be read"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_mount(text)
    assert message in caught.value.message
