"""The section of the report that says how sure it is."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from osteoplan.cli.strength_tables import certainty_lines
from osteoplan.decide.compare import compare
from osteoplan.io.documents import RigidityDocument, TornadoDocument, as_json
from osteoplan.model.plan import Option
from osteoplan.report.plan.appendix import Appendix
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.nouns import Drawings
from osteoplan.report.plan.page import html
from osteoplan.report.plan.uncertainty import rigidity_chart, tornado_chart
from osteoplan.workflow.certainty import rigidity_of, tornadoes
from osteoplan.workflow.settings import PlanSettings
from tests.report_fixture import changed, plan_result
from tests.synthetic_vertebra import vertebra

SWINGS = {"law": (-1.0, 2.0), "lesion_edge": (-3.0, 0.5), "porosity": (0.0, 0.0)}
RANKED = "strength_ratio_to_intact"


def swung(option: Option) -> Option:
    """The option with swings about each value, those of a better option twice as wide."""
    return replace(option, outcomes=tuple(
        replace(o, one_at_a_time={k: tuple(o.value + v * (2.0 if o.value > 80 else 1.0) for v in ends)
                           for k, ends in SWINGS.items()}) if o.id == RANKED else o
        for o in option.outcomes
    ))  # fmt: skip


@pytest.fixture(scope="module")
def result():
    """The fixture's plan with swings, a real comparison and a real rigidity analysis."""
    made = plan_result()
    options = tuple(swung(o) for o in made.simulations.options)
    comparison = compare(options, reference="best_supportive_care", ranked_by=RANKED, resolution=2.0)
    bone = vertebra(lesion_at=(0.0, 0.0, 4.0), lesion_radius=7.0)
    rigidity, _ = rigidity_of(bone, PlanSettings(draws=4, spacing_mm=2.5))
    now = (
        swung(options[-1]).outcomes
        or swung(next(o for o in options if o.id == "best_supportive_care")).outcomes
    )
    found = tornadoes(now, options, comparison, 2.0)
    return changed(made, options=options, comparison=comparison, tornadoes=found, rigidity=rigidity)


def svg(image: str) -> str:
    assert image.startswith("data:image/svg+xml;base64,")
    return base64.b64decode(image.split(",")[1]).decode()


def test_tornadoes_are_of_now_and_of_the_gain_of_the_best_option(result):
    now, gain = result.tornadoes
    assert (now.option, now.title) == ("", "now, share of intact")
    assert gain.option == result.comparison.ranking[0]
    widths = {bar.input: round(bar.high - bar.low, 6) for bar in now.bars}
    assert widths == {"mesh": 4.0, "lesion_edge": 3.5, "law": 3.0}
    assert [bar.input for bar in now.bars] == ["mesh", "lesion_edge", "law"]
    assert {bar.input for bar in gain.bars} == {"mesh", "lesion_edge", "law"}


def test_the_page_shows_pairs_tornado_and_sections_in_words(result):
    pairs = Appendix(result).pairs()
    assert len(pairs) == len(result.comparison.between) + len(result.comparison.differences)
    page = html(result, draw(result))
    section = page[page.index('id="certainty"') : page.index('id="rules"')]
    assert "outline of the lesion" in section
    assert "axial rigidity lost, weakest section" in section
    assert "one input at a time" not in html(plan_result(), Drawings())


def test_charts_name_every_bar_and_are_the_same_every_time(result):
    text = svg(tornado_chart(result.tornadoes[0]))
    assert tornado_chart(result.tornadoes[0]) == tornado_chart(result.tornadoes[0])
    assert rigidity_chart(result.rigidity[0]) == rigidity_chart(result.rigidity[0])
    assert text.count("<path") > 3
    for colour in ("#0072b2", "#e69f00"):
        assert colour in text


def test_text_and_json_say_the_same(result):
    part = result.rigidity[0]
    document = {
        "rigidity": [as_json(RigidityDocument, part)],
        "sensitivity": [as_json(TornadoDocument, result.tornadoes[0])],
    }
    lines = "\n".join(certainty_lines(document))
    assert f"{part.outcomes[0].value:.0f} %" in lines
    assert "weakest +" in lines or "weakest -" in lines
    assert "size of the elements" in lines
    profile = document["rigidity"][0]["now"]
    assert len(profile["along_mm"]) == len(profile["EA_N"]) == len(profile["beam"])
    assert np.allclose(profile["EA_N"], part.now.EA_N, rtol=1e-5)
