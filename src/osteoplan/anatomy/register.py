"""Another scan of the same patient, brought onto the CT by turning and shifting alone.

Mutual information (Mattes) is climbed from coarse to fine, once from the CT to the other scan and once back.
With F and B the two results, x -> B(F(x)) would be the identity if both had found the same place; its largest
distance from x over the region of interest is the residual that is shown.  It tells how well the answer is
determined, not how far a joint moved between the scans.

Source: Mattes et al. 2003 (mutual information), Christensen and Johnson 2001 (inverse consistency).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.knowledge.values import number
from osteoplan.model.volume import Volume

__all__ = ["Registration", "register_rigid"]

LEVELS = (4, 2, 1)  # shrink factors of the pyramid
VOXELS = 1  # seed of the voxels that are compared: the same on every run


@dataclass(frozen=True, eq=False)
class Registration:
    """How a scan was moved onto the CT.

    Attributes:
        moved: the scan with its affine moved, in the CT's frame; its voxels are untouched.
        matrix: (4, 4) position on the scan -> position on the CT [LPS mm].
        residual_mm: largest disagreement between forward and backward registration over the CT's corners
            and centre, or over the region of interest.
        shift_mm: how far the centre of the region moved.
        turn_deg: the angle of the turn.
    """

    moved: Volume
    matrix: F64
    residual_mm: float
    shift_mm: float
    turn_deg: float

    @property
    def words(self) -> str:
        """One sentence for the report."""
        return (
            f"registered rigidly: turned by {self.turn_deg:.1f} degrees, shifted by {self.shift_mm:.1f} mm; "
            f"residual {self.residual_mm:.1f} mm (forward against backward)"
        )


def register_rigid(scan: Volume, ct: Volume, *, region_mm: F64 | None = None) -> Registration:
    """Bring a scan of the same patient onto the CT.

    Args:
        scan: what is moved; any grid, any meaning.
        ct: what stays.
        region_mm: (n, 3) LPS points where the residual is taken; None takes the CT's corners and centre.

    Raises:
        BadInput: forward and backward registration disagree by more than is accepted.
    """
    fixed, moving = _image(ct), _image(scan)
    forward = _climb(fixed, moving)
    backward = _climb(moving, fixed)
    points = _corners(ct) if region_mm is None else np.atleast_2d(region_mm)
    there_and_back = _apply(backward @ forward, points)
    residual = float(np.linalg.norm(there_and_back - points, axis=1).max())
    limit = number("registration.residual_max_mm")
    if not residual <= limit:
        raise BadInput(
            f"rigid registration failed: forward and backward disagree by {residual:.1f} mm, {limit:.0f} mm "
            "are accepted; register the scans elsewhere and give the result as registered: true"
        )
    matrix: F64 = np.linalg.inv(forward).astype(np.float64)
    centre = points.mean(axis=0)
    shift = float(np.linalg.norm(_apply(forward, centre[None])[0] - centre))
    turn = float(np.degrees(np.arccos(np.clip((np.trace(matrix[:3, :3]) - 1.0) / 2.0, -1.0, 1.0))))
    moved = replace(scan, affine=matrix @ scan.affine, frame=ct.frame)
    return Registration(moved, matrix, residual, shift, turn)


def _climb(fixed: Any, moving: Any) -> F64:
    """(4, 4) position on ``fixed`` -> position on ``moving`` of the best mutual information."""
    import SimpleITK as sitk

    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums in one order: the same answer on every machine
    method.SetMetricAsMattesMutualInformation(int(number("registration.histogram_bins")))
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(number("registration.sampled_share_pct") / 100.0, VOXELS)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0, minStep=1e-3, numberOfIterations=200, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(LEVELS)
    method.SetSmoothingSigmasPerLevel([0.5 * level for level in LEVELS])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetInitialTransform(start, inPlace=False)
    try:
        found = method.Execute(fixed, moving)
    except RuntimeError as why:
        raise BadInput(
            "rigid registration failed: the scans hardly overlap; give scans of the same part of the body"
        ) from why
    return _matrix(found)


def _matrix(transform: Any) -> F64:
    """(4, 4) of any rigid transform, read off where it sends the origin and the unit points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    for axis in range(3):
        point = [0.0, 0.0, 0.0]
        point[axis] = 1.0
        matrix[:3, axis] = np.array(transform.TransformPoint(point)) - origin
    matrix[:3, 3] = origin
    return matrix


def _image(volume: Volume) -> Any:
    """The volume as an ITK image at working resolution; ITK speaks LPS too."""
    import SimpleITK as sitk

    array = (
        np.clip(volume.array.astype(np.float32), -1024.0, 3071.0)
        if volume.meaning == "HU"
        else (volume.array.astype(np.float32))
    )
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    image.SetDirection(volume.direction.ravel().tolist())
    coarse = number("registration.working_mm")
    factors = [max(1, int(coarse // edge)) for edge in volume.spacing_mm]
    factors = [min(factor, max(1, n // 16)) for factor, n in zip(factors, volume.shape, strict=True)]
    return sitk.BinShrink(image, factors)


def _corners(ct: Volume) -> F64:
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in ct.shape])).reshape(3, -1).T
    corners = ct.positions_mm(ends)
    return np.vstack([corners, corners.mean(axis=0)])


def _apply(matrix: F64, points: F64) -> F64:
    return points @ matrix[:3, :3].T + matrix[:3, 3]
