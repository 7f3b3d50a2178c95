"""Load cases as data: formulas, magnitudes of a patient, builders, ratios of strength to load."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.expression import evaluated, names_in
from osteoplan.knowledge.load import document, raw
from osteoplan.knowledge.loads import LoadCase, load_case, load_cases
from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.sites import bone_site, planned_bones, thoracolumbar_spine
from osteoplan.mechanics.cases.registry import BUILDERS
from osteoplan.mechanics.demand import strength_to_load
from osteoplan.model.case import Patient
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate

SEVENTY = Patient(weight_kg=70.0, height_cm=175.0)
BODY_WEIGHT = 70.0 * 9.80665


def test_a_formula_is_arithmetic_over_known_names_and_unknown_stays_unknown():
    known = {"a": 2.0, "b": None}
    assert evaluated("3 * a ** 2 - 1 / (a + 2)", known) == 11.75
    assert evaluated("1650", known) == 1650.0
    assert evaluated("a * b", known) is None
    assert names_in("a * (b + a)") == ("a", "b")


@pytest.mark.parametrize("text", ["c * 2", "abs(a)", "a if a else 2", "a <", "'a'", "True * a", "a.real"])
def test_a_formula_with_anything_else_in_it_is_refused(text):
    with pytest.raises(BadInput, match=r"defines|no formula|not a formula"):
        evaluated(text, {"a": 1.0})


def test_every_load_case_has_a_builder_a_site_and_sources():
    sites = [site for bone in planned_bones() if (site := bone_site(bone)) is not None]
    named = {id for site in sites for id in site.load_cases} | set(thoracolumbar_spine().load_cases)
    assert set(load_cases()) == named == set(BUILDERS)
    for case in load_cases().values():
        cited = [*case.laws.cite, *(key for row in case.numbers.values() for key in row.cite)]
        cited += [key for row in (*case.magnitudes, *case.thresholds) for key in row.cite]
        assert all(citation(key).text for key in cited)
        assert all(magnitude.cite for magnitude in case.magnitudes)
        assert all(threshold.cite for threshold in case.thresholds)


def test_an_unknown_load_case_or_number_is_told_with_what_there_is():
    with pytest.raises(UnknownName, match="vertebra_compression"):
        load_case("vertebra_compresion")
    with pytest.raises(UnknownName, match="hinge_share"):
        load_case("vertebra_flexion").known("hinge_shar")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rank_by": "strength_X"}, "no outcome of this case"),
        ({"criteria": [{"id": "strength_N", "kind": "height", "strain": "bone.no_such"}]}, "no_such"),
        ({"criteria": [{"id": "strength_N", "kind": "tissue", "strain": "bone.poisson_ratio"}]}, "volume"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_load_case_that_does_not_hold_together_is_refused(change, words, tmp_path):
    import yaml

    (tmp_path / "loads").mkdir()
    content = {**raw()["loads/vertebra_compression.yaml"], **change}
    (tmp_path / "loads" / "x.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(BadInput, match=words):
        document("loads/x.yaml", LoadCase, tmp_path)


def magnitude(case, id):
    return next(one for one in load_case(case).magnitudes if one.id == id)


def test_a_load_follows_from_the_patients_weight_and_is_unknown_without_it():
    walking = magnitude("hemipelvis_hip_contact", "walking")
    assert walking.of(SEVENTY).value == pytest.approx(2.38 * BODY_WEIGHT)
    assert walking.of(SEVENTY).high == pytest.approx(4.8 * BODY_WEIGHT)
    assert walking.of(Patient(height_cm=175.0)) is None
    telemetry = magnitude("vertebra_compression", "lumbar_activities")
    assert telemetry.of(Patient()).value == 1650.0


def strengths(*values):
    draws = np.linspace(0.9, 1.1, 30)
    return tuple(
        Estimate.from_draws(id, "compression", value=value, draws=value * draws, unit="N")
        for id, value in values
    )


RELATIVE = load_case("vertebra_compression")
ABSOLUTE = RELATIVE.model_copy(
    update={"criteria": tuple(one.model_copy(update={"relative": False}) for one in RELATIVE.criteria)}
)


def told(bone, patient, *, calibrated=True):
    return strength_to_load(
        strengths(("height_load_N", 1.0), ("strength_N", 3300.0)), ABSOLUTE, bone,
        patient, calibrated=calibrated, ensemble=Ensemble(3, 30),
    )  # fmt: skip


def test_strength_over_load_is_told_for_the_loads_known_of_that_level_and_patient():
    (ratio,) = told("vertebra_L1", SEVENTY)
    assert (ratio.id, ratio.unit) == ("strength_to_load", "1")
    assert ratio.target.startswith("compression: ")
    assert ratio.value == pytest.approx(2.0)
    assert ratio.low == pytest.approx(2.0 * np.percentile(np.linspace(0.9, 1.1, 30), 5))
    assert "VBR2014" in ratio.because
    both = told("vertebra_L4", SEVENTY)
    assert [one.value for one in both] == [ratio.value, pytest.approx(3300.0 / (2.04 * BODY_WEIGHT))]


def test_without_weight_level_or_calibration_there_is_no_ratio():
    assert len(told("vertebra_L4", Patient())) == 1  # the load that needs no weight
    assert told("vertebra_T6", SEVENTY) == ()
    assert told("vertebra_L4", SEVENTY, calibrated=False) == ()


def test_a_criterion_that_only_compares_states_tells_no_share_of_a_load():
    made = strengths(("strength_N", 3300.0))
    asked = {"calibrated": True, "ensemble": Ensemble(3, 30)}
    assert strength_to_load(made, RELATIVE, "vertebra_L4", SEVENTY, **asked) == ()
    assert len(strength_to_load(made, ABSOLUTE, "vertebra_L4", SEVENTY, **asked)) == 2


def test_a_load_with_a_range_widens_the_interval_and_is_paired_between_states():
    case = (
        load_case("femur_stance") if "femur_stance" in load_cases() else load_case("hemipelvis_hip_contact")
    )
    ranged = next(one for one in case.magnitudes if one.high and one.of(SEVENTY))
    certain = Estimate.from_draws("strength_N", case.title, value=9000.0, draws=np.full(50, 9000.0), unit="N")
    half = Estimate.from_draws("strength_N", case.title, value=4500.0, draws=np.full(50, 4500.0), unit="N")
    one, two = (
        {
            r.target: r
            for r in strength_to_load(
                (e,), case, "femur_left", SEVENTY, calibrated=True, ensemble=Ensemble(1, 50)
            )
        }
        for e in (certain, half)
    )
    target = f"{case.title}: {ranged.title}"
    assert one[target].high > 1.2 * one[target].low
    assert one[target].draws == pytest.approx(2.0 * two[target].draws)
