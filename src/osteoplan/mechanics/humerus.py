"""The proximal humerus on its testing machine: a cup presses the middle of its joint surface.

The shaft is clamped where the scan ends, or where the axis of the upper shaft ends.  Bending and torsion of
its shaft are those of every shaft (``mechanics.shaft``).  Sources and sizes: loads/humerus_head.yaml.
Tests: tests/unit/test_long_bones.py.
"""

from __future__ import annotations

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.loads import load_case
from osteoplan.mechanics.femur import press_head
from osteoplan.mechanics.rebuilt import frame_of, unit
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.model.anatomy import Anatomy

__all__ = ["build_head"]


def build_head(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A humerus whose head is pressed into its shaft.

    Raises:
        NotAvailable: head or shaft is not on the scan, or no bone joins them.
    """
    case, humerus = load_case("humerus_head"), frame_of(anatomy, "proximal_humerus")
    points = humerus.landmarks_mm
    if "shaft_axis_bottom" not in points:
        raise NotAvailable(
            f"{anatomy.level}: no shaft below the surgical neck is on the scan, where it is held: load a "
            "scan that reaches farther down the arm"
        )
    up = unit(points["head_apex"] - points["head_centre"])
    end = float(humerus.local(points["shaft_axis_bottom"])[2]) + case.number("held_mm")
    return press_head(anatomy, settings, case, humerus, up, end)
