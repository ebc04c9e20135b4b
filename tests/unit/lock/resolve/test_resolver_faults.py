"""An index that goes wrong in the middle of resolving: the same lock after all, or an error that names it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from envbuild.core.errors import ExitCode, SourceError
from tests.makers import faulty
from tests.makers.faulty import ALWAYS, Asked, Fault, File, Plan, Site, run_site, status
from tests.makers.index import make_package
from tests.makers.questions import ask, host_facts, versions
from tests.makers.sources import add_metadata, index_files
from tests.unit.lock.resolve.conftest import MakeResolver

APP, DEP = make_package("app", "1.0", ["dep>=1"]), make_package("dep", "1.0")
PAGE, METADATA, WHEEL = "/simple/dep/", f"{DEP[0]}.metadata", DEP[0]
both = pytest.mark.parametrize("name", ["uv", "pip-tools"])


@pytest.fixture
def site() -> Iterator[Site]:
    """An index with two packages, whose metadata lie beside their wheels (PEP 658)."""
    with run_site(Site(add_metadata(index_files(APP, DEP)))) as site:
        yield site


def break_at(site: Site, end: str, fault: Fault, times: int) -> None:
    site.plans = [Plan(lambda asked: asked.path.endswith(end), fault, times)]


def by_us(asked: Asked) -> bool:
    return asked.headers["user-agent"].startswith("envbuild/")


def cases(*faults: Fault) -> pytest.MarkDecorator:
    """Each fault at each kind of request, for each resolver."""
    ends = {"page": PAGE, "metadata": METADATA, "wheel": WHEEL}
    values = [
        pytest.param(name, end, fault, id=f"{name}-{kind}-{fault.name}")
        for name, (kind, end), fault in itertools.product(("uv", "pip-tools"), ends.items(), faults)
    ]
    return pytest.mark.parametrize(("name", "end", "fault"), values)


@cases(faulty.CUT_BEFORE, faulty.CUT_BODY, status(503))
def test_once(site: Site, make_resolver: MakeResolver, name: str, end: str, fault: Fault) -> None:
    break_at(site, end, fault, 1)
    resolver = make_resolver({"main": f"{site.url}/simple"}, name, retries=1)
    found = resolver.resolve(ask("app", facts=host_facts()))
    assert versions(found) == {"app": "1.0", "dep": "1.0"}
    assert [each.size for each in found.artifacts] == [len(APP[1]), len(DEP[1])]
    assert [each.requires for each in found.artifacts] == [("dep>=1",), ()]
    assert site.plans[0].left == 0


@cases(faulty.CUT_BEFORE, faulty.CUT_BODY, faulty.STALL_BODY, status(500), status(403))
def test_always(site: Site, make_resolver: MakeResolver, name: str, end: str, fault: Fault) -> None:
    break_at(site, end, fault, ALWAYS)
    resolver = make_resolver({"main": f"{site.url}/simple"}, name, timeout=2)
    with pytest.raises(SourceError) as caught:
        resolver.resolve(ask("app", facts=host_facts()))
    error = caught.value
    assert error.exit_code is ExitCode.SERVICE
    assert "dep" in error.message
    assert "`main`" in error.message
    assert error.hint
    # Nothing that is remembered of it stands in the way.
    site.plans.clear()
    assert versions(resolver.resolve(ask("app", facts=host_facts()))) == {"app": "1.0", "dep": "1.0"}


# A resolver would try for long, and say in its own words what we say better.
@both
@pytest.mark.parametrize("fault", [faulty.CUT_BEFORE, status(503), status(401)], ids=lambda fault: fault.name)
def test_the_first_package_is_asked_by_us(
    site: Site, make_resolver: MakeResolver, name: str, fault: Fault
) -> None:
    site.plans = [Plan(lambda asked: True, fault)]
    with pytest.raises(SourceError, match="cannot fetch `app` from `main`: "):
        make_resolver({"main": f"{site.url}/simple"}, name).resolve(ask("app", facts=host_facts()))
    assert len(site.asked) == (1 if fault.name == "401" else 2)
    assert all(map(by_us, site.asked))


# What the target does not need is not asked for, be it there or not.
def test_only_what_holds_is_asked(site: Site, make_resolver: MakeResolver) -> None:
    site.files["/simple/never/"] = File(b"", "text/html")
    question = ask("never; sys_platform == 'win32'", "dep", facts=host_facts())
    assert versions(make_resolver({"main": f"{site.url}/simple"}).resolve(question)) == {"dep": "1.0"}
    assert site.count(lambda asked: by_us(asked) and "never" in asked.path) == 0
