"""Same thing, same colour, everywhere (the Okabe-Ito set: readable with any colour vision)."""

from __future__ import annotations

from osteoplan.model.anatomy import StructureKind

__all__ = ["ABLATION", "BONE", "CEMENT", "FRAME", "IMPLANT", "KIND", "LESION", "NEEDLE", "rgb"]

LESION = "#E69F00"
CANAL = "#F0E442"
VESSEL = "#D55E00"
ORGAN = "#CC79A7"
NEEDLE = "#56B4E9"
CEMENT = "#FFFFFF"
ABLATION = "#009E73"
BONE = "#DCD3C3"
JOINT = "#0072B2"
FRAME = "#FFFFFF"
IMPLANT = "#9E9E9E"

# Kinds that are outlined on a CT picture; neighbouring bones explain themselves there.
KIND: dict[StructureKind, str] = {
    "canal": CANAL,
    "vessel": VESSEL,
    "pleura": ORGAN,
    "bowel": ORGAN,
    "organ": ORGAN,
    "nerve": CANAL,
    "joint": JOINT,
}


def rgb(colour: str) -> tuple[float, float, float]:
    """Red, green, blue in 0..1 of ``#RRGGBB``."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    return red, green, blue
