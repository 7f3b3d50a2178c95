"""A real T12 after cement, until it yields: every plan of the demo, at both levels of the command."""

from __future__ import annotations

import pytest

from osteoplan.cement.grow import fill
from osteoplan.cli import main
from osteoplan.mechanics.cases.vertebra import build_compression, build_compression_through_discs
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.yielding import strength
from osteoplan.techniques.effects import effects
from osteoplan.workflow.explain import explain
from osteoplan.workflow.inventory import setting_of
from osteoplan.workflow.options import options
from osteoplan.workflow.read import read
from osteoplan.workflow.settings import PlanSettings

PLANS = {"vertebroplasty_right", "vertebroplasty_left", "vertebroplasty_both"}


@pytest.fixture(scope="module")
def cemented(data, tmp_path_factory):
    """(anatomy of the demo's T12, cement and effects of each plan)."""
    case, source = tmp_path_factory.mktemp("demo") / "case", data / "chest_spine"
    labels = ["--labels", source / "mask.nii.gz", "--names", source / "structures.csv"]
    lesion = ["--bone", "vertebra_T12", "--axes", "22,18,17", "--wall", 0, "--seed", 12]
    for words in (
        ["init", case, "--ct", source / "cxr.nii.gz", *labels, "--calibration", "fixed", "--kvp", 120],
        ["simulate-lesion", case, *lesion],
    ):
        assert main([str(word) for word in words]) == 0
    reading, settings = read(case), PlanSettings(spacing_mm=2.0, draws=40)
    setting = setting_of(reading, settings)
    done = {}
    for option in options(reading, explain(reading), setting):
        if option.id in PLANS:
            what = effects(option.plan, setting.inventory.devices)
            done[option.id] = fill(setting.around, what, setting.ensemble).fields, what
    return reading.anatomy, done


@pytest.fixture(scope="module", params=[build_compression, build_compression_through_discs])
def specimen(request, cemented):
    return request.param(cemented[0], MechanicsSettings(spacing_mm=2.0))


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("level", ["L1", "L2"])
def test_cement_converges_at_every_level_and_a_force_that_rises_is_no_peak(specimen, cemented, level):
    before = strength(specimen, "now", level=level)
    assert set(cemented[1]) == PLANS
    for fields, what in cemented[1].values():
        found = strength(specimen, "now", level=level, fields=fields, effects=what)
        assert found.path.points[-1].newton < 45
        assert found.path.points[-1].residual <= 1e-3
        assert all(point.displacement_mm > 0.0 for point in found.path.points)
        # between caps by more than 1.3; discs take part of the squeeze
        assert found.path.points[-1].force_N > 1.1 * before.path.points[-1].force_N
        assert found.estimate is None
        assert found.how.endswith("a step): no peak")
