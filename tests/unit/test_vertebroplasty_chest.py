"""Vertebroplasty of T12 in a real chest CT with a simulated lytic lesion at the posterior wall."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteoplan.anatomy.read import bone_on_scan, build_anatomy
from osteoplan.cement.grow import fill
from osteoplan.io.nifti import read_nifti
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case, Lesion
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Place, Plan
from osteoplan.model.simulated import Simulated
from osteoplan.techniques.effects import effects
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.techniques.violations import violations
from osteoplan.trajectory.setting import Setting
from tests.made_lesion import simulate_lesion
from tests.made_setting import setting_of

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def anatomy(data: Path) -> Anatomy:
    folder = data / "chest_spine"
    with (folder / "structures.csv").open() as table:
        names = {row["structure"]: int(row["id"]) for row in csv.DictReader(table)}
    ct, labels = read_nifti(folder / "cxr.nii.gz", "HU"), read_nifti(folder / "mask.nii.gz", "label")
    case = Case("chest", ct, (), {"kind": "fixed", "kvp": 120}, labels=labels, structures=names)
    on_scan = bone_on_scan(case, "vertebra_T12")
    bone, vertebra = on_scan.mask, on_scan.vertebra
    assert vertebra is not None
    back = vertebra.frame.local(vertebra.wall_mm())[:, 1].mean()
    made = simulate_lesion(
        ct, bone, centre_mm=vertebra.frame.world([0.0, back - 9.0, 0.0]), axes_mm=(22.0, 18.0, 17.0),
        frame_axes=vertebra.frame.axes, matrix="lytic", seed=12,
    )  # fmt: skip
    lesion = Lesion("L1", "vertebra_T12", "midline", ct.with_array(made.mask, "mask"), simulated=True)
    return build_anatomy(replace(case, ct=made.ct, ct_before=ct, lesions=(lesion,)), lesion)[0]


@pytest.fixture(scope="module")
def setting(anatomy: Anatomy) -> Setting:
    return setting_of(anatomy, "vertebroplasty")


@pytest.fixture(scope="module")
def plans(setting: Setting) -> dict[str, Plan]:
    return {plan.id: plan for plan in Vertebroplasty().propose(setting, Findings())}


@pytest.fixture(scope="module")
def cement(setting: Setting, plans: dict[str, Plan]) -> Simulated:
    return fill(
        setting.around, effects(plans["vertebroplasty_both"], setting.inventory.devices), setting.ensemble
    )


def test_a_way_through_each_pedicle_of_t12_is_found(setting: Setting, plans: dict[str, Plan]) -> None:
    assert set(plans) == {"vertebroplasty_left", "vertebroplasty_right", "vertebroplasty_both"}
    for plan in plans.values():
        assert [v.text for v in violations(plan, setting)] == []


def test_left_is_the_patients_left_where_the_descending_aorta_lies(
    anatomy: Anatomy, plans: dict[str, Plan]
) -> None:
    aorta = anatomy.image.positions_mm(np.argwhere(anatomy.structure("aorta").mask)).mean(axis=0)
    entries = [
        next(
            step.act.entry_mm for step in plans[f"vertebroplasty_{side}"].steps if isinstance(step.act, Place)
        )
        for side in ("left", "right")
    ]
    left, right = (np.array(entry)[0] - anatomy.frame.origin_mm[0] for entry in entries)
    assert np.sign(aorta[0] - anatomy.frame.origin_mm[0]) == np.sign(left) == 1
    assert np.sign(right) == -1


def test_paths_come_from_the_back_and_are_as_long_as_a_back_is_thick(plans: dict[str, Plan]) -> None:
    for plan in plans.values():
        for estimate in plan.clearances:
            if estimate.id == "path_length_mm":
                assert 50.0 < estimate.value < 120.0
            if estimate.id == "entry_angle_deg":
                assert estimate.value < 40.0


def test_cement_stays_out_of_the_canal_and_fills_what_it_can(
    anatomy: Anatomy, plans: dict[str, Plan], cement: Simulated
) -> None:
    share = cement.fields[0].volume.array
    placed = next(e.value for e in cement.outcomes if e.id == "cement_volume_mL")
    assert share.sum() * anatomy.image.voxel_volume_mm3 / 1000.0 == pytest.approx(placed)
    assert 0.5 < placed <= 6.0
    assert not share[anatomy.structure("spinal_canal").mask].any()
