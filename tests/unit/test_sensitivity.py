"""What moves a state beside its moduli, on springs in series: every end is a solve or as good as one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty import sensitivity
from osteoplan.mechanics.uncertainty.draws import Surrogate
from osteoplan.mechanics.uncertainty.load_direction import LoadDirection
from osteoplan.mechanics.uncertainty.one_at_a_time import TIGHT, probes
from osteoplan.mechanics.uncertainty.samples import Tissue, central_sample, modulus
from osteoplan.mechanics.uncertainty.sensitivity import Sensitivity
from osteoplan.model.calibration import Calibration
from osteoplan.model.outcome import Estimate

LAWS = MechanicsSettings().laws
UNSURE = Calibration.line("density", 1.0, 0.0, 0.05, 6.0, calibrated=True)
CENTRAL = central_sample(UNSURE, LAWS[0])
GONE = 3  # of ten slices


def energies(E):
    return ((1.0 / (1.0 / E).sum()) / E) ** 2


def tissue(gone=GONE):
    end_cap = np.arange(10) == 9
    return Tissue(np.linspace(90.0, 260.0, 10), end_cap, np.arange(10) < gone, np.zeros(10))


def wider(specimen, drawn, image, edge_mm):
    """Outward takes one slice more, inward one less."""
    return tissue(GONE + int(np.sign(edge_mm)))


@pytest.fixture
def found(monkeypatch):
    monkeypatch.setattr(sensitivity, "redrawn", wider)
    specimen = SimpleNamespace(
        conditions=SimpleNamespace(load_unit="N mm"),
        anatomy=SimpleNamespace(calibration=UNSURE),
        settings=SimpleNamespace(laws=LAWS),
        end_cap=tissue().end_cap,
    )
    E = modulus(tissue(), CENTRAL)
    return sensitivity.sensitivity(
        specimen, Surrogate(tissue(), E, energies(E)), "now", CENTRAL, None, energies, None
    )


def stiffness(world, gone=GONE):
    return 1.0 / (1.0 / modulus(tissue(gone), world)).sum()


def test_every_end_of_every_input_is_the_true_stiffness_there(found):
    assert pytest.approx(stiffness(CENTRAL)) == found.K
    for probe in probes(UNSURE, CENTRAL, LAWS):
        for world, told in zip(probe.samples, found.one_at_a_time[probe.input], strict=True):
            gone = GONE + int(np.sign(world.edge_mm))
            assert told == pytest.approx(stiffness(world, gone), rel=TIGHT), probe.input
    assert found.solved > 0


def test_a_moment_has_no_direction_that_leans(found):
    assert found.one_at_a_time["load_direction"] == (found.K,) * 4
    assert found.factor(replace(CENTRAL, load_slopes=(0.2, -0.1))) == 1.0


def test_an_outline_counts_linearly_between_its_ends_and_not_beyond(found):
    inward, drawn, outward = found.edges_mm
    assert inward < drawn == 0.0 < outward
    low, one, high = found.edge_factors
    assert low == pytest.approx(stiffness(CENTRAL, GONE - 1) / found.K, rel=TIGHT)
    assert high == pytest.approx(stiffness(CENTRAL, GONE + 1) / found.K, rel=TIGHT)
    assert one == 1.0
    assert high < 1.0 < low
    quarter, half = 1.0 + 0.25 * (high - 1.0), 0.5 * (1.0 + low)
    told = {0.0: 1.0, outward / 4: quarter, inward / 2: half, 9 * outward: high}
    for edge, factor in told.items():
        assert found.factor(replace(CENTRAL, edge_mm=edge)) == pytest.approx(factor)


def test_what_bone_gains_beside_the_whole_is_one_in_the_central_world(found):
    gains = found.local_correction["lytic_modulus"]
    assert len(gains) == len(found.one_at_a_time["lytic_modulus"])
    # softer tissue: the column loses more than its bone; the cap of the machine takes no part in it
    assert gains[0] != pytest.approx(1.0, abs=1e-6)
    assert found.local_correction["pmma_modulus"] == pytest.approx((1.0, 1.0))
    assert set(found.local_correction) == set(found.one_at_a_time)


def test_outcomes_swing_in_proportion_and_those_of_the_tissue_gain_beside_it():
    lean = LoadDirection(drift=np.array([0.5, 0.0]))
    made = Sensitivity(
        4.0, {"law": (4.0, 6.0)}, lean, (-1.0, 0.0, 1.0), (1.2, 1.0, 0.7), 1, {"law": (1.0, 1.5)}
    )
    both = tuple(Estimate(id, "compression", 10.0, None, None, "N", "simulated") for id in ("a", "b"))
    plain, of_tissue = made.on(both, frozenset({"b"}))
    assert plain.one_at_a_time == {"law": (10.0, 15.0)}
    assert of_tissue.one_at_a_time == {"law": (10.0, 22.5)}
    assert (plain.id, plain.value) == ("a", 10.0)
    # both factors together: outline and lean
    assert made.factor(replace(CENTRAL, edge_mm=0.5, load_slopes=(0.2, 9.0))) == pytest.approx(0.85 / 1.1)
