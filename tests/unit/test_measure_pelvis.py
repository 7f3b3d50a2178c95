"""Region and dome of a socket of known shape, and zones of a sacrum."""

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.measure import measure
from osteoplan.model.anatomy import Structure
from osteoplan.model.findings import Findings
from osteoplan.pathway.vocabulary import parse_facts
from tests.synthetic_long_bone import CENTRE, ball, frame, grid, local, made

RADIUS = 24.0
ROOF, BAR, WING = (0.0, 0.0, 30.0), (-33.0, 20.0, 48.0), (42.0, 0.0, 62.0)
SPACING = (1.4, 1.7, 2.2)
SACRUM_AT = (-48.0, 30.0, 70.0)


def half_pelvis(name, where, *, sacrum=True):
    """A socket of radius 24 in a ball of bone, a bar from it up to the sacrum, a wing beside the bar."""
    image = grid(name, (130.0, 110.0, 170.0), SPACING)
    left, back, up = local(image)
    position = np.stack([left, back, up], axis=-1)
    away = np.linalg.norm(position, axis=-1)
    end = np.array(SACRUM_AT)
    share = np.clip(position @ end / (end @ end), 0.0, 1.0)
    bar = np.linalg.norm(position - share[..., None] * end, axis=-1) < 12.0
    wing = (np.abs(back) < 8.0) & (left > 0.0) & (left < 50.0) & (up > 20.0) & (up < 75.0)
    bone = ((away < 38.0) & (up > -20.0)) | bar | wing
    bone &= (away > RADIUS) & ~((left > 5.0) & (up < 10.0) & (away < 60.0))
    shell = np.linalg.norm(position - (1.28 * end), axis=-1) < 12.0
    structures = (Structure("sacrum", "bone", shell & ~bone, True),) if sacrum else ()
    intact = np.where(bone, 300.0, 0.0)
    lesion = where(left, back, up) & bone
    now = np.where(lesion, 0.0, intact)
    return made(image, bone, lesion, intact, now, name="hemipelvis_left", structures=structures)


def said(anatomy, frames=None):
    cup = frame("acetabulum", landmarks_mm={"centre": CENTRE}, lengths_mm={"radius": RADIUS})
    findings, unmeasured = measure(anatomy, frames={"acetabulum": cup} if frames is None else frames)
    return {f.name: f for f in findings}, unmeasured


@pytest.mark.parametrize("name", ["oblique", "left_handed"])
@pytest.mark.parametrize(
    ("at", "region"),
    [(ROOF, "acetabulum"), (BAR, "pelvic_ring"), (WING, "pelvis_nonload")],
)
def test_the_region_follows_from_joint_and_path_of_load(name, at, region):
    found, _ = said(half_pelvis(name, ball(at, 9.0)))
    assert found["region"].value == region
    assert "of the acetabulum's sphere" in found["region"].because


def test_without_a_sacrum_only_the_acetabulum_is_named():
    near, _ = said(half_pelvis("oblique", ball(ROOF, 9.0), sacrum=False))
    far, unmeasured = said(half_pelvis("oblique", ball(WING, 9.0), sacrum=False))
    assert near["region"].value == "acetabulum"
    assert "region" not in far
    assert any("sacroiliac joint was not found" in sentence for sentence in unmeasured)


def test_without_a_frame_nothing_is_guessed():
    found, unmeasured = said(half_pelvis("oblique", ball(ROOF, 9.0)), {})
    assert not {"region", "dome_lost_pct", "joint_mm"} & set(found)
    assert any("the acetabulum was not found" in sentence for sentence in unmeasured)


@pytest.mark.parametrize("name", ["oblique", "left_handed"])
def test_half_of_the_dome_lost_reads_half(name):
    found, _ = said(half_pelvis(name, lambda left, back, up: (back > 0.0) & (up > 10.0) & (up < 36.0)))
    assert found["dome_lost_pct"].value == pytest.approx(50.0, abs=5.0)


def test_the_joint_is_as_far_as_its_sphere():
    found, _ = said(half_pelvis("oblique", ball(BAR, 9.0)))
    expected = np.linalg.norm(BAR) - 9.0 - RADIUS
    assert found["joint_mm"].value == pytest.approx(expected, abs=max(SPACING))


def test_harrington_and_protrusio_are_never_measured():
    found, _ = said(half_pelvis("oblique", ball((0.0, 0.0, 30.0), 12.0)))
    assert not {"harrington", "protrusio", "joint_surface_collapsed"} & set(found)


def sacrum(where, *, foramina=True):
    """A block whose foramina lie 15 to 21 mm beside the midplane."""
    image = grid("oblique", (130.0, 80.0, 80.0))
    left, back, up = local(image)
    bone = (np.abs(left) < 50.0) & (np.abs(back) < 20.0) & (np.abs(up) < 20.0)
    lesion = where(left, back, up)
    holes = {
        f"sacral_foramen_{side}_S{level}": (np.hypot(sign * left - 18.0, up - 12.0 * (2 - level)) < 3.0)
        & bone
        for side, sign in (("left", 1), ("right", -1))
        for level in (1, 2)
    }
    structures = [Structure(name, "nerve", mask, False, "derived here") for name, mask in holes.items()]
    intact = np.where(bone, 150.0, 0.0)
    anatomy = made(image, bone, lesion, intact, np.where(lesion, 0.0, intact), name="sacrum")
    return replace(anatomy, structures=tuple(structures) if foramina else ())


@pytest.mark.parametrize(
    ("at", "zone"), [((34.0, 0.0, 0.0), "I"), ((-23.0, 0.0, 0.0), "II"), ((14.0, 0.0, 0.0), "III")]
)
def test_the_most_medial_zone_of_the_sacrum_is_named(at, zone):
    findings, _ = measure(sacrum(ball(at, 7.0)), frames={"sacrum": frame("sacrum")})
    found = {f.name: f for f in findings}
    assert found["denis_zone"].value == zone
    assert found["region"].value == "sacrum"
    assert "nerve_mm" in found
    wanted = Findings.of(*findings).facts()
    assert parse_facts({"denis_zone": wanted["denis_zone"], "nerve_mm": wanted["nerve_mm"]})


def test_without_foramina_the_zones_stay_unknown():
    findings, unmeasured = measure(
        sacrum(ball((14.0, 0.0, 0.0), 7.0), foramina=False), frames={"sacrum": frame("sacrum")}
    )
    assert "denis_zone" not in {f.name for f in findings}
    assert any("no sacral foramina" in sentence for sentence in unmeasured)
