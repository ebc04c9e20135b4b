"""What both resolvers owe, asked of the real ones about an index on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from envbuild.core.errors import ResolveError, ServiceError, SourceError, UsageError
from envbuild.lock.model import Index, PlatformLock
from tests.makers.index import make_package, run_index
from tests.makers.questions import ask, host_facts, make_facts, versions
from tests.unit.lock.resolve.conftest import MakeResolver

both = pytest.mark.parametrize("name", ["uv", "pip-tools"])
HOST = host_facts()
TWO = (Index("private", ""), Index("public", ""))


def write(folder: Path, file: tuple[str, bytes]) -> Path:
    path = folder / file[0]
    path.write_bytes(file[1])
    return path


@both
def test_locks_what_is_reached_with_edges_and_sizes(make_resolver: MakeResolver, name: str) -> None:
    app = make_package("App_One", "1.0", ["dep>=1", "win; sys_platform == 'win32'", "fast; extra == 'Speed'"])
    with run_index(app, make_package("dep", "1.0"), make_package("dep", "2.0")) as index:
        found = make_resolver({"main": index.url}, name).resolve(ask("app-one", facts=HOST))
    assert [(each.name, each.version, each.source, each.requires) for each in found.artifacts] == [
        ("app-one", "1.0", "main", ("dep>=1",)),
        ("dep", "2.0", "main", ()),
    ]
    assert (found.artifacts[0].file, found.artifacts[0].size) == (app[0], len(app[1]))
    # Nothing of these packages is bound to a C library, or to a patch release.
    assert dict(found.facts) == {"python": HOST.python.minor if HOST.python else ""}


@both
def test_extras_bring_their_packages(make_resolver: MakeResolver, name: str) -> None:
    app = make_package("app", "1.0", ["fast>=1; extra == 'speed'"], extras=["speed"])
    with run_index(app, make_package("fast")) as index:
        found = make_resolver({"main": index.url}, name).resolve(ask("app[speed]", facts=HOST))
    assert found.artifacts[0].extras == ("speed",)
    assert found.artifacts[0].requires == ('fast>=1; extra == "speed"',)
    assert versions(found) == {"app": "1.0", "fast": "1.0"}


@both
def test_constraints_bind_but_add_nothing(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("app"), make_package("app", "2.0"), make_package("other")) as index:
        question = ask("app", facts=HOST, constraints=("app<2", "other==1.0"))
        assert versions(make_resolver({"main": index.url}, name).resolve(question)) == {"app": "1.0"}


@both
def test_locked_versions_stay_and_one_moves_alone(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("one"), make_package("two")) as index:
        resolver = make_resolver({"main": index.url}, name)
        before = resolver.resolve(ask("one", "two", facts=HOST))
        for package in ("one", "two"):
            index.add(make_package(package, "2.0"))
        assert resolver.resolve(ask("one", "two", facts=HOST, locked=before)) == before
        moved = resolver.resolve(ask("one", "two", facts=HOST, locked=before, upgrade=frozenset({"two"})))
        assert versions(moved) == {"one": "1.0", "two": "2.0"}
        everything = resolver.resolve(ask("one", "two", facts=HOST, locked=before, upgrade=None))
        assert versions(everything) == {"one": "2.0", "two": "2.0"}


@both
def test_a_locked_version_that_is_forbidden_moves(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("one"), make_package("one", "2.0")) as index:
        resolver = make_resolver({"main": index.url}, name)
        before = resolver.resolve(ask("one<2", facts=HOST))
        assert versions(resolver.resolve(ask("one>=2", facts=HOST, locked=before))) == {"one": "2.0"}


@both
def test_no_index_is_asked_for_a_local_wheel(tmp_path: Path, make_resolver: MakeResolver, name: str) -> None:
    # Dependency confusion: somebody may have put a higher version of the same name on a public index.
    local = write(tmp_path, make_package("secret", "1.0", ["dep<2"]))
    public = [make_package("secret", "99.0"), make_package("dep", "1.0"), make_package("dep", "2.0")]
    with run_index(*public) as index:
        question = ask("secret>=1", facts=HOST, wheels=(local,))
        found = make_resolver({"main": index.url}, name).resolve(question)
        assert not index.asked("secret")
    assert versions(found) == {"dep": "1.0", "secret": "1.0"}
    assert (found.artifacts[1].source, found.artifacts[1].file) == ("", local.name)


@both
def test_the_first_index_that_has_a_package_serves_it(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("app", requires=["tool"])) as private, run_index() as public:
        public.add(make_package("app", "99.0"))
        public.add(make_package("tool"))
        resolver = make_resolver({"private": private.url, "public": public.url}, name)
        found = resolver.resolve(ask("app", facts=HOST, indexes=TWO))
        assert not public.asked("app")
    assert [(each.name, each.version, each.source) for each in found.artifacts] == [
        ("app", "1.0", "private"),
        ("tool", "1.0", "public"),
    ]


@both
def test_a_pinned_package_comes_from_its_index_only(make_resolver: MakeResolver, name: str) -> None:
    # torch is reached through another package: a pin must hold for what nobody named, too.
    generally = (make_package("app", requires=["torch"]), make_package("torch", "9.0"))
    specially = (make_package("torch", "1.0+cpu"), make_package("app", "7.0"))
    indexes = (Index("special", "", ("torch",)), Index("public", ""))
    with run_index(*generally) as public, run_index(*specially) as special:
        resolver = make_resolver({"special": special.url, "public": public.url}, name)
        found = resolver.resolve(ask("app", facts=HOST, indexes=indexes))
        assert not public.asked("torch")
        assert not special.asked("app")
    assert [(each.name, each.version, each.source) for each in found.artifacts] == [
        ("app", "1.0", "public"),
        ("torch", "1.0+cpu", "special"),
    ]


def lock_base(make_resolver: MakeResolver, url: str, *requirements: str) -> PlatformLock:
    return make_resolver({"main": url}).resolve(ask(*requirements, facts=HOST))


@both
def test_a_base_is_kept_and_not_locked_again(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("dep", "1.0"), make_package("app", requires=["dep"])) as index:
        base = lock_base(make_resolver, index.url, "dep")
        index.add(make_package("dep", "2.0"))
        index.requests.clear()
        question = ask("app", facts=HOST, pins={each.name: each for each in base.artifacts})
        found = make_resolver({"main": index.url}, name).resolve(question)
        assert not index.asked("dep")
    assert versions(found) == {"app": "1.0"}
    assert {pin: each.version for pin, each in found.pins.items()} == {"dep": "1.0"}


@both
def test_a_child_may_ask_more_extras_of_its_base(make_resolver: MakeResolver, name: str) -> None:
    app = make_package("app", requires=["fast; extra == 'speed'"], extras=["speed"])
    with run_index(app, make_package("fast")) as index:
        base = lock_base(make_resolver, index.url, "app")
        question = ask("app[speed]", facts=HOST, pins={each.name: each for each in base.artifacts})
        found = make_resolver({"main": index.url}, name).resolve(question)
    assert versions(found) == {"fast": "1.0"}
    assert found.pins["app"].requires == ('fast; extra == "speed"',)


@both
def test_a_child_that_contradicts_its_base(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("dep", "1.0"), make_package("dep", "2.0")) as index:
        base = lock_base(make_resolver, index.url, "dep<2")
        question = ask("dep>=2", facts=HOST, pins={each.name: each for each in base.artifacts})
        with pytest.raises(ResolveError) as caught:
            make_resolver({"main": index.url}, name).resolve(question)
    assert caught.value.hint == "the base has `dep` 1.0: change the base, or ask for what it has"


@both
def test_a_direct_url_is_locked_as_such(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("app", requires=["dep"]), make_package("dep")) as index:
        url = f"{index.origin}/files/app-1.0-py3-none-any.whl"
        found = make_resolver({"main": index.url}, name).resolve(ask(f"app @ {url}", facts=HOST))
        assert not index.asked("app")
    assert (found.artifacts[0].source, found.artifacts[0].file) == ("", url)
    assert versions(found) == {"app": "1.0", "dep": "1.0"}


@both
def test_required_hashes_choose_the_file(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("app")) as index:
        sha256 = index.files["app"][0].sha256
        resolver = make_resolver({"main": index.url}, name)
        assert resolver.resolve(ask(f"app --hash=sha256:{sha256}", facts=HOST)).artifacts[0].sha256 == sha256
        with pytest.raises(ResolveError, match="has one of the hashes that are required"):
            resolver.resolve(ask(f"app --hash=sha256:{'0' * 64}", facts=HOST))


@both
def test_contradictions_name_their_causes(make_resolver: MakeResolver, name: str) -> None:
    files = [make_package("one", requires=["dep<2"]), make_package("two", requires=["dep>=2"])]
    files += [make_package("dep", "1.0"), make_package("dep", "2.0")]
    with run_index(*files) as index, pytest.raises(ResolveError, match="have no solution") as caught:
        make_resolver({"main": index.url}, name).resolve(ask("one", "two", facts=HOST))
    text = str(caught.value)
    assert "one" in text
    assert "dep" in text
    assert "127.0.0.1" not in text


@both
@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("alhpa", "did you mean `alpha`?"),
        ("entirely", "`entirely` is in no index (`main`): correct its name, or add one that has it"),
    ],
)
def test_a_package_that_no_index_has(make_resolver: MakeResolver, name: str, asked: str, hint: str) -> None:
    """An index does not tell all its names; the lock so far has some."""
    with run_index(make_package("alpha")) as index:
        resolver = make_resolver({"main": index.url}, name)
        (alpha,) = resolver.resolve(ask("alpha", facts=HOST)).artifacts
        question = replace(ask("alpha", asked, facts=HOST), preferences={"alpha": alpha})
        with pytest.raises(ResolveError, match=asked) as caught:
            resolver.resolve(question)
    assert caught.value.hint == hint


@both
def test_upgrades_of_what_is_no_python_package(make_resolver: MakeResolver, name: str) -> None:
    """One option names packages of all kinds, and images."""
    named = frozenset({"alpha", "libstdc++6", "docker.io/library/alpha:latest", "alpha (conda)"})
    with run_index(make_package("alpha")) as index:
        found = make_resolver({"main": index.url}, name).resolve(ask("alpha", facts=HOST, upgrade=named))
    assert versions(found) == {"alpha": "1.0"}


@both
def test_a_package_of_sources_only(make_resolver: MakeResolver, name: str) -> None:
    with run_index(("app-1.0.tar.gz", b"")) as index, pytest.raises(ResolveError) as caught:
        make_resolver({"main": index.url}, name).resolve(ask("app", facts=HOST))
    assert "source" in caught.value.message + caught.value.hint


@both
def test_credentials_are_used_and_never_told(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_package("app")) as index:
        index.login = "me:s3cret"
        found = make_resolver({"main": index.url_with_login()}, name).resolve(ask("app", facts=HOST))
        assert "s3cret" not in repr(found)
        with pytest.raises((ResolveError, ServiceError)) as caught:
            make_resolver({"main": index.url_with_login()}, name).resolve(ask("app>5", facts=HOST))
    assert "s3cret" not in str(caught.value)


@both
def test_the_machine_s_own_settings_change_nothing(
    make_resolver: MakeResolver, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_index(make_package("app")) as index, run_index(make_package("app", "99.0")) as other:
        for variable in ("PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
            monkeypatch.setenv(variable, other.url)
        monkeypatch.setenv("PIP_PRE", "1")
        monkeypatch.setenv("UV_PRERELEASE", "allow")
        index.add(make_package("app", "2.0rc1"))
        found = make_resolver({"main": index.url}, name).resolve(ask("app", facts=HOST))
        assert not other.requests
    assert versions(found) == {"app": "1.0"}


def test_uv_answers_for_the_target(make_resolver: MakeResolver) -> None:
    tags = [
        "manylinux_2_17_x86_64",
        "manylinux_2_34_x86_64",
        "musllinux_1_2_x86_64",
        "manylinux_2_17_aarch64",
    ]
    files = [
        make_package("app", tag=f"cp311-cp311-{tag}", requires=["old; python_version < '3.12'"])
        for tag in tags
    ]
    with run_index(*files, make_package("old")) as index:
        resolver = make_resolver({"main": index.url})

        def lock(libc: str, target: str = "linux/amd64") -> tuple[str, str]:
            found = resolver.resolve(ask("app", facts=make_facts(libc, target=target)))
            return found.artifacts[0].file.rpartition("-")[2], found.facts["libc"]

        assert lock("glibc 2.36") == ("manylinux_2_34_x86_64.whl", "glibc 2.34")
        # uv has no target for glibc 2.27: the next one below, and our own look at the tags.
        assert lock("glibc 2.27") == ("manylinux_2_17_x86_64.whl", "glibc 2.17")
        assert lock("musl 1.2") == ("musllinux_1_2_x86_64.whl", "musl 1.2")
        assert lock("glibc 2.36", "linux/arm64") == ("manylinux_2_17_aarch64.whl", "glibc 2.17")


def test_uv_says_that_no_wheel_fits(make_resolver: MakeResolver) -> None:
    app = make_package("app", tag="py3-none-manylinux_2_17_aarch64")
    with run_index(app) as index, pytest.raises(ResolveError) as caught:
        make_resolver({"main": index.url}).resolve(ask("app"))
    assert caught.value.message.startswith(
        "no wheel of `app` fits the target (`linux/amd64`, glibc 2.36, Python 3.11)"
    )


def test_uv_has_no_target_for_this(make_resolver: MakeResolver) -> None:
    with (
        run_index(make_package("app")) as index,
        pytest.raises(ResolveError, match=r"no resolver knows glibc 2.5"),
    ):
        make_resolver({"main": index.url}).resolve(ask("app", facts=make_facts("glibc 2.5")))


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_index_that_fails_is_no_contradiction(make_resolver: MakeResolver, status: int) -> None:
    with run_index(make_package("app")) as index:
        index.statuses["app"] = status
        with pytest.raises(SourceError) as caught:
            make_resolver({"main": index.url}).resolve(ask("app"))
    assert "from `main`: " in caught.value.message


def test_an_index_that_is_not_there(make_resolver: MakeResolver) -> None:
    with run_index() as index:
        url = index.url
    with pytest.raises(SourceError, match="cannot fetch `app` from `main`"):
        make_resolver({"main": url}).resolve(ask("app"))


def test_an_index_without_ranges_or_with_json_gives_the_same(
    make_resolver: MakeResolver, tmp_path: Path
) -> None:
    with run_index(make_package("app", requires=["dep"]), make_package("dep")) as index:
        plain = make_resolver({"main": index.url}).resolve(ask("app"))
        index.json, index.ranges = True, False
        for cached in (tmp_path / "metadata").iterdir():
            cached.unlink()
        assert make_resolver({"main": index.url}).resolve(ask("app")) == plain


def test_two_wheels_of_one_package(tmp_path: Path, make_resolver: MakeResolver) -> None:
    for machine in ("x86_64", "aarch64"):
        write(tmp_path, make_package("own", tag=f"py3-none-manylinux_2_17_{machine}"))
    wheels = tuple(sorted(tmp_path.glob("*.whl")))
    with run_index() as index:
        found = make_resolver({"main": index.url}).resolve(ask(wheels=wheels))
        assert found.artifacts[0].file == "own-1.0-py3-none-manylinux_2_17_x86_64.whl"
        with pytest.raises(ResolveError, match=r"no wheel of `own` 1\.0 fits the target"):
            make_resolver({"main": index.url}).resolve(ask(wheels=wheels, facts=make_facts("musl 1.2")))


def test_a_patch_release_that_matters_is_recorded(make_resolver: MakeResolver) -> None:
    old = make_package("app", requires=["dep; python_full_version < '3.11.5'"])
    with run_index(old, make_package("dep")) as index:
        resolver = make_resolver({"main": index.url})
        assert resolver.resolve(ask("app", facts=make_facts(python="3.11.2"))).facts["python"] == "3.11.2"
        newer = resolver.resolve(ask("app", facts=make_facts(python="3.11.9")))
    assert versions(newer) == {"app": "1.0"}


@pytest.mark.parametrize(
    "facts",
    [
        make_facts("musl 1.2", python="3.11.2"),
        make_facts(python="3.99.0"),
        make_facts(target="linux/arm64", python="3.98"),
    ],
)
def test_pip_tools_refuses_other_targets(make_resolver: MakeResolver, facts: object) -> None:
    with pytest.raises(UsageError, match="pip-tools answers for this machine") as caught:
        make_resolver({}, "pip-tools").resolve(ask("app", facts=facts))  # type: ignore[arg-type]
    assert caught.value.hint == "use `--resolver uv`"


@pytest.mark.network
@both
def test_the_configured_index(make_resolver: MakeResolver, name: str) -> None:
    found = make_resolver({"main": ""}, name).resolve(ask("requests[socks]", "six==1.16.0", facts=HOST))
    assert {"requests", "six", "pysocks", "urllib3", "idna", "certifi"} <= versions(found).keys()
    assert all(each.size > 0 and each.source == "main" for each in found.artifacts)
