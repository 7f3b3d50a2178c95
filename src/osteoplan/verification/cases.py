"""The verification cases of mechanics, computed now: theory, standards, published answers and orders.

``cases(load)`` feeds ``osteoplan verify``; the tests assert the same functions, and theory is computed once
in a session.  ``load`` hands in an array by its path below the data folder (formats stay in ``io``); without
it, or where it raises ``NotAvailable``, a case that needs data stays open with its reason.

A case is a number with what it should be.  Where several numbers belong together the row holds the worst of
them, or the count of broken promises, and ``note`` tells them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from osteoplan.errors import NotAvailable
from osteoplan.knowledge.values import number
from osteoplan.verification import elements, rod_bending, rods
from osteoplan.verification.cement_heat import CEMENT_HEAT
from osteoplan.verification.closed_forms import SOLIDS, Finding, Proof
from osteoplan.verification.heat import HEAT
from osteoplan.verification.ice import ICE
from osteoplan.verification.potential import POTENTIAL
from osteoplan.verification.published_orders import ORDERS, l2_rows
from osteoplan.verification.radiofrequency import RADIOFREQUENCY
from osteoplan.verification.value import VALUE
from osteoplan.verification.vertebrae import Load, l4_from_ids, l4_from_moduli, stiffness, verse_l2

__all__ = ["Load", "VerificationCase", "cases", "ids", "published_cases", "theory_case", "theory_cases"]

VERSE = "Bonelab/spineFE-benchmark, VerSe 004 L2 (Walle 2025)"
PAROSOL = "parosol-py 0.1.26 fixture vertebra_l4_mini"
VERSE_HEIGHT_MM = 29.0


@dataclass(frozen=True)
class VerificationCase:
    """One check.

    Attributes:
        tolerance: relative to ``expected``, absolute where that is 0; None where it is told and not judged.
        got: None where it could not run; ``ok`` is None then too, and ``reason`` says why.
        note: what else was seen on the way.
    """

    id: str
    title: str
    expected: float
    tolerance: float | None
    got: float | None
    unit: str
    source: str
    reason: str = ""
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """True within the tolerance, False outside, None where it did not run or nothing was asked."""
        if self.got is None or self.tolerance is None:
            return None
        return abs(self.got - self.expected) <= self.tolerance * (abs(self.expected) or 1.0)


def cases(load: Load | None = None) -> Iterator[VerificationCase]:
    """Every mechanics case, computed as it is yielded."""
    yield from theory_cases()
    yield from published_cases(load)


def theory_cases() -> Iterator[VerificationCase]:
    """What theory and standards promise."""
    for id in _THEORY:
        yield theory_case(id)


def ids() -> tuple[str, ...]:
    """Every case, uncomputed."""
    return (*_THEORY, *(row.id for row in _published_rows(None)))


def published_cases(load: Load | None) -> Iterator[VerificationCase]:
    """The cases that others published, computed as they are yielded."""
    for row in _published_rows(load):
        if load is None:
            yield _case(row, None, reason="no data folder was given")
            continue
        try:
            yield _case(row, row.compute())
        except NotAvailable as why:
            yield _case(row, None, reason=str(why))


def _published_rows(load: Load | None) -> tuple[Proof, ...]:
    """What others published; nothing is computed before it is asked for, and nothing twice."""

    def at_hand() -> Load:
        assert load is not None
        return load

    @cache
    def l2_stiffness(shift: int) -> float:
        return stiffness(verse_l2(at_hand(), shift=shift), clamped=False)

    strain = number("vertebra_compression.failure_strain")
    return (
        Proof("L2", "VerSe 004 L2 as published (table one bin high)", 12362.0, 1e-3,
            lambda: l2_stiffness(1), VERSE, "N/mm"),
        Proof("L2-correct", "VerSe 004 L2 with the table as meant", 10442.0, 5e-3,
            lambda: l2_stiffness(0), "an independent hex8 code", "N/mm"),
        Proof("L2-linear-failure", "VerSe 004 L2, 0.0068 K H, H 29 mm", 2438.0, 1e-3,
            lambda: strain * VERSE_HEIGHT_MM * l2_stiffness(1), VERSE, "N"),
        Proof("L4", "L4 from stored moduli", 23358.64, 1e-3,
            lambda: stiffness(l4_from_moduli(at_hand()), clamped=True), f"{PAROSOL}, ParOSol", "N/mm"),
        Proof("L4-ogo", "L4 from stored material ids", 23296.85, 1e-3,
            lambda: stiffness(l4_from_ids(at_hand()), clamped=True), f"{PAROSOL}, Ogo/FAIM", "N/mm"),
        *l2_rows(load),
    )  # fmt: skip


@cache
def theory_case(id: str) -> VerificationCase:
    """One case of theory, computed once in a session."""
    return _case(_THEORY[id], _THEORY[id].compute())


def _case(row: Proof, found: Finding | None, *, reason: str = "") -> VerificationCase:
    got, note = found if isinstance(found, tuple) else (found, "")
    if row.tolerance is None and got is not None:
        reason = "told beside what was measured, not judged"
    return VerificationCase(
        row.id, row.title, row.expected, row.tolerance, got, row.unit, row.source, reason, note
    )


def _in_order(rows: tuple[Proof, ...]) -> dict[str, Proof]:
    """A1, A2, ... A10, then the rest as they stand."""

    def place(row: Proof) -> tuple[int, int]:
        number = row.id.split("-")[0][1:]
        return (0, int(number)) if row.id[0] == "A" and number.isdigit() else (1, 0)

    return {row.id: row for row in sorted(rows, key=place)}


_THEORY = _in_order((
    Proof("A1", "patch test, worst displacement error", 0.0, 1e-10, elements.patch_error, "linear fields"),
    Proof("A2", "rigid motions, symmetry, hourglass", 0.0, 1e-12, elements.rigid_motion_error,
        "six zero modes"),
    Proof("A3", "bars in series and parallel, contrast 1e4", 0.0, 1e-8, elements.bar_error,
        "1/(L1/E1 + L2/E2)"),
    Proof(
        "A10", "tube with a core of cement and a screw, E I over the tube's", 1.0675, 0.02,
        lambda: rod_bending.composite_stiffening()[1], "sum of E I of a tube, its core and a screw",
    ),
    Proof(
        "A12", "screws and a wire as cantilevers in soft cubes, worst error of E I", 0.0, 0.02,
        rods.screw_error, "E I of hollow round sections",
    ),
    Proof("A13", "order of convergence in L2", 2.0, 0.05, elements.convergence_order,
        "manufactured solution"),
    Proof("A14", "balance, energy, flips, scaling, threads", 0.0, 1e-8, elements.solver_error, "elasticity"),
    Proof("A15", "fall of stiffness as moduli rise", 0.0, 0.0, elements.monotony_error, "minimum of energy"),
    *SOLIDS,
    *ORDERS,
    *VALUE,
    *HEAT,
    *ICE,
    *POTENTIAL,
    *RADIOFREQUENCY, *CEMENT_HEAT,
))  # fmt: skip
