"""What is accepted of DICOM images, as numbers that travel into the child process."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Limits", "limits"]


@dataclass(frozen=True)
class Limits:
    """The values of ``knowledge/data/anatomy/dicom.yaml``, where each has its unit and its reason."""

    voxel_edge_min_mm: float
    voxel_edge_max_mm: float
    slices_min: float
    cosine_tolerance: float
    tilt_tolerance_deg: float
    same_position_mm: float
    spacing_tolerance_pct: float
    position_rounding_mm: float
    header_rounding_mm: float
    drift_tolerance_mm: float
    unscanned_gap_pct: float
    interleaved_pct: float
    pass_pause_s: float
    rescale_step_HU: float
    outside_scan_HU: float
    files_max: float
    frames_max: float
    series_voxels_max: float
    inflated_file_max_MB: float
    inflated_archive_max_MB: float
    inflation_ratio_max: float
    child_memory_MB: float
    child_time_s: float


def limits() -> Limits:
    """The limits as the knowledge files give them."""
    from osteoplan.knowledge import values  # the child needs the class, not the loader: 0.2 s

    return Limits(**{field.name: values.number(f"dicom.{field.name}") for field in fields(Limits)})
