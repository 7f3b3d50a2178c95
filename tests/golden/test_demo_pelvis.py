"""The demo of the pelvis end to end: from the archive to a page, with screws and comparators alone.

Every technique together takes minutes; the others have tests of their own.
"""

import io
import re
import tarfile

import pytest
import yaml

import osteoplan
from osteoplan.errors import NotAvailable
from osteoplan.techniques.registry import techniques
from osteoplan.workflow import demo, options
from tests.printed import first_page_holds, printed

FILES = "totalsegmentator-2.18.0/tests/reference_files"
KEPT = ("percutaneous_screws", "best_supportive_care", "radiotherapy")


def archive_of(data, folder):
    """The two data files, packed as the registry packs them."""
    path = folder / "totalsegmentator-2.18.0.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as made:
        for name in ("example_ct.nii.gz", "example_seg_fast_force_split.nii.gz"):
            content = (data / "pelvis_hip" / name).read_bytes()
            entry = tarfile.TarInfo(f"{FILES}/{name}")
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture(scope="module")
def planned(data, tmp_path_factory):
    """The plan, its folder and its page."""
    out = tmp_path_factory.mktemp("pelvis")
    few = {id: technique for id, technique in techniques().items() if id in KEPT}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSTEOPLAN_CACHE", str(out / "cache"))
        patch.setattr(demo, "_sha256", lambda _: demo._recipe("pelvis")["scan"]["sha256"])
        patch.setattr(options, "techniques", lambda: few)
        demo.make_demo_case(out / "case", "pelvis", archive=archive_of(data, out))
        plan = osteoplan.plan(out / "case", osteoplan.PlanSettings(draws=10, spacing_mm=3.0))
        osteoplan.write(plan, out / "case", out=out)
    return plan, (out / "report.html").read_text(encoding="utf-8")


def ratio(outcomes):
    return next(o for o in outcomes if o.id == "stiffness_ratio_to_intact")


@pytest.mark.slow
def test_screws_past_the_socket_are_planned_and_stiffen_the_bone(planned):
    plan, _ = planned
    screws = [option for option in plan.simulations.options if option.status == "ranked"]
    assert any("lc2" in option.id for option in screws)
    now = ratio(plan.simulations.now)
    assert 50 < now.low <= now.value <= now.high < 100
    for option in screws:
        assert ratio(option.outcomes).value > now.value
        assert all(one.id != "strength_N" for one in option.outcomes)  # a thin case: no strength is claimed


@pytest.mark.slow
def test_every_page_and_picture_says_coarse_simulated_and_whose_scan_it_is(planned):
    plan, page = planned
    assert "coarse scan (3.0 mm): relative numbers only" in plan.warnings
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) >= 5
    assert all("coarse scan" in figure and "lesion simulated" in figure for figure in figures)
    assert "Apache-2.0" in page
    assert "Research use only" in page


@pytest.mark.slow
def test_the_page_of_the_pelvis_is_one_page_on_paper(planned, tmp_path):
    first_page_holds(printed(planned[1], tmp_path))


@pytest.mark.slow
def test_nothing_enters_where_the_scan_does_not_show_the_bone(planned):
    """The ischium is cut by the scan's edge: no screw of the posterior column is proposed."""
    plan, _ = planned
    placed = [o for o in plan.simulations.options if "posterior_column" in o.id or "ischium" in o.id]
    assert all(option.status != "ranked" for option in placed)


@pytest.mark.slow
def test_without_a_registry_the_pelvis_is_generated_and_says_so(tmp_path, monkeypatch):
    def nowhere(*_arguments, **_named):
        raise NotAvailable("no registry in reach")

    monkeypatch.setattr(demo, "obtain_scan", nowhere)
    made = demo.make_demo_case(tmp_path / "case", "pelvis")
    case = yaml.safe_load((tmp_path / "case" / "case.yaml").read_text())
    assert "no registry" in made.phantom_because
    assert case["generated"]
    assert case["credits"][0].startswith("Generated phantom")
    assert (case["lesions"][0]["bone"], case["lesions"][0]["side"]) == ("hemipelvis_right", "right")
