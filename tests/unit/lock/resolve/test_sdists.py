"""Packages that are built from source: locked as they state, with what builds them, and nothing is run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from envbuild.core.errors import ResolveError, SourceError
from envbuild.lock.model import Index, PlatformLock
from envbuild.lock.resolve.answer import Descriptions
from envbuild.lock.resolve.sdists import Sdists
from envbuild.sources.http import HttpClient
from envbuild.sources.index import PackageIndexes
from envbuild.sources.wheel_metadata import metadata_cache
from tests.makers.index import FakeIndex, IndexedFile, make_package, run_index
from tests.makers.questions import ask, host_facts, versions
from tests.makers.sdists import make_sdist
from tests.unit.lock.resolve.conftest import MakeResolver

both = pytest.mark.parametrize("name", ["uv", "pip-tools"])
HOST = host_facts()
TOOLS = [make_package("setuptools", "70.0"), make_package("setuptools", "50.0"), make_package("wheel")]


def resolve(
    index: FakeIndex, make: MakeResolver, name: str, *requirements: str, **stated: object
) -> PlatformLock:
    question = ask(*requirements, facts=HOST, sdists=("app",), **stated)  # type: ignore[arg-type]
    return make({"main": index.url}, name).resolve(question)


@both
@pytest.mark.parametrize("json", [False, True])
def test_an_sdist_is_locked_with_what_it_states(make_resolver: MakeResolver, name: str, json: bool) -> None:
    sdist = make_sdist("app", "1.0", ["dep>=1", "fast; extra == 'speed'", "win; sys_platform == 'win32'"])
    with run_index(sdist, make_package("dep"), *TOOLS) as index:
        index.json = json
        found = resolve(index, make_resolver, name, "app")
    app, dep = found.artifacts
    assert (app.kind, app.name, app.version, app.source) == ("sdist", "app", "1.0", "main")
    assert (app.file, app.sha256) == (sdist[0], hashlib.sha256(sdist[1]).hexdigest())
    assert (app.size, app.requires, dep.kind) == (len(sdist[1]), ("dep>=1",), "wheel")


@both
def test_what_it_is_built_with_is_locked_apart(make_resolver: MakeResolver, name: str) -> None:
    """The environment may have another version of it, and constraints of the environment do not bind it."""
    with run_index(make_sdist("app", "1.0", ["setuptools<60"]), *TOOLS) as index:
        found = resolve(index, make_resolver, name, "app", constraints=("setuptools<60",))
    assert versions(found) == {"app": "1.0", "setuptools": "50.0"}
    build = found.builds["app"]
    assert (build.backend, build.path, build.requires) == ("setuptools.build_meta", (), ("setuptools>=61",))
    assert [(each.kind, each.name, each.version) for each in build.wheels] == [
        ("wheel", "setuptools", "70.0")
    ]


@both
def test_without_a_build_system_it_is_setuptools(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_sdist("app", pyproject=""), *TOOLS) as index:
        build = resolve(index, make_resolver, name, "app").builds["app"]
    assert build.backend == "setuptools.build_meta:__legacy__"
    assert build.requires == ("setuptools>=40.8.0", "wheel")
    assert [each.name for each in build.wheels] == ["setuptools", "wheel"]


@both
def test_a_wheel_that_fits_is_taken(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_sdist("app"), make_package("app"), *TOOLS) as index:
        found = resolve(index, make_resolver, name, "app")
    assert [each.kind for each in found.artifacts] == ["wheel"]
    assert not found.builds


@both
def test_a_wheel_that_does_not_fit_is_not(make_resolver: MakeResolver, name: str) -> None:
    other = make_package("app", tag="cp27-cp27m-win32")
    with run_index(make_sdist("app"), other, *TOOLS) as index:
        assert resolve(index, make_resolver, name, "app").artifacts[0].kind == "sdist"


@both
def test_versions_are_chosen_among_wheels_and_sdists(make_resolver: MakeResolver, name: str) -> None:
    """Older versions are tried where a newer one contradicts something, as with wheels."""
    new, old = make_sdist("app", "2.0", ["dep>=2"]), make_sdist("app", "1.0", ["dep"])
    with run_index(new, old, make_package("app", "0.5"), make_package("dep"), *TOOLS) as index:
        assert versions(resolve(index, make_resolver, name, "app", "dep<2")) == {"app": "1.0", "dep": "1.0"}
        found = resolve(index, make_resolver, name, "app<1", "dep")
        assert [each.kind for each in found.artifacts] == ["wheel", "wheel"]


@both
def test_no_other_package_is_built(make_resolver: MakeResolver, name: str) -> None:
    with (
        run_index(make_sdist("app", "1.0", ["other"]), make_sdist("other"), *TOOLS) as index,
        pytest.raises(ResolveError),
    ):
        resolve(index, make_resolver, name, "app")


@both
def test_what_builds_it_is_not_built_itself(make_resolver: MakeResolver, name: str) -> None:
    with (
        run_index(make_sdist("app"), make_sdist("setuptools", "70.0")) as index,
        pytest.raises(ResolveError, match=r"what `app` 1.0 is built with: ") as raised,
    ):
        resolve(index, make_resolver, name, "app")
    assert raised.value.hint


@both
@pytest.mark.parametrize("form", ["app[speed] @ {url}#sha256={sha256}", "{url} --hash=sha256:{sha256}"])
def test_an_sdist_at_a_url(make_resolver: MakeResolver, name: str, form: str) -> None:
    """The index is not asked for the package, which others may require, too."""
    requires = {"app.egg-info/requires.txt": "dep>=1\n\n[speed]\nfast\n"}
    sdist = make_sdist("app", "1.5", metadata="2.1", files=requires)
    other = make_package("other", requires=["app>1"])
    with run_index(
        sdist, ("app-9.0.tar.gz", b"x"), make_package("dep"), make_package("fast"), other, *TOOLS
    ) as index:
        stated = {"url": f"{index.origin}/files/{sdist[0]}", "sha256": hashlib.sha256(sdist[1]).hexdigest()}
        found = resolve(index, make_resolver, name, form.format(**stated), "other")
        again = ask(form.format(**stated), "other", facts=HOST, sdists=("app",), locked=found)
        assert make_resolver({"main": index.url}, name).resolve(again) == found
        assert not any("app" in path for path in index.requests if path.startswith("/simple/"))
    app = found.artifacts[0]
    assert (app.kind, app.name, app.version, app.source) == ("sdist", "app", "1.5", "")
    assert (app.file, app.sha256, app.size) == (stated["url"], stated["sha256"], len(sdist[1]))
    extras = {"fast"} if "speed" in form else set()
    assert versions(found).keys() == {"app", "dep", "other", *extras}
    assert [each.name for each in found.builds["app"].wheels] == ["setuptools"]


@both
def test_an_sdist_at_a_url_for_another_target(make_resolver: MakeResolver, name: str) -> None:
    """It is not even read."""
    with run_index(make_package("dep"), *TOOLS) as index:
        text = f"app @ {index.origin}/files/app-1.0.tar.gz#sha256={'0' * 64} ; sys_platform == 'win32'"
        assert versions(resolve(index, make_resolver, name, text, "dep")) == {"dep": "1.0"}


@both
def test_an_sdist_of_the_workspace_beside_a_url_for_another_target(
    make_resolver: MakeResolver, name: str, tmp_path: Path
) -> None:
    file, data = make_sdist("app", "1.5")
    (tmp_path / file).write_bytes(data)
    with run_index(*TOOLS) as index:
        text = f"app @ {index.origin}/files/app-1.0.tar.gz#sha256={'0' * 64} ; sys_platform == 'win32'"
        found = resolve(index, make_resolver, name, text, wheels=(tmp_path / file,))
    assert versions(found) == {"app": "1.5"}


@both
@pytest.mark.parametrize("wheel", [None, "py3-none-any", "cp27-cp27m-win32"])
def test_an_sdist_of_the_workspace(
    make_resolver: MakeResolver, name: str, wheel: str | None, tmp_path: Path
) -> None:
    """A wheel beside it is taken where it fits."""
    files = [make_sdist("app", "1.5", ["dep>=1"])]
    files += [make_package("app", "1.5", ["dep>=1"], tag=wheel)] if wheel else []
    for file, data in files:
        (tmp_path / file).write_bytes(data)
    with run_index(make_sdist("app", "9.0"), make_package("dep"), *TOOLS) as index:
        found = resolve(index, make_resolver, name, wheels=tuple(tmp_path / file for file, _ in files))
        assert not any("app" in path for path in index.requests)
    app, dep = found.artifacts
    file, data = files[-1 if wheel == "py3-none-any" else 0]
    assert (app.kind == "sdist", app.source, app.file) == (file.endswith(".gz"), "", file)
    assert (app.sha256, app.size, app.requires) == (hashlib.sha256(data).hexdigest(), len(data), ("dep>=1",))
    assert (app.version, dep.name, found.builds.keys() == {"app"}) == ("1.5", "dep", app.kind == "sdist")


@both
def test_an_sdist_of_the_workspace_that_is_none(
    make_resolver: MakeResolver, name: str, tmp_path: Path
) -> None:
    (tmp_path / "app-1.5.tar.gz").write_bytes(make_sdist("app", "1.4")[1])
    with run_index(*TOOLS) as index, pytest.raises(ResolveError, match=r"holds the version 1\.4"):
        resolve(index, make_resolver, name, wheels=(tmp_path / "app-1.5.tar.gz",))
    (tmp_path / "app-1.5.tar.gz").write_bytes(b"none")
    with run_index(*TOOLS) as index, pytest.raises(ResolveError, match=r"is no sdist that can be read"):
        resolve(index, make_resolver, name, wheels=(tmp_path / "app-1.5.tar.gz",))


@both
@pytest.mark.parametrize(
    ("fragment", "error", "said"),
    [
        ("", ResolveError, "nobody tells the sha256 of `app-1.0.tar.gz`"),
        ("#sha256=" + "0" * 64, SourceError, "has another sha256 than"),
    ],
)
def test_a_url_of_other_contents(
    make_resolver: MakeResolver, name: str, fragment: str, error: type[Exception], said: str
) -> None:
    with run_index(make_sdist("app"), *TOOLS) as index, pytest.raises(error, match=said):
        resolve(index, make_resolver, name, f"app @ {index.origin}/files/app-1.0.tar.gz{fragment}")


REQUIRES = "dep>=1\n\n[:sys_platform == 'win32']\nwin\n\n[speed]\nfast\n\n[speed:python_version < '3']\nold\n"


@both
@pytest.mark.parametrize("stated", [("1.1", ()), ("2.1", ()), ("2.2", ("Requires-Dist",))])
def test_what_an_older_one_required_when_it_was_packed(
    make_resolver: MakeResolver, name: str, stated: tuple[str, tuple[str, ...]]
) -> None:
    """It promises nothing; the wheel is compared once it is built."""
    sdist = make_sdist(
        "app",
        metadata=stated[0],
        dynamic=stated[1],
        pyproject="",
        files={"setup.py": "raise SystemExit('ran')", "src/app.egg-info/requires.txt": REQUIRES},
    )
    with run_index(sdist, make_package("dep"), make_package("fast"), *TOOLS) as index:
        found = resolve(index, make_resolver, name, "app[speed]")
    assert found.artifacts[0].requires == ("dep>=1", 'fast; extra == "speed"')


@both
def test_a_static_project_table_tells_what_older_metadata_does_not(
    make_resolver: MakeResolver, name: str
) -> None:
    project = """
        [build-system]
        requires = ["setuptools"]
        build-backend = "backend:one.two"
        backend-path = ["tools"]
        [project]
        name = "app"
        dynamic = ["version"]
        dependencies = ["dep"]
        optional-dependencies = {speed = ["fast; python_version > '3'"]}
        """
    sdist = make_sdist("app", metadata="2.1", pyproject=project)
    with run_index(sdist, make_package("dep"), make_package("fast"), *TOOLS) as index:
        found = resolve(index, make_resolver, name, "app[speed]")
    assert found.artifacts[0].requires == ("dep", 'fast; extra == "speed"')
    assert (found.builds["app"].backend, found.builds["app"].path) == ("backend:one.two", ("tools",))


@both
def test_locked_versions_stay(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_sdist("app"), make_package("setuptools", "70.0")) as index:
        before = resolve(index, make_resolver, name, "app")
        index.add(make_sdist("app", "2.0"))
        index.add(make_package("setuptools", "71.0"))
        assert resolve(index, make_resolver, name, "app", locked=before) == before
        moved = resolve(index, make_resolver, name, "app", locked=before, upgrade=frozenset({"app"}))
    assert versions(moved) == {"app": "2.0"}
    assert [each.version for each in moved.builds["app"].wheels] == ["71.0"]


@both
def test_only_the_hash_that_is_required(make_resolver: MakeResolver, name: str) -> None:
    sdist = make_sdist("app")
    good, bad = hashlib.sha256(sdist[1]).hexdigest(), "0" * 64
    with run_index(sdist, *TOOLS) as index:
        assert versions(resolve(index, make_resolver, name, f"app==1.0 --hash=sha256:{good}"))
        with pytest.raises(ResolveError, match=r"no source archive of `app` 1\.0 has one of the hashes"):
            resolve(index, make_resolver, name, f"app==1.0 --hash=sha256:{bad}")


@both
def test_the_first_index_that_has_it_serves_it(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_sdist("app"), *TOOLS) as one, run_index(make_sdist("app", "2.0")) as two:
        question = ask("app", facts=HOST, sdists=("app",), indexes=(Index("one", ""), Index("two", "")))
        found = make_resolver({"one": one.url, "two": two.url}, name).resolve(question)
    assert [(each.version, each.source) for each in found.artifacts] == [("1.0", "one")]


@both
def test_an_index_with_a_login(make_resolver: MakeResolver, name: str) -> None:
    """Also a wheel of the package is on the page, at an address that asks for the login."""
    with run_index(make_sdist("app", "2.0"), make_package("app", "1.0"), *TOOLS) as index:
        index.login = "me:s3cret"
        make = make_resolver({"main": index.url_with_login()}, name)
        for asked, kind in (("app", "sdist"), ("app<2", "wheel")):
            found = make.resolve(ask(asked, facts=HOST, sdists=("app",)))
            assert found.artifacts[0].kind == kind
            assert "s3cret" not in repr(found)


@both
def test_an_index_that_fails_is_no_index_without_the_package(make_resolver: MakeResolver, name: str) -> None:
    with run_index(make_sdist("app")) as one, run_index(make_package("app", "0.1"), *TOOLS) as two:
        one.statuses["app"] = 403
        question = ask("app", facts=HOST, sdists=("app",), indexes=(Index("one", ""), Index("two", "")))
        with pytest.raises(SourceError, match="`one`"):
            make_resolver({"one": one.url, "two": two.url}, name).resolve(question)


@both
@pytest.mark.parametrize("file", ["app-1.0.zip", "app-1.0.tar.bz2", "app-one.tar.gz", "other-1.0.tar.gz"])
def test_archives_of_another_form(make_resolver: MakeResolver, name: str, file: str) -> None:
    with run_index(*TOOLS) as index:
        index.files["app"] = [IndexedFile(file, b"", "0" * 64)]
        with pytest.raises(ResolveError, match=r"neither wheels nor an sdist called `app-"):
            resolve(index, make_resolver, name, "app")


@both
def test_an_sdist_with_other_bytes(make_resolver: MakeResolver, name: str) -> None:
    with run_index(*TOOLS) as index:
        index.add(make_sdist("app"), sha256="0" * 64)
        with pytest.raises(SourceError, match="another sha256 than its index says"):
            resolve(index, make_resolver, name, "app")


@both
def test_an_sdist_of_another_package(make_resolver: MakeResolver, name: str) -> None:
    with run_index(*TOOLS) as index:
        index.add(("app-1.0.tar.gz", make_sdist("other")[1]))
        with pytest.raises(SourceError, match=r"is of `other 1.0`, not of `app 1.0`"):
            resolve(index, make_resolver, name, "app")


@both
@pytest.mark.parametrize("data", [b"", b"no archive", make_package("app")[1]])
def test_what_is_no_sdist(make_resolver: MakeResolver, name: str, data: bytes) -> None:
    with (
        run_index(("app-1.0.tar.gz", data), *TOOLS) as index,
        pytest.raises(SourceError, match="is no sdist that can be read"),
    ):
        resolve(index, make_resolver, name, "app")


def test_a_login_is_in_no_page(tmp_path: Path) -> None:
    """Resolvers write the addresses of a page into files, which a killed one leaves."""
    wheel = make_package("app", "1.0")
    with run_index(make_sdist("app", "2.0"), wheel) as index:
        index.login = "me:s3cret"
        indexes = PackageIndexes(HttpClient(), {"main": index.url_with_login()})
        question = ask("app", facts=HOST, sdists=("app",))
        sdists = Sdists(question, Descriptions(indexes, metadata_cache(tmp_path)))
        page = sdists.give("main", "app", "")
        assert isinstance(page, bytes)
        assert b"s3cret" not in page
        assert index.origin.encode() not in page
        place = index.origin.replace("://", "://me:s3cret@")
        assert sdists.give("main", "app", wheel[0]) == f"{place}/files/{wheel[0]}"
        assert sdists.give("main", "app", "app-3.0-py3-none-any.whl") == b""
        assert sdists.give("main", "other", "") is None


@both
def test_what_the_base_was_built_with_is_taken_as_it_is(make_resolver: MakeResolver, name: str) -> None:
    """Also what an extra brings that only the child asks for; the child need not allow sdists."""
    sdist = make_sdist("app", "1.0", ["dep", "fast; extra == 'speed'"])
    with run_index(sdist, make_package("dep"), make_package("fast"), *TOOLS) as index:
        parent = resolve(index, make_resolver, name, "app")
        pins = {each.name: each for each in parent.artifacts}
        child = make_resolver({"main": index.url}, name).resolve(ask("app[speed]", facts=HOST, pins=pins))
    assert versions(child) == {"fast": "1.0"}
    assert child.pins["app"].requires == ('fast; extra == "speed"',)
    assert not child.builds
