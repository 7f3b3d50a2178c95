"""Air, fat, muscle, blood and cortical bone of the patient, measured where they are what they seem to be.

Left out: padding and constant fill (never air), the lesion, metal with its halo, cement, blood under
contrast, and cortex that is thinner than the voxels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage

from osteoplan.anatomy.structures import body_surface
from osteoplan.arrays import F32, Array, Mask
from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.structures import kind_of
from osteoplan.knowledge.values import known, number
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.calibration import ReferenceRegion
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["TISSUES", "contrast_seen", "pointed_at", "tissues"]

TISSUES = ("air", "adipose", "muscle", "blood", "bone")


def tissues(
    ct: Volume,
    *,
    labels: LabelMap | None = None,
    contrast: bool | None = None,
    exclude: Mask | None = None,
    patient: Mask | None = None,
) -> dict[str, ReferenceRegion]:
    """Tissue -> what was measured; a tissue that was not found is absent, one left out says why.

    Args:
        labels: bones, vessels and muscles, on the CT's grid.
        contrast: True leaves blood out.
        exclude: lesion, cement: True where nothing is measured.
        patient: the patient without the table; found here where it is not given.
    """
    scan = _Slices.of(ct, labels, exclude, patient)
    found = {
        "air": _air(scan),
        "adipose": _fat(scan),
        "muscle": _muscle(scan),
        "blood": _blood(scan, contrast),
        "bone": _bone(scan),
    }
    return {name: region for name, region in found.items() if region is not None}


def contrast_seen(
    ct: Volume, labels: LabelMap | None, acquisition: Acquisition | None
) -> tuple[bool | None, str]:
    """Was a contrast agent given?  And by which sign; None where neither a vessel nor the scanner tells."""
    limit = number("calibration.contrast_vessel_HU")
    for name in _names("blood_labels") if labels is not None else ():
        values = _labelled(ct, labels, name)
        if values.size >= number("calibration.tissue_voxels_min") and np.median(values) > limit:
            return True, f"{name} reads {np.median(values):.0f} HU (above {limit:g})"
    if acquisition is not None and acquisition.contrast:
        return True, "the scanner recorded a contrast agent"
    if labels is not None and any(labels.has(name) for name in _names("blood_labels")):
        return False, ""
    return (False, "") if acquisition is not None and acquisition.contrast is False else (None, "")


def pointed_at(ct: Volume, regions: Mapping[str, Any]) -> dict[str, ReferenceRegion]:
    """Tissues measured in spheres that somebody pointed at: ``{air: {at_mm: [x, y, z], radius_mm: 4}, ...}``.

    Raises:
        BadInput: off the scan, too small, or padding.
        UnknownName: a tissue or key that does not exist.
    """
    found = {}
    for name, sphere in regions.items():
        if name not in TISSUES:
            raise UnknownName("tissue", str(name), TISSUES, "images.calibration.regions")
        if not isinstance(sphere, Mapping) or "at_mm" not in sphere:
            raise BadInput(f"images.calibration.regions: {name} needs at_mm: [x, y, z] (LPS mm)")
        for key in set(sphere) - {"at_mm", "radius_mm"}:
            raise UnknownName("key", str(key), ("at_mm", "radius_mm"), f"images.calibration.regions.{name}")
        found[name] = _sphere(ct, name, sphere)
    return found


def _sphere(ct: Volume, name: str, sphere: Mapping[str, Any]) -> ReferenceRegion:
    at = np.asarray(sphere["at_mm"], dtype=np.float64)
    radius = float(sphere.get("radius_mm", number("calibration.region_radius_mm")))
    if at.shape != (3,) or np.pi * radius**2 < number("calibration.tissue_area_min_mm2"):
        raise BadInput(
            f"images.calibration.regions: {name} needs a point of three numbers and 10 mm2 or more"
        )
    reach = radius / ct.spacing_mm
    low, high = np.floor(ct.indices(at) - reach).astype(int), np.ceil(ct.indices(at) + reach).astype(int) + 1
    crop = ct.crop(low, high)
    inside = (
        np.linalg.norm(crop.positions_mm(np.moveaxis(np.indices(crop.shape), 0, -1)) - at, axis=-1) <= radius
    )
    values = crop.array[inside].astype(np.float64)
    if values.size < 8:
        raise BadInput(f"the region of {name} holds {values.size} voxels of the scan: move or widen it")
    if (values <= number("calibration.padding_below_HU")).any():
        raise BadInput(f"the region of {name} holds padding (nothing scanned reads so low): move it")
    return ReferenceRegion(
        name, values.size, float(values.mean()), float(values.std()),
        at_mm=(float(at[0]), float(at[1]), float(at[2])),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Slices:
    """Evenly spread slices, slice axis first; masks on the same voxels.

    Attributes:
        edge_mm: edge of a voxel within a slice.
        free: neither excluded nor near metal.
        numbers: label numbers, with the names in ``labels``.
    """

    values: F32
    patient: Mask
    free: Mask
    edge_mm: float
    numbers: Array | None
    labels: LabelMap | None

    @classmethod
    def of(cls, ct: Volume, labels: LabelMap | None, exclude: Mask | None, patient: Mask | None) -> _Slices:
        axis = int(np.argmax(np.abs(ct.direction[2])))
        step = max(1, ct.shape[axis] // int(number("calibration.slices_read")))
        if labels is not None:
            ct.require_same_grid(labels.volume, what="the label map")

        def some(array: Array) -> Array:
            return np.ascontiguousarray(np.moveaxis(array, axis, 0)[step // 2 :: step])

        values = some(ct.array).astype(np.float32)
        affine = np.eye(4)
        affine[:3, :3] = np.diag([ct.spacing_mm[axis], *np.delete(ct.spacing_mm, axis)])[[1, 2, 0]]
        body = some(patient) if patient is not None else _patient(Volume(values, affine, "HU"))
        edge = float(np.delete(ct.spacing_mm, axis).max())
        metal = (values > number("calibration.metal_HU")) & body
        wide = _grown(metal, number("calibration.metal_halo_mm"), edge)
        free = ~wide if exclude is None else ~(wide | some(exclude))
        numbers = None if labels is None else some(labels.volume.array)
        return cls(values, body, free, edge, numbers, labels)

    def labelled(self, names: Iterable[str]) -> Mask | None:
        """Voxels of these structures, without borders and what is left out; None where none is labelled."""
        if self.labels is None or self.numbers is None:
            return None
        wanted = [self.labels.values[name] for name in names if self.labels.has(name)]
        if not wanted:
            return None
        return (
            _shrunk(np.isin(self.numbers, wanted), number("calibration.label_erosion_mm"), self.edge_mm)
            & self.free
        )


def _patient(slices: Volume) -> Mask:
    """The patient on every slice; all of it where the scan shows no air outside."""
    return body_surface(slices, number("vertebra.skin_threshold_HU"))


def _air(scan: _Slices) -> ReferenceRegion | None:
    """Air beside the patient, away from skin, table and padding."""
    low, high = (number(f"calibration.air_{end}_HU") for end in ("low", "high"))
    smooth = ndimage.uniform_filter(scan.values, (1, 3, 3))
    airy = (smooth > low) & (smooth < high) & ~scan.patient
    airy &= scan.values > number("calibration.padding_below_HU")
    airy &= ~_constant(scan.values)
    where = _shrunk(airy, number("calibration.air_gap_mm"), scan.edge_mm)
    return _region("air", scan.values[where])


def _fat(scan: _Slices) -> ReferenceRegion | None:
    """The peak of fat in a layer below the skin."""
    near, far = (number(f"calibration.fat_depth_{end}_mm") for end in ("low", "high"))
    layer = _shrunk(scan.patient, near, scan.edge_mm) & ~_shrunk(scan.patient, far, scan.edge_mm)
    return _peak("adipose", scan.values[layer & scan.free], "fat")


def _muscle(scan: _Slices) -> ReferenceRegion | None:
    """The peak of labelled muscles, else that of all soft tissue of the patient."""
    where = scan.labelled(_names("muscle_labels"))
    region = None if where is None else _peak("muscle", scan.values[where], "muscle")
    if region is not None:
        return region
    inside = _shrunk(scan.patient, number("calibration.fat_depth_low_mm"), scan.edge_mm) & scan.free
    region = _peak("muscle", scan.values[inside], "muscle")
    note = "no muscle is labelled: the peak of all soft tissue was taken"
    return None if region is None else replace(region, note=note)


def _blood(scan: _Slices, contrast: bool | None) -> ReferenceRegion | None:
    """Blood of the widest vessels; measured under contrast too, to be shown, and not used then."""
    for name in _names("blood_labels"):
        where = scan.labelled((name,))
        region = None if where is None else _region("blood", scan.values[where])
        if region is not None:
            if contrast:
                return replace(region, used=False, note=f"{name} holds contrast agent: left out")
            return replace(region, note=name)
    return None


def _bone(scan: _Slices) -> ReferenceRegion | None:
    """The densest cortex, away from its borders; left out where even that is blurred with marrow."""
    where = scan.patient & scan.free
    if scan.labels is not None and scan.numbers is not None:
        bones = [number for name, number in scan.labels.values.items() if kind_of(name) == "bone"]
        where &= np.isin(scan.numbers, bones) if bones else True
    dense = where & (scan.values > number("calibration.cortex_HU"))
    core = ndimage.binary_erosion(dense, _IN_SLICE)
    values = scan.values[core]
    if values.size < number("calibration.tissue_voxels_min"):
        return None
    cut = np.quantile(values, 1.0 - number("calibration.cortex_share"))
    region = _region("bone", values[values >= cut])
    if region is None or region.mean_HU >= number("calibration.cortex_thin_HU"):
        return region
    why = f"the densest cortex reads {region.mean_HU:.0f} HU, blurred with marrow (partial volume): left out"
    return replace(region, used=False, note=why)


_IN_SLICE = np.zeros((3, 3, 3), dtype=bool)
_IN_SLICE[1, 1, :] = _IN_SLICE[1, :, 1] = True


def _constant(values: F32) -> Mask:
    """Voxels whose neighbours within the slice all have their very value: filled in, not scanned."""
    size = (1, 3, 3)
    same: Mask = ndimage.maximum_filter(values, size) == ndimage.minimum_filter(values, size)
    return same


def _shrunk(mask: Mask, mm: float, edge_mm: float) -> Mask:
    times = max(1, round(mm / edge_mm))
    smaller: Mask = ndimage.binary_erosion(mask, _IN_SLICE, iterations=times)
    return smaller


def _grown(mask: Mask, mm: float, edge_mm: float) -> Mask:
    if not mask.any():
        return mask
    larger: Mask = ndimage.binary_dilation(mask, _IN_SLICE, iterations=max(1, round(mm / edge_mm)))
    return larger


def _region(name: str, values: F32) -> ReferenceRegion | None:
    """Median and sd of enough voxels."""
    if values.size < number("calibration.tissue_voxels_min"):
        return None
    return ReferenceRegion(name, values.size, float(np.median(values)), float(values.std(dtype=np.float64)))


def _peak(name: str, values: F32, window: str) -> ReferenceRegion | None:
    """Voxels about the highest point of the histogram within a tissue's window."""
    low, high = (number(f"calibration.{window}_{end}_HU") for end in ("low", "high"))
    counts, edges = np.histogram(values, np.arange(low, high + 1.0, 2.0))
    if counts.sum() < number("calibration.tissue_voxels_min"):
        return None
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 3.0, mode="constant")
    top = edges[int(np.argmax(smooth))] + 1.0
    near = values[np.abs(values - top) <= number("calibration.peak_half_width_HU")].astype(np.float64)
    return ReferenceRegion(name, near.size, float(near.mean()), float(near.std()))


def _labelled(ct: Volume, labels: LabelMap | None, name: str) -> Array:
    """Values of a structure without its outermost voxels; empty where it is not labelled."""
    if labels is None or not labels.has(name):
        return np.zeros(0)
    box = labels.box(name)
    mask = ndimage.binary_erosion(labels.volume.array[box] == labels.values[name])
    return np.asarray(ct.array[box][mask])


def _names(key: str) -> tuple[str, ...]:
    return tuple(str(known(f"calibration.{key}").value).split())
