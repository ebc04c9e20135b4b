"""An index that goes wrong while a command runs: the same lock and image after all, or exit code 4."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.makers import faulty
from tests.makers.authority import make_authority
from tests.makers.faulty import ALWAYS, Fault, Plan, Site, run_site, status
from tests.makers.index import make_package
from tests.makers.project import Project, environment, name_indexes
from tests.makers.sources import add_metadata, index_files

ALPHA, BETA = make_package("alpha", "1.0", ["beta"]), make_package("beta", payload=bytes(range(256)) * 40)
PAGE, METADATA, WHEEL = "/simple/beta/", f"{BETA[0]}.metadata", BETA[0]


@pytest.fixture
def site() -> Iterator[Site]:
    with run_site(Site(add_metadata(index_files(ALPHA, BETA)))) as site:
        yield site


@pytest.fixture
def project(tmp_path: Path, site: Site) -> Project:
    files = {
        "BUILD.yaml": environment(pip=["alpha"]),
        "envbuild.yaml": name_indexes(pypi=f"{site.url}/simple"),
    }
    patience = {"ENVBUILD_HTTP_TIMEOUT": "2", "UV_HTTP_RETRIES": "1"}
    return Project(tmp_path).write(files).with_variables(**patience)


def break_at(site: Site, end: str, fault: Fault, times: int) -> None:
    site.plans = [Plan(lambda asked: asked.path.endswith(end), fault, times)]


def test_what_passes_changes_no_byte(project: Project, site: Site, tmp_path: Path) -> None:
    right = Project(tmp_path / "undisturbed").write(
        {path: data for path, data in project.contents().items() if path.endswith(".yaml")}
    )
    right.succeed("lock")
    digest = right.succeed("build", "--output", "json").target["digest"]
    ends = (PAGE, METADATA, WHEEL)
    faults = (status(503, Retry_After="0"), faulty.CUT_BODY, faulty.CUT_BEFORE)
    site.plans = [
        Plan(lambda asked, end=end: asked.path.endswith(end), fault, 1)  # type: ignore[misc]
        for end, fault in zip(ends, faults, strict=True)
    ]
    project.succeed("lock")
    assert [plan.left for plan in site.plans] == [0, 0, 0]
    assert project.contents() == right.contents()
    for plan, fault in zip(site.plans, (faulty.CUT_BODY, faulty.NO_HTTP, faulty.CUT_BODY), strict=True):
        plan.fault, plan.left = fault, 1
    assert project.succeed("build", "--output", "json").target["digest"] == digest
    # A build asks for no metadata.
    assert [plan.left for plan in site.plans] == [0, 1, 0]


@pytest.mark.parametrize(
    ("end", "fault"),
    [(PAGE, faulty.STALL_BODY), (METADATA, status(500)), (WHEEL, faulty.FLIPPED)],
    ids=["page-stall", "metadata-500", "wheel-flipped"],
)
def test_lock_with_what_stays(project: Project, site: Site, end: str, fault: Fault) -> None:
    break_at(site, end, fault, ALWAYS)
    error = project.fail(4, "lock")
    assert "beta" in error
    assert "`pypi`" in error
    assert "\nhint: " in error
    site.plans.clear()
    project.succeed("lock")


@pytest.mark.parametrize(
    ("end", "fault"),
    [(PAGE, faulty.STALL_BEFORE), (PAGE, faulty.WRONG_TYPE), (WHEEL, faulty.SHORT), (WHEEL, faulty.ENDLESS)],
    ids=["page-stall", "page-type", "wheel-short", "wheel-endless"],
)
def test_build_with_what_stays(project: Project, site: Site, end: str, fault: Fault) -> None:
    project.succeed("lock")
    break_at(site, end, fault, ALWAYS)
    error = project.fail(4, "build")
    assert error.startswith("error: `WheelLayer beta 1.0` failed: cannot fetch `beta` from `pypi`: ")
    assert "\nhint: " in error
    assert project.images() == []
    site.plans.clear()
    project.succeed("build")


def test_a_private_authority(project: Project, tmp_path: Path) -> None:
    ours, other = make_authority(tmp_path / "ours"), make_authority(tmp_path / "other")
    tls = ours.vouch(tmp_path, "DNS:localhost")
    with run_site(Site(add_metadata(index_files(ALPHA, BETA))), tls) as secure:
        project.write({"envbuild.yaml": name_indexes(pypi=f"{secure.url}/simple")})
        error = project.with_variables(SSL_CERT_FILE=str(other.certificate)).fail(4, "lock")
        assert error.startswith("error: cannot fetch `alpha` from `pypi`: no trusted connection to ")
        assert "`SSL_CERT_FILE`" in error
        trusting = project.with_variables(SSL_CERT_FILE=str(ours.certificate))
        trusting.succeed("lock")
        trusting.succeed("build")
