import numpy as np
import pytest

from osteoplan.anatomy.phantom import LABELS, SPINE, VERTEBRAE, spine_phantom
from tests.made_lesion import simulate_lesion


@pytest.fixture(scope="module")
def phantom():
    return spine_phantom(seed=1)


@pytest.fixture(scope="module")
def around_t12(phantom):
    """Left, posterior and superior of T12's body centre [mm] for every voxel."""
    ct = phantom[0]
    found = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1)) - SPINE.origin_mm
    return np.moveaxis(found, -1, 0)


def centroid(phantom, name):
    _, labels, names = phantom
    return labels.positions_mm(np.argwhere(labels.array == names[name])).mean(axis=0)


def test_ct_and_labels_are_on_one_small_grid(phantom):
    ct, labels, names = phantom
    assert (ct.array.dtype, labels.array.dtype) == (np.int16, np.uint8)
    assert (ct.meaning, labels.meaning) == ("HU", "label")
    assert ct.same_grid(labels)
    assert len(set(ct.spacing_mm)) > 1
    assert set(np.unique(labels.array)) == {0, *names.values()}


def test_names_and_values_are_those_of_the_real_label_map(phantom, data):
    rows = (data / "chest_spine" / "structures.csv").read_text(encoding="utf-8").splitlines()[1:]
    real = {name: int(value) for _, _, name, value in (row.split(",") for row in rows)}
    assert phantom[2] == {name: real[name] for name in LABELS}


def test_left_is_left_front_is_front_and_up_is_up(phantom):
    spine = centroid(phantom, "vertebrae_T12")
    aorta = centroid(phantom, "aorta")
    assert aorta[0] > spine[0] + 5  # +x is the patient's left
    assert aorta[1] < spine[1] - 30  # -y is anterior
    assert centroid(phantom, "lung_lower_lobe_left")[0] > spine[0] + 50
    assert centroid(phantom, "lung_lower_lobe_right")[0] < spine[0] - 50
    assert centroid(phantom, "vertebrae_T11")[2] > spine[2] + 25
    assert centroid(phantom, "vertebrae_L1")[2] < spine[2] - 25
    assert centroid(phantom, "spinal_cord")[1] > spine[1] + 5


def test_spinous_process_points_backward_and_down(phantom):
    _, labels, names = phantom
    bone = labels.positions_mm(np.argwhere(labels.array == names["vertebrae_T12"])) - SPINE.origin_mm
    tip = bone[bone[:, 1] > bone[:, 1].max() - 4]
    assert tip[:, 1].mean() > 50
    assert np.abs(tip[:, 0]).max() < 5
    assert tip[:, 2].mean() < -5


def test_no_vertebra_is_cut_by_the_edge_of_the_scan(phantom):
    _, labels, names = phantom
    for level in VERTEBRAE:
        where = np.argwhere(labels.array == names[f"vertebrae_{level}"])
        assert (where.min(axis=0) > 0).all()
        assert (where.max(axis=0) < np.array(labels.shape) - 1).all()


def test_t12_has_the_size_of_a_vertebra(phantom, around_t12):
    _, labels, names = phantom
    left, back, up = around_t12
    bone = labels.array == names["vertebrae_T12"]
    body = bone & (back < 13.0)
    middle = body & (np.abs(up) < 1)
    widths = [np.ptp(p[body]) for p in (left, up)]
    assert widths == pytest.approx([40.0, 25.0], abs=2.5)
    assert np.ptp(back[middle & (np.abs(left) < 2)]) == pytest.approx(26.0, abs=2.0)  # waist and hollow
    plate = body & (np.abs(up) > 10)
    assert np.ptp(left[plate]) - np.ptp(left[middle]) >= 2.0  # a waist
    assert bone.sum() * labels.voxel_volume_mm3 / 1000 == pytest.approx(32.0, abs=8.0)


def test_pedicles_are_eight_wide_and_the_canal_twenty_by_sixteen(phantom, around_t12):
    _, labels, names = phantom
    left, back, up = around_t12
    bone = labels.array == names["vertebrae_T12"]
    row = (np.abs(up - 4.0) < 0.8) & (np.abs(back - 19.0) < 0.6)  # across both pedicles
    for sign in (1, -1):
        tube = bone & row & (sign * left > 0)
        assert np.ptp(left[tube]) + 1 == pytest.approx(8.0, abs=1.1)
        assert np.abs(left[tube]).min() == pytest.approx(10.0, abs=1.1)
    middle = bone & (np.abs(up - 1.0) < 0.8) & (np.abs(left) < 0.6)
    wall, lamina = back[middle & (back < 21.0)].max(), back[middle & (back > 21.0)].min()
    assert lamina - wall - 1 == pytest.approx(16.0, abs=1.1)


def test_the_canal_holds_no_bone(phantom, around_t12):
    ct, labels, names = phantom
    left, back, up = around_t12
    v = VERTEBRAE["T12"]
    a, b = v.canal_half
    from_axis = np.hypot(left / a, (back - v.canal_centre) / b)
    canal = (from_axis < 1) & (np.abs(up) < 15)
    assert canal.sum() * ct.voxel_volume_mm3 == pytest.approx(np.pi * a * b * 30, rel=0.05)
    vertebrae = [names[f"vertebrae_{level}"] for level in VERTEBRAE]
    assert not np.isin(labels.array[canal], vertebrae).any()
    assert np.percentile(ct.array[from_axis < 0.8], 99) < 130


def test_discs_fill_the_space_between_the_bodies(phantom, around_t12):
    ct = phantom[0]
    left, back, up = around_t12
    middle = VERTEBRAE["T12"].body_half[2] + SPINE.disc_mm / 2
    within = np.hypot(left / 15, (back + 1) / 11.5) < 1
    for side in (up, -up):
        gap = ct.array[within & (np.abs(side - middle) < SPINE.disc_mm / 2)]
        assert gap.min() > 0  # no fat between disc and endplate
        assert np.median(ct.array[within & (np.abs(side - middle) < 1.5)]) == pytest.approx(
            SPINE.disc_HU, abs=15
        )


@pytest.mark.parametrize(("level", "sign"), [("T11", 1.0), ("L1", -1.0)])
def test_the_canal_follows_the_bend(phantom, around_t12, level, sign):
    _, labels, names = phantom
    left, back, up = around_t12
    v, bend = VERTEBRAE[level], sign * np.radians(SPINE.bend_deg)
    gap = VERTEBRAE["T12"].body_half[2] + SPINE.disc_mm + v.body_half[2]
    back, up = back + gap * np.sin(abs(bend) / 2), up - sign * gap * np.cos(bend / 2)
    turned = np.cos(bend) * back + np.sin(bend) * up
    canal = np.hypot(left / v.canal_half[0], (turned - v.canal_centre) / v.canal_half[1]) < 1
    assert not (canal & (labels.array == names[f"vertebrae_{level}"])).any()


def test_hu_are_plausible(phantom, around_t12):
    ct, labels, names = phantom
    left, back, up = around_t12
    inside = {name: ct.array[labels.array == value] for name, value in names.items()}
    assert np.median(inside["aorta"]) == pytest.approx(SPINE.aorta_HU, abs=10)
    assert np.median(inside["lung_lower_lobe_left"]) == pytest.approx(SPINE.lung_HU, abs=10)
    assert np.median(inside["spinal_cord"]) == pytest.approx(SPINE.cord_HU, abs=10)
    marrow = ct.array[(left / 12) ** 2 + (back / 8) ** 2 + (up / 7) ** 2 < 1]
    assert marrow.mean() == pytest.approx(SPINE.trabecular_HU, abs=12)
    assert 18 < marrow.std() < 60
    bone = labels.array == names["vertebrae_T12"]
    cortex = ct.array[bone & (np.abs(up) < 2) & (back < -5) & (np.hypot(left / 18, back / 13.5) > 0.97)]
    assert cortex.size > 30
    assert 300 < np.median(cortex) < 900
    assert ct.array[0, 0].mean() == pytest.approx(SPINE.air_HU, abs=5)
    assert ct.array[0, 0].std() == pytest.approx(SPINE.noise_HU, rel=0.3)


def test_the_two_sides_mirror_each_other(phantom):
    ct, labels, names = phantom
    bone = np.isin(labels.array, [names[f"vertebrae_{level}"] for level in VERTEBRAE])
    middle = ct.indices(SPINE.origin_mm)[0]
    assert middle * 2 == pytest.approx(ct.shape[0] - 1)
    assert np.array_equal(bone, bone[::-1])


def test_the_seed_moves_the_noise_and_not_the_shapes(phantom):
    ct, labels, _ = phantom
    again, same, _ = spine_phantom(seed=1)
    other, shapes, _ = spine_phantom(seed=2)
    assert np.array_equal(ct.array, again.array)
    assert np.array_equal(labels.array, same.array)
    assert np.array_equal(labels.array, shapes.array)
    assert not np.array_equal(ct.array, other.array)


def test_the_stack_bends_forward_above_and_below(phantom):
    _, labels, names = phantom
    front = {}
    for level in VERTEBRAE:
        bone = labels.positions_mm(np.argwhere(labels.array == names[f"vertebrae_{level}"]))
        centre = centroid(phantom, f"vertebrae_{level}")
        near = bone[(np.abs(bone[:, 0] - centre[0]) < 2) & (bone[:, 1] < SPINE.origin_mm[1])]
        # the front wall's slope: forward (-y) per mm up, by the foremost voxel of every slice
        slices = np.unique(near[:, 2])
        walls = [near[near[:, 2] == z][:, 1].min() for z in slices]
        front[level] = np.polyfit(slices, walls, 1)[0]
    assert front["T11"] < -0.02
    assert front["L1"] > 0.02
    assert abs(front["T12"]) < 0.02


def test_a_simulated_lesion_fits_into_the_phantom(phantom):
    ct, labels, names = phantom
    lesion = simulate_lesion(
        ct, labels.array == names["vertebrae_T12"], centre_mm=SPINE.origin_mm, axes_mm=(22, 18, 17),
        frame_axes=np.eye(3), matrix="lytic", seed=12,
    )  # fmt: skip
    assert lesion.truth["volume_mL"] == pytest.approx(np.pi / 6 * 22 * 18 * 17 / 1000, rel=0.05)
    assert lesion.truth["noise_HU"] == pytest.approx(SPINE.noise_HU, rel=0.5)
