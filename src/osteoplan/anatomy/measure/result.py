"""What a measurement says: findings, and sentences on what it could not find."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.knowledge.values import number
from osteoplan.model.findings import Finding
from osteoplan.model.volume import Volume

__all__ = ["Result", "by_meaning", "derived", "measured", "soft_tissue", "sought", "unmeasured"]


@dataclass(frozen=True)
class Result:
    """Findings, and sentences on what is not measured and why."""

    findings: tuple[Finding, ...] = ()
    unmeasured: tuple[str, ...] = ()

    def __add__(self, other: Result) -> Result:
        return Result(self.findings + other.findings, self.unmeasured + other.unmeasured)


def unmeasured(sentence: str) -> Result:
    """No finding, and why."""
    return Result((), (sentence,))


def measured(name: str, value: float | bool | str, unit: str, because: str) -> Finding:
    """A finding that the image gave; numbers to two places."""
    value = round(value, 2) if isinstance(value, float) else value
    return Finding(name, value, unit, "measured", because)


def sought(image: Volume, name: str, seen: bool, because: str) -> Finding:
    """A defect that was looked for; open (None) where thick slices may hide one."""
    edge = float(image.spacing_mm.max())
    none = f"none seen; slices of {edge:.3g} mm"
    if not seen and edge > number("measure.none_seen_slice_max_mm"):
        return Finding(name, None, "1", "measured", f"{none} may hide one, state it")
    return measured(name, seen, "1", because if seen else f"{none}: {because}")


def derived(name: str, value: str | bool, because: str) -> Finding:
    """A finding that follows from what is named in the case."""
    return Finding(name, value, source="derived", because=because)


def soft_tissue(image: Volume) -> float:
    """What muscle and tumour read in this image: they hold no mineral."""
    return number("vertebra.soft_tissue_HU") if image.meaning == "HU" else 0.0


def by_meaning(image: Volume, name: str) -> float:
    """A threshold of ``measure.yaml`` in the image's own unit."""
    return number(f"measure.{name}_{'HU' if image.meaning == 'HU' else 'mg_cm3'}")
