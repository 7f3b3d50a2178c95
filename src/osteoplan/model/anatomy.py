"""The bone and its neighbourhood, on one grid.

Masks are boolean arrays on ``Anatomy.image``'s grid (a crop of the CT, with the CT's own voxels).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import F64, Mask
from osteoplan.model.case import Calibration, Lesion
from osteoplan.model.volume import Volume

__all__ = ["Anatomy", "BoneFrame", "Implant", "ImplantKind", "Structure", "StructureKind"]

StructureKind = Literal["canal", "nerve", "vessel", "pleura", "bowel", "organ", "bone", "joint"]


@dataclass(frozen=True, eq=False)
class BoneFrame:
    """Axes and landmarks of a bone in patient space.

    ``axes`` holds unit vectors in rows: to the patient's left, to posterior, to superior (right-handed, LPS
    turned to the bone), whichever side the bone is on.

    Attributes:
        origin_mm: (3,) LPS; the centroid of the vertebral body, the centre of the femoral head ...
        axes: (3, 3) unit vectors in rows.
        kind: which frame it is: ``vertebra``, ``sacrum``, ``hemipelvis``, ``acetabulum``, ``proximal_femur``,
            ``femoral_shaft``, ``proximal_humerus``, ``humeral_shaft``.
        landmarks_mm: named LPS points, e.g. ``head_centre``; each frame's maker documents its own.
        lengths_mm: named lengths, e.g. ``head_radius``.
    """

    origin_mm: F64
    axes: F64
    kind: str = "vertebra"
    landmarks_mm: Mapping[str, F64] = field(default_factory=dict)
    lengths_mm: Mapping[str, float] = field(default_factory=dict)

    @property
    def left(self) -> F64:
        """(3,) unit vector to the patient's left."""
        axis: F64 = self.axes[0]
        return axis

    @property
    def posterior(self) -> F64:
        """(3,) unit vector to posterior."""
        axis: F64 = self.axes[1]
        return axis

    @property
    def superior(self) -> F64:
        """(3,) unit vector to superior."""
        axis: F64 = self.axes[2]
        return axis

    def local(self, positions_mm: npt.ArrayLike) -> F64:
        """(..., 3) LPS positions -> (..., 3) (left, posterior, superior) of the bone [mm]."""
        return (np.asarray(positions_mm, dtype=np.float64) - self.origin_mm) @ self.axes.T

    def world(self, local_mm: npt.ArrayLike) -> F64:
        """(..., 3) bone coordinates -> (..., 3) LPS positions [mm]."""
        return np.asarray(local_mm, dtype=np.float64) @ self.axes + self.origin_mm


@dataclass(frozen=True, eq=False)
class Structure:
    """Something a needle must avoid.

    Attributes:
        given: True for a labelled structure, False for one derived here (printed *derived*).
        because: how a derived structure came about, in words; "" for a given one.
    """

    name: str
    kind: StructureKind
    mask: Mask
    given: bool
    because: str = ""


ImplantKind = Literal["metal", "cement", "stent"]


@dataclass(frozen=True, eq=False)
class Implant:
    """Metal, cement or a stent that is in the patient already.

    Attributes:
        mask: (ni, nj, nk) bool on the grid that was searched.
        max_HU: highest CT number in it.
        because: by what it was recognised, in words.
    """

    kind: ImplantKind
    mask: Mask
    max_HU: float
    volume_mL: float
    because: str = ""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One lesion's bone, measured and ready for techniques and physics.

    Attributes:
        bone: e.g. ``vertebra_T12``.
        image: the CT now, cropped to bone and skin path; meaning HU or mgK2HPO4/cm3.
        image_intact: the same grid without the lesion.
        intact_basis: how ``image_intact`` came about, in words.
        calibration: image -> density.
        bone_mask: the whole bone, lesion included.
        parts: ``body``, ``arch``, ``pedicle_left``, ``pedicle_right`` (pedicles lie inside the arch).
        lesion_mask: the lesion, as given (may reach beyond the bone).
        structures: what to avoid; the spinal canal is always among them.
        body_surface: patient inside True (skin is its edge).
        frame: axes of the bone.
        frames: every frame of this bone by its kind; ``frame`` is the first of them.
        posterior_wall_mm: (n, 3) LPS points of the back of the vertebral body; empty for another bone.
        implants: metal, cement and stents in the image; they are left out of calibration and strength.
        on_scan: names of everything that is labelled anywhere on the scan: what is not here is far.
        neighbour_frames: frames of the other bones that corridors run between, by canonical label and kind.
        isocentre_mm: middle of the whole scan, where the scanner's axis runs; None where nobody said.
        coarse: what a reader of numbers from a coarse scan must know; empty for a fine one.
        seeded: True where the bone was grown from a point, so that nobody checked its outline.
        alerts: what nobody checked and the first page of everything must say.
    """

    bone: str
    lesion: Lesion
    image: Volume
    image_intact: Volume
    intact_basis: str
    calibration: Calibration
    bone_mask: Mask
    parts: Mapping[str, Mask]
    lesion_mask: Mask
    structures: tuple[Structure, ...]
    body_surface: Mask
    frame: BoneFrame
    posterior_wall_mm: F64
    warnings: tuple[str, ...] = field(default=())
    frames: Mapping[str, BoneFrame] = field(default_factory=dict)
    implants: tuple[Implant, ...] = ()
    on_scan: tuple[str, ...] = ()
    neighbour_frames: Mapping[str, Mapping[str, BoneFrame]] = field(default_factory=dict)
    isocentre_mm: tuple[float, float, float] | None = None
    coarse: tuple[str, ...] = ()
    seeded: bool = False
    alerts: tuple[str, ...] = ()

    def structure(self, name: str) -> Structure:
        """The structure of that name.

        Raises:
            KeyError: there is none.
        """
        for candidate in self.structures:
            if candidate.name == name:
                return candidate
        raise KeyError(name)

    def of_kind(self, kind: StructureKind) -> tuple[Structure, ...]:
        """All structures of one kind."""
        return tuple(s for s in self.structures if s.kind == kind)

    @property
    def is_vertebra(self) -> bool:
        """True for a vertebra, which has a level that somebody must count."""
        return self.bone.startswith("vertebra_")

    @property
    def level(self) -> str:
        """Level of a vertebra, e.g. ``T12``; of another bone its name in words, e.g. ``left femur``."""
        if self.is_vertebra:
            return self.bone.removeprefix("vertebra_")
        name, _, side = self.bone.partition("_")
        return f"{side} {name}".strip()
