"""Zones of applicators as data: the package's rows, and a centre's own table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.applicators import (
    LABEL,
    ApplicatorTable,
    applicator_of,
    applicators,
    load_applicators,
)
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.values import known, number
from osteoplan.trajectory.probes.zones import Zone, contains, depth_mm, held_by, unit, zone_at

OWN = """\
date: 2026-11-28
devices:
  own_needle:
    kind: probe
    name: needle of this hospital
    values:
      outer_diameter_mm: {value: 1.47, unit: mm, status: unverified, note: instructions for use}
zones:
  - id: own_10min
    device: own_needle
    modality: cryo
    medium: gel at 37 degC
    organ: none
    setting: phantom
    edge: isotherm
    isotherm_degC: -20
    start_temperature_degC: 37
    time_min: 10
    width_mm: 24
    length_mm: 40
    tip_offset_mm: 4
    document: instructions for use, edition of 2026
    page: "12"
    status: unverified
    note: typed in by the physicist
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "zones.yaml"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_every_zone_says_that_it_is_unverified_and_not_measured_in_bone() -> None:
    for row in applicators().rows.values():
        assert LABEL in row.cautions[0]
        assert row.status == "unverified"
        assert row.medium in row.cautions[0]


def test_every_zone_names_a_probe_a_document_and_a_source_that_can_be_found() -> None:
    table = applicators()
    for row in table.rows.values():
        assert row.device in table.devices
        assert row.document
        assert row.cite
        assert all(citation(key).text for key in row.cite)


def test_zones_from_memory_and_of_probes_without_a_readable_table_are_not_shipped() -> None:
    table = applicators()
    words = " ".join([*table.rows, *table.devices, *(d.name for d in table.devices.values())]).lower()
    assert not re.search(r"osteocool|\bstar\b|icerod|icesphere|iceforce|icepearl", words)
    assert not any("ML" in row.tag for row in table.rows.values())


@pytest.mark.parametrize(
    ("id", "width", "length", "volume"),
    [
        ("emprint_75W_5min", 32, 35, 18.8),
        ("emprint_100W_10min", 36, 42, 28.5),
        ("neuwave_kidney_65W_5min", 24, 36, 10.9),
        ("neuwave_kidney_65W_10min", 30, 43, 20.3),
    ],
)
def test_measured_solids_have_the_volume_of_their_ellipsoid(
    id: str, width: float, length: float, volume: float
) -> None:
    row = applicators().row(id)
    assert (row.width_mm, row.length_mm) == (width, length)
    assert zone_at([0, 0, 0], [0, 0, 1], row).volume_mL == pytest.approx(volume, rel=0.03)


def test_the_chart_of_one_probe_says_what_was_measured_in_patients() -> None:
    chart = applicators().row("neuwave_pr_liver_65W_10min_chart")
    seen = applicators().row("neuwave_pr_liver_65W_10min_measured")
    assert seen.width_mm / chart.width_mm == pytest.approx(0.77, abs=0.01)
    assert any("23 %" in said for said in chart.cautions)
    assert chart.organ == seen.organ == "liver"


def test_a_zone_without_a_length_or_of_several_probes_is_never_placed() -> None:
    table = applicators()
    shown = [row for row in table.rows.values() if not row.placeable]
    assert [row.width_mm for row in shown] == [12, 33, 41, 49]
    assert not set(table.placeable("cryo")) & set(shown)
    for row in shown:
        with pytest.raises(BadInput, match="cannot be placed"):
            zone_at([0, 0, 0], [0, 0, 1], row)


def test_an_unknown_zone_or_number_names_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="emprint_75W_5min"):
        applicators().row("emprint_75W_5mi")
    with pytest.raises(UnknownName, match="cell_mm"):
        known("placement.cel_mm")


def test_margins_are_data_and_not_verified() -> None:
    assert number("placement.margin_curative_mm") == 5
    assert number("placement.margin_palliative_mm") == 0
    assert (
        known("placement.margin_curative_mm").status
        == known("placement.margin_palliative_mm").status
        == "unverified"
    )


def test_a_centre_s_own_table_is_read_with_its_probes_and_stays_unverified(own: Path) -> None:
    table = load_applicators(own)
    row = table.row("own_10min")
    assert table.diameter_mm(row) == 1.47
    assert row.placeable
    assert LABEL in row.cautions[0]
    assert "cryoneedle_17g" in table.devices
    assert list(table.rows) == ["own_10min"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("width_mm: 24", "width_mm: 2.4", r"is it in cm"),
        ("width_mm: 24", "widht_mm: 24", r"unknown key 'widht_mm'; did you mean 'width_mm'"),
        ("device: own_needle", "device: own_neele", r":9: .*did you mean 'own_needle'"),
        ("    medium: gel at 37 degC\n", "", r"'medium' is missing"),
        ("modality: cryo", "modality: radiation", r"modality"),
        ("modality: cryo", "modality: rfa", r"isotherm of -20 degC is not one of 'rfa'"),
        ("tip_offset_mm: 4", "tip_offset_mm: 44", r"more than the zone's length"),
        ("    status: unverified\n    note: typed", "    status: verified\n    note: typed", r"write status"),
        ("kind: probe", "kind: screw", r":4: .*only probes"),
        ("time_min: 10", "time_min: -10", r"time_min"),
        ("date: 2026-11-28\nd", "d", r"'date' is missing"),
        ("zones:", "zones: [", r"not valid YAML"),
    ],
)
def test_a_fault_in_a_centre_s_table_is_told_in_one_line(own: Path, old: str, new: str, said: str) -> None:
    assert old in OWN
    own.write_text(OWN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=said) as why:
        load_applicators(own)
    assert "\n" not in str(why.value)
    assert own.name in str(why.value)


def test_an_id_twice_and_an_absent_file_are_told(own: Path) -> None:
    rows = OWN[OWN.index("  - id:") :]
    own.write_text(OWN + rows, encoding="utf-8")
    with pytest.raises(BadInput, match="stands twice"):
        load_applicators(own)
    with pytest.raises(BadInput, match="no such file"):
        load_applicators(own.with_name("none.yaml"))


# the zone as a solid


@pytest.fixture
def table(own: Path) -> ApplicatorTable:
    return load_applicators(own)


def test_the_zone_reaches_its_length_along_the_probe_and_its_width_across(table: ApplicatorTable) -> None:
    row, tip, axis = table.row("own_10min"), np.array([10.0, -5.0, 30.0]), unit([1.0, 2.0, -2.0])
    across = unit(np.cross(axis, [0.0, 0.0, 1.0]))
    far = tip + 4.0 * axis  # the tip offset
    centre = far - 20.0 * axis
    for pole in (far, far - 40.0 * axis, centre + 12.0 * across, centre - 12.0 * across):
        inward = centre + 0.999 * (pole - centre)
        outward = centre + 1.001 * (pole - centre)
        assert contains([inward, outward], zone_at(tip, 3.0 * axis, row)).tolist() == [True, False]


def test_a_zone_of_unknown_offset_ends_at_the_tip_and_says_so() -> None:
    row = applicators().row("emprint_75W_5min")
    zone = zone_at([0, 0, 0], [0, 0, 1], row)
    assert zone.centre_mm[2] == -17.5
    assert any("beyond the tip" in said for said in row.cautions)


@pytest.mark.parametrize(("length", "width"), [(20.0, 12.0), (12.0, 20.0), (15.0, 15.0)])
def test_depth_is_the_distance_to_the_nearest_point_of_the_border(length: float, width: float) -> None:
    zone = Zone((1.0, 2.0, 3.0), (0.0, 0.6, 0.8), length, width)
    rng = np.random.default_rng(3)
    points = rng.normal(scale=14.0, size=(60, 3)) + zone.centre_mm
    t = np.linspace(0.0, np.pi / 2.0, 40001)
    away = points - zone.centre_mm
    along = np.abs(away @ zone.axis)
    across = np.sqrt((away**2).sum(axis=1) - along**2)
    nearest = [
        np.hypot(length * np.cos(t) - z, width * np.sin(t) - r).min()
        for z, r in zip(along, across, strict=True)
    ]
    depth = depth_mm(points, zone)
    assert np.abs(np.abs(depth) - nearest).max() < 1e-4
    assert ((depth > 0) == contains(points, zone)).all()
    assert depth_mm(zone.centre_mm, zone) == pytest.approx(min(length, width), abs=1e-4)


def test_what_zones_hold_is_what_lies_in_them() -> None:
    rng = np.random.default_rng(4)
    points, weights = rng.normal(scale=10.0, size=(5000, 3)), rng.uniform(size=5000)
    zones = [Zone((float(i), 0.0, 2.0), (0.0, 0.6, 0.8), 9.0 + i, 6.0) for i in range(40)]
    one_by_one = [weights[contains(points, zone)].sum() for zone in zones]
    assert held_by(points, weights, zones) == pytest.approx(one_by_one)


def test_a_way_without_a_direction_is_told(table: ApplicatorTable) -> None:
    with pytest.raises(BadInput, match="one point"):
        zone_at([0, 0, 0], [0, 0, 0], table.row("own_10min"))


GENERIC = sorted(id for id in devices() if id.startswith("generic_"))


def test_every_generic_probe_is_named_generic_and_stands_nowhere_without_its_stamps() -> None:
    assert len(GENERIC) == 7
    for id in GENERIC:
        one = applicator_of(id)
        assert one.name.startswith("generic ")
        assert one.stamps == ("generic applicator", "unverified")
        assert one.diameter_mm > 0.0
        for row in devices()[id].values.values():
            assert row.cite or row.status == "design_default" or row.note, row.name


def test_a_bipolar_shaft_is_two_electrodes_and_their_gap() -> None:
    for id, whole in (("generic_rf_bipolar_10mm", 10.0), ("generic_rf_bipolar_20mm", 20.0)):
        one = applicator_of(id)
        assert one.length_mm == 2.0 * one.active_mm + one.gap_mm == whole
    assert applicator_of("generic_rf_monopolar").length_mm == 10.0


@pytest.mark.parametrize("id", [id for id in GENERIC if "cryo" in id])
def test_the_coldest_wall_is_never_the_default(id: str) -> None:
    wall = applicator_of(id).wall_degC
    assert wall is not None
    assert wall.range[0] < wall.number < wall.range[1]


def test_a_setting_that_the_device_does_not_have_is_refused_with_its_range() -> None:
    bipolar, cold = applicator_of("generic_rf_bipolar_20mm"), applicator_of("generic_cryoprobe_2_4mm")
    bipolar.require(20.0, 70.0)
    bipolar.require(None)
    with pytest.raises(BadInput, match=r"25 W is outside its 0.5 to 20 W; choose within"):
        bipolar.require(25.0)
    with pytest.raises(BadInput, match=r"120 degC is outside its 45 to 95 degC"):
        bipolar.require(None, 120.0)
    cold.require(None, -60.0)  # a wall can be held warmer than its coldest
    with pytest.raises(BadInput, match=r"-180 degC is outside its -140 to 37 degC"):
        cold.require(None, -180.0)


def test_a_probe_that_nobody_described_cannot_be_simulated(own: Path) -> None:
    with pytest.raises(BadInput, match=r"no row tells its energy.*give the device 'cryoprobe_2_4mm'"):
        applicator_of("cryoprobe_2_4mm")
    with pytest.raises(UnknownName, match="did you mean 'generic_microwave'"):
        applicator_of("generic_microwav")
    with pytest.raises(BadInput, match="no row tells its energy"):
        applicator_of("own_needle", load_applicators(own).devices)


def test_a_centre_describes_its_own_probe(tmp_path: Path) -> None:
    more = """\
      energy: {value: cold, unit: "1", status: unverified, note: instructions for use}
      active_mm: {value: 25, unit: mm, status: unverified, note: instructions for use}
"""
    path = tmp_path / "zones.yaml"
    path.write_text(OWN.replace("zones:\n", f"{more}zones:\n"), encoding="utf-8")
    with pytest.raises(BadInput, match="needle of this hospital: 'cold' needs wall_degC; enter it"):
        applicator_of("own_needle", load_applicators(path).devices)
    more += "      wall_degC: {value: -90, unit: degC, status: unverified, note: measured here}\n"
    path.write_text(OWN.replace("zones:\n", f"{more}zones:\n"), encoding="utf-8")
    one = applicator_of("own_needle", load_applicators(path).devices)
    assert (one.energy, one.active_mm, one.cooling_W, one.stamps) == ("cold", 25.0, None, ("unverified",))
