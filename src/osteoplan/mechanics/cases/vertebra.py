"""A vertebra between two caps, compressed or bent forward: builders of its specimens.

The bone is resampled on cubes along its own axes and has end caps on both endplates.  The inferior cap is
held, the superior one stays a plane and moves; x and y are free (the boundary condition that the failure
criterion was published with).

    compression   u_z = -1 mm
    flexion       u_z = theta (y - y_hinge), theta = 1 rad: the cap turns forward about a hinge behind it
                  y to posterior; M = sum f_z (y - y_hinge), and the axial force sum -f_z goes with it

Sources: spineFE-benchmark (Walle 2025) for caps and criterion; Pistoia 2002 for the tissue criterion.
Tests: tests/unit/test_mechanics.py, test_vertebra_flexion.py, tests/analytic/test_published_answers.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Bool, Indices
from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.loads import LoadCase, load_case
from osteoplan.knowledge.values import number
from osteoplan.mechanics.cases.cement_pads import Platen, plane_nodes, platen
from osteoplan.mechanics.checks import require_sound, require_spacing
from osteoplan.mechanics.sampled_image import grid_along_the_bone, inside, sample
from osteoplan.mechanics.specimen import BoundaryConditions, Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.volume import Volume

__all__ = [
    "EndCaps", "build_compression", "build_compression_through_discs", "build_flexion",
    "build_flexion_through_discs", "build_vertebra", "end_caps_of",
]  # fmt: skip


def build_compression(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """The vertebra under its primary load case.

    Raises:
        BadInput, LesionError: as ``build_vertebra``.
    """
    return build_vertebra(anatomy, settings, load_case("vertebra_compression"))


def build_flexion(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """The vertebra bent forward.

    Raises:
        BadInput, LesionError: as ``build_vertebra``.
    """
    return build_vertebra(anatomy, settings, load_case("vertebra_flexion"))


def build_compression_through_discs(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """The vertebra compressed through soft layers instead of cement.

    Raises:
        BadInput, LesionError: as ``build_vertebra``.
    """
    return build_vertebra(anatomy, settings, load_case("vertebra_compression_disc"))


def build_flexion_through_discs(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """The vertebra bent forward through soft layers instead of cement.

    Raises:
        BadInput, LesionError: as ``build_vertebra``.
    """
    return build_vertebra(anatomy, settings, load_case("vertebra_flexion_disc"))


def build_vertebra(anatomy: Anatomy, settings: MechanicsSettings, case: LoadCase) -> Specimen:
    """Mesh the vertebra between end caps, and drive it as the case says.

    Raises:
        BadInput: the body takes no caps, the bone is torn between the caps, or it leaves the image.
        LesionError: the lesion lies outside the bone.
    """
    capped = _Capped.of(anatomy, settings)
    conditions = (
        capped.turned(case.known("hinge_share").number) if case.load_unit == "N mm" else capped.lowered()
    )
    mesh, grid = capped.mesh, capped.grid
    return Specimen(
        anatomy, settings, case, grid, mesh,
        {"now": _values(grid, anatomy.image, mesh), "intact": _values(grid, anatomy.image_intact, mesh)},
        lesion=mesh.of_box(inside(grid, anatomy, anatomy.lesion_mask)), body=mesh.of_box(capped.body),
        end_cap=mesh.of_box(capped.end_caps.elements), conditions=conditions,
        height_mm=capped.end_caps.height_mm,
        counted={
            "loose_elements_left_out": capped.loose,
            "height_mm": round(capped.end_caps.height_mm, 3),
        },
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Capped:
    """A meshed vertebra with its caps: what every way to load it shares.

    Attributes:
        fixed: (n_nodes, 3) unknowns that the machine holds or moves; top: (n_nodes,) the plane that moves.
        loose: elements that were left out.
    """

    grid: Volume
    mesh: Bricks
    body: Bool
    end_caps: EndCaps
    fixed: Bool
    top: Bool
    loose: int

    @classmethod
    def of(cls, anatomy: Anatomy, settings: MechanicsSettings) -> _Capped:
        h = settings.spacing_mm
        require_spacing(h, what="the edge of the finite elements")
        require_sound(anatomy)
        thick, deep, percentile = (
            number(f"vertebra_compression.{name}")
            for name in ("cap_thickness_mm", "cap_depth_mm", "height_percentile")
        )
        grid = grid_along_the_bone(anatomy, h, margin_mm=(0.0, 0.0, thick + h))
        bone, body = (inside(grid, anatomy, mask) for mask in (anatomy.bone_mask, anatomy.parts["body"]))
        body &= bone
        end_caps = end_caps_of(
            body, bone, edge_mm=h, thickness_mm=thick, depth_mm=deep, percentile=percentile
        )
        caps = end_caps.elements
        solid = _one_piece(bone | caps, end_caps, anatomy.level)
        mesh = Bricks.of(solid)
        fixed, top = _held(mesh, end_caps)
        return cls(grid, mesh, body, end_caps, fixed, top, int(bone.sum() + caps.sum() - solid.sum()))

    def lowered(self) -> BoundaryConditions:
        """The superior plane goes down by 1 mm."""
        motion = np.zeros(self.fixed.shape)
        motion[self.top, 2] = -1.0
        return BoundaryConditions(self.fixed, motion, moved="superior cap", load_unit="N", moving=self.top)

    def turned(self, hinge_share: float) -> BoundaryConditions:
        """The superior plane turns forward by 1 rad about a line to the left, at a share of its depth.

        Args:
            hinge_share: place of the hinge: -1 the front of the body, 0 its middle, 1 its back.
        """
        down = self.lowered()
        h = float(np.linalg.norm(self.grid.affine[:3, 1]))
        y = h * self.mesh.nodes[:, 1].astype(np.float64)
        front, back = y[self.top].min(), y[self.top].max()
        hinge = 0.5 * (front + back) + 0.5 * hinge_share * (back - front)
        motion = np.zeros(self.fixed.shape)
        motion[self.top, 2] = (y - hinge)[self.top]
        return replace(
            down, prescribed_mm=motion, moved="superior cap, about a hinge to the left", load_unit="N mm",
            companion_mm=down.prescribed_mm,
        )  # fmt: skip


def _values(grid: Volume, image: Volume, mesh: Bricks) -> F64:
    """(n_elements,) image values."""
    sampled: F64 = mesh.of_box(sample(grid, image))
    if not np.isfinite(sampled).all():
        raise BadInput("the bone or its caps leave the image: load a scan that holds the whole vertebra")
    return sampled


def _one_piece(solid: Bool, end_caps: EndCaps, level: str) -> Bool:
    """The piece (connected over faces) that joins the caps."""
    pieces, _ = ndimage.label(solid)
    shared = np.intersect1d(pieces[end_caps.superior.elements], pieces[end_caps.inferior.elements])
    if shared.size == 0:
        raise BadInput(
            f"{level}: the bone mask is torn between the endplates: no load can pass; check the mask"
        )
    size = np.bincount(pieces.ravel())
    return np.asarray(pieces == max(shared, key=lambda piece: size[piece]))


def _held(mesh: Bricks, end_caps: EndCaps) -> tuple[Bool, Bool]:
    """(fixed unknowns, nodes of the moving plane)."""
    moved = plane_nodes(mesh, end_caps.superior)
    still = np.flatnonzero(plane_nodes(mesh, end_caps.inferior))
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    fixed[moved, 2] = True
    fixed[still, 2] = True
    # Three supports without reaction: they only stop the bone from drifting and turning about the load.
    left, right = still[np.argmax(mesh.nodes[still, 0])], still[np.argmin(mesh.nodes[still, 0])]
    fixed[left, :2] = True
    fixed[right, 1] = True
    return fixed, moved


@dataclass(frozen=True, eq=False)
class EndCaps:
    """Two caps and the body between them; ``height_mm`` is the body's between its endplates."""

    superior: Platen
    inferior: Platen
    height_mm: float

    @property
    def elements(self) -> Bool:
        """(ni, nj, nk) of both caps."""
        return self.superior.elements | self.inferior.elements


def end_caps_of(
    body: Bool, bone: Bool, *, edge_mm: float, thickness_mm: float, depth_mm: float, percentile: float
) -> EndCaps:
    """End caps on the body of a vertebra.

    Args:
        body, bone: (ni, nj, nk) elements; the body is part of the bone.
        edge_mm: of an element along k.
        thickness_mm, depth_mm: of a cap, above and below the highest point of its endplate.
        percentile: H runs between this percentile of the lower and of the upper endplate, from outside.

    Raises:
        BadInput: the box has no room for the caps, or no column is capped at both ends.
    """
    tops, bottoms = _ends(body), body.shape[2] - _ends(body[:, :, ::-1])
    near_top = (tops.max() - tops) * edge_mm <= depth_mm
    near_bottom = (bottoms - bottoms.min()) * edge_mm <= depth_mm
    try:
        superior, inferior = (
            platen(body & near[:, :, None], bone, edge_mm=edge_mm, thickness_mm=thickness_mm, up=up)
            for near, up in ((near_top, True), (near_bottom, False))
        )
    except BadInput as why:
        raise BadInput("the vertebral body leaves no room for its caps: check the body mask") from why
    both = superior.elements.any(axis=2) & inferior.elements.any(axis=2)
    if not both.any():
        raise BadInput(
            "no part of the vertebral body lies between both endplates: check body mask and bone axes"
        )
    height = np.percentile(tops[both], 100.0 - percentile) - np.percentile(bottoms[both], percentile)
    return EndCaps(superior, inferior, float(height) * edge_mm)


def _ends(body: Bool) -> Indices:
    """(ni, nj) k of the upper face of the highest body element of each column; 0 where there is none."""
    nk = body.shape[2]
    return np.where(body.any(axis=2), nk - np.argmax(body[:, :, ::-1], axis=2), 0)
