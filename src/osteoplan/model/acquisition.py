"""How a scan was taken, as far as planning needs it, and nothing that names a person."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Acquisition"]


@dataclass(frozen=True)
class Acquisition:
    """Facts of one series that survive de-identification (an allow-list; what is not here is not kept).

    Attributes:
        modality: DICOM (0008,0060), e.g. ``CT``.
        frame: pseudonym of the frame of reference; equal for series of one frame, or "" where none was given.
        study: pseudonym of the study.
        series: pseudonym of the series.
        kvp: tube voltage [kV].
        kernel: convolution kernel as the scanner names it.
        contrast: True where a contrast agent is recorded, False where the scanner says none, None unknown.
        position: patient position (0018,5100), e.g. ``HFS``.
        slice_thickness_mm: (0018,0050).
        manufacturer, model: of the scanner; density depends on both.
        repaired: what was repaired on reading, in words.
    """

    modality: str = "CT"
    frame: str = ""
    study: str = ""
    series: str = ""
    kvp: float | None = None
    kernel: str | None = None
    contrast: bool | None = None
    position: str | None = None
    slice_thickness_mm: float | None = None
    manufacturer: str | None = None
    model: str | None = None
    repaired: tuple[str, ...] = ()
