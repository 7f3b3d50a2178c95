"""Radiofrequency beside published measurements: what holds, and what is told as a miss."""

from __future__ import annotations

import pytest

from osteoplan.verification.cases import theory_case
from osteoplan.verification.radiofrequency import AWAY_MM, RADIOFREQUENCY, beside, lesion


@pytest.mark.parametrize("id", [row.id for row in RADIOFREQUENCY if row.tolerance is not None])
def test_a_lesion_grows_over_minutes_as_it_was_measured(id):
    case = theory_case(id)
    assert case.ok, f"{case.got} for {case.expected}: {case.note}"


def test_misses_are_told_as_misses_with_their_reason():
    thick = theory_case("rf-thicker")
    assert thick.ok is None
    assert "a miss" in thick.note
    assert "do not resolve" in thick.note
    epidural = theory_case("rf-epidural")
    assert epidural.ok is None
    assert "no distance was read" in epidural.note


def test_more_heat_thicker_tips_and_longer_times_make_wider_lesions():
    assert lesion(18, 90.0)[2.0][50.0] > lesion(18, 80.0)[2.0][50.0] > lesion(18, 60.0)[2.0][50.0]
    assert lesion(16, 80.0)[2.0][50.0] > lesion(18, 80.0)[2.0][50.0] > lesion(22, 80.0)[2.0][50.0]
    assert lesion(18, 80.0)[3.0][55.0] > lesion(18, 80.0)[1.0][55.0]


def test_dead_bone_beside_a_cooled_shaft_is_steady_near_it_and_not_far_off():
    case = theory_case("rf-steady")
    assert 1.0 < case.got < 5.0
    times, degC = beside("generic_rf_bipolar_20mm", cavity=False)
    assert (degC[-1][:-1] > degC[-1][1:]).all()
    assert times[-1] == pytest.approx(600.0)
    assert degC[-1][AWAY_MM.index(20.0)] < 45.0
