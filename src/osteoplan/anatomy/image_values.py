"""Whether the numbers of an image can be what its header says they are: HU, or density.

A lost offset, a window, a wrong sign or unit leaves a picture that looks right.  What is always known
of a CT is asked here: air reads -1000 where air is seen, fat and muscle lie near 0, bone is brighter, one
slice is like the next.  A crop inside the body, padding and an image cut to a bone hold no air and pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from osteoplan.errors import BadInput
from osteoplan.knowledge.structures import kind_of
from osteoplan.knowledge.values import number
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["gas_in_bone", "require_bone_size", "require_plausible"]

Array = npt.NDArray[Any]
SAMPLED = 2_000_000  # voxels that are enough for a share of one in a thousand


def require_plausible(image: Volume, *, what: str = "the CT") -> None:
    """Refuse an image whose numbers cannot be of its meaning; other meanings than HU and density pass.

    Raises:
        BadInput: what was seen, why it cannot be, and what to do.
    """
    if image.array.size == 0 or not (image.meaning == "HU" or image.meaning.startswith("mg")):
        return
    low, high = float(image.array.min()), float(image.array.max())
    thin = max(1, round((image.array.size / SAMPLED) ** (1 / 3)))
    seen = image.array[::thin, ::thin, ::thin].ravel()
    wrong = _not_HU(seen, low, high) if image.meaning == "HU" else _not_density(seen, high)
    wrong = wrong or _odd_slice(image)
    if wrong:
        raise BadInput(f"{what}: {wrong}")


def gas_in_bone(ct: Volume, labels: LabelMap) -> tuple[str, ...]:
    """A note for each labelled bone with air-like voxels: gas, or metal that left the range of the file."""
    if ct.meaning != "HU":
        return ()
    said = []
    for name in labels.present():
        if kind_of(name) != "bone":
            continue
        box = labels.box(name)
        inside = labels.volume.array[box] == labels.values[name]
        mL = float((ct.array[box][inside] < number("images.gas_HU")).sum()) * ct.voxel_volume_mm3 / 1000
        if mL >= number("images.gas_mL"):
            said.append(
                f"{name} holds {mL:.1f} mL that read as air: gas, or metal brighter than the file can hold; "
                "look at the pictures, its strength is not that of a whole bone"
            )
    return tuple(said)


def require_bone_size(labels: LabelMap, *, what: str) -> None:
    """Refuse a label map whose largest bone is far too small or large: lengths in another unit.

    Stray voxels of a bone that the scan cuts are common, so only the largest is asked.

    Raises:
        BadInput: how much it holds.
    """
    array, per_mL = labels.volume.array, labels.volume.voxel_volume_mm3 / 1000
    held = {
        name: np.count_nonzero(array[labels.box(name)] == labels.values[name]) * per_mL
        for name in labels.present()
        if kind_of(name) == "bone"
    }
    if not held:
        return
    name = max(held, key=lambda bone: held[bone])
    low, high = number("images.largest_bone_min_mL"), number("images.largest_bone_max_mL")
    if not low <= held[name] <= high:
        raise BadInput(
            f"{what}: {name}, its largest bone, holds {held[name]:.2g} mL, which is not {low:g} to {high:g}: "
            "are its lengths in cm, not mm? correct unit or spacing, or export scan and labels again"
        )


def _not_HU(seen: Array, low: float, high: float) -> str:
    """Why these cannot be HU; empty where they can."""
    if high > number("images.HU_max") or low < -number("images.HU_max") - 1:
        return (
            f"values reach from {low:.0f} to {high:.0f}, which no CT does: signed values under an unsigned "
            "header, or a damaged file; export it again"
        )
    if low >= 0 and high <= 255:
        return (
            f"values run from {low:.0f} to {high:.0f}, labels or an 8 bit picture and not HU (air must read "
            "near -1000); export the CT itself, not a windowed picture"
        )
    body = seen[seen >= number("images.padding_below_HU")]
    if body.size == 0:
        return "every voxel is padding; export it again"
    return (
        _darker_than_air(seen)
        or _cut_off(body, high)
        or _shifted(body)
        or _without_bone(high)
        or _without_fat(body)
    )


def _darker_than_air(seen: Array) -> str:
    dark = np.rint(seen[seen < number("images.padding_below_HU")])
    if 100 * dark.size < number("images.darker_than_air_pct") * seen.size:
        return ""
    _, counts = np.unique(dark, return_counts=True)
    if 100 * counts.max() >= number("images.padding_values_min_pct") * dark.size:
        return ""
    soft = np.abs(seen) < number("images.soft_tissue_max_HU")
    if np.median(dark) > number("images.noise_of_air_HU") and 100 * soft.mean() >= number(
        "images.soft_min_pct"
    ):
        return ""  # noise of air beside tissue that reads right
    return (
        f"{100 * dark.size / seen.size:.0f} % of the voxels read darker than air (median "
        f"{np.median(dark):.0f} HU, air is -1000): the offset was subtracted twice, or these are no HU; "
        "export it again"
    )


def _cut_off(body: Array, high: float) -> str:
    """Values that pile up at an end of the range."""
    low = float(body.min())
    share = 100 * float((body == low).mean())
    if low > number("images.air_max_HU") and share >= number("images.cut_off_low_pct"):
        return (
            f"{share:.0f} % of the voxels read exactly {low:.0f} HU, the lowest value, and air must read "
            "near -1000: the image was windowed, masked with 0 or lost its offset; export it in HU"
        )
    share = 100 * float((body == high).mean())
    if high <= number("images.cut_off_high_HU") and share >= number("images.cut_off_high_pct"):
        return (
            f"{share:.1f} % of the voxels read exactly {high:.0f} HU, the highest value, and bone is "
            "brighter: the image was windowed; export it in HU"
        )
    return ""


def _shifted(body: Array) -> str:
    """Fat and muscle where 1024 or more would be added to them, and nothing as dark as fat but padding."""
    padding = body == body.min()
    if 100 * padding.mean() >= number("images.cut_off_low_pct") and not padding.all():
        body = body[~padding]
    dark = float(np.percentile(body, number("images.dark_pct")))
    bright = body[body > number("images.body_min_HU")]
    if dark <= number("images.dark_min_HU") or bright.size == 0:
        return ""
    middle = float(np.median(bright))
    low, high = number("images.shifted_low_HU"), number("images.shifted_high_HU")
    if not low < middle < high and dark < number("images.nothing_dark_HU"):
        return ""
    return (
        f"the darkest voxels read {dark:.0f} HU and soft tissue {middle:.0f} HU, where air reads -1000 and "
        "soft tissue about 40: the offset (rescale intercept, often -1024) was lost; export it in HU"
    )


def _without_bone(high: float) -> str:
    if high >= number("images.bone_min_HU"):
        return ""
    return f"no voxel is brighter than {high:.4g} HU: no bone is in it, or these are no HU; export it in HU"


def _without_fat(body: Array) -> str:
    if body.min() < 0 or body.size < number("images.voxels_with_fat"):
        return ""
    return (
        f"no voxel reads below 0 HU (lowest {body.min():.0f}), where fat reads -100 and air -1000: an MR, a "
        "lost offset or a windowed picture; export the CT in HU"
    )


def _not_density(seen: Array, high: float) -> str:
    if high < number("images.density_least"):
        return (
            f"no voxel reaches {number('images.density_least'):.0f} mg/cm3 (highest {high:.4g}): is it in "
            "g/cm3? give mg/cm3"
        )
    share = 100 * float((seen > number("images.density_bone_max")).mean())
    if share >= number("images.density_above_pct"):
        return (
            f"{share:.0f} % of the voxels are denser than {number('images.density_bone_max'):.0f} mg/cm3, "
            "more than any bone: are these HU or another unit? give mg/cm3"
        )
    return ""


def _odd_slice(image: Volume) -> str:
    """A slice that lies beside both its neighbours, or the first of several that are all shifted.

    Along the patient, as slices are taken: across, a gap between two legs would be such a slice.
    """
    axis = int(np.abs(image.direction[2]).argmax())
    slices = np.moveaxis(image.array, axis, 0)[:, ::4, ::4]
    least = number("images.aerated_HU") if image.meaning == "HU" else 0.0  # densities are zeroed around bone
    for at in range(1, len(slices) - 1):
        jump = _jump(slices[at - 1], slices[at], slices[at + 1], least)
        if abs(jump) > number("images.slice_beside"):
            zero = image.meaning == "HU" and not slices[at].any()
            cut = ", cut out with 0, density (then give --calibration density)" if zero else ""
            lies = f"lies {abs(jump):.0f} {'above' if jump > 0 else 'below'} both its neighbours"
            return (
                f"slice {at + 1} along {'ijk'[axis]} {'is blank' if np.isinf(jump) else lies}: it is "
                f"damaged{cut} or was rescaled otherwise; export the series again"
            )
    for at in range(len(slices) - 1):
        step = _step(slices[at], slices[at + 1])
        if abs(step) > number("images.slice_jump"):
            return (
                f"every voxel reads {step:+.0f} from slice {at + 1} to slice {at + 2} along {'ijk'[axis]}: "
                "slices "
                "were rescaled differently; export the whole series again"
            )
    return ""


def _jump(below: Array, here: Array, above: Array, least: float) -> float:
    """By how much three quarters of a slice's tissue lie beyond both neighbours; 0 where they do not."""
    tissue = np.minimum(below, above) > least
    if tissue.sum() < 16:
        return 0.0
    away = here[tissue].astype(np.float64)
    if np.ptp(here) == 0:
        return np.inf  # blank within the body
    low, high = np.percentile([away - below[tissue], away - above[tissue]], [25, 75], axis=1)
    return float(low.min() if low.min() > 0 else min(high.max(), 0.0))


def _step(one: Array, other: Array) -> float:
    """What a whole slice is brighter than its neighbour; 0 where that differs from place to place.

    Slices of air or of one tissue alone tell nothing: at the flat end of a body all of a slice differs.
    """
    seen = (one >= number("images.padding_below_HU")) & (other >= number("images.padding_below_HU"))
    if seen.sum() < 16:
        return 0.0
    one, other = one[seen].astype(np.float64), other[seen]
    if min(np.ptp(np.percentile(slice_, [5, 95])) for slice_ in (one, other)) < number(
        "images.tissues_apart"
    ):
        return 0.0
    first, middle, third = np.percentile(other - one, [25, 50, 75])
    spread = number("images.slice_jump_spread") + number("images.slice_jump_spread_part") * abs(middle)
    return float(middle) if third - first < spread else 0.0
