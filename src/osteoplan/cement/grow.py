"""Where cement goes: grown from its ports, in order of arrival, until the asked volume is in.

    |grad T| F = 1        T   when the cement's front arrives        F   relative speed (``cement.medium``)

Values are those of the plan as drawn: all of the volume, no tumour left in the void.  How an injection turns
out is not known before flow is simulated, so it is sampled (``data/cement/growth.yaml``):

    input                            stream             spread
    volume placed                    "cement_volume"    as often below as above what was asked
    tumour that stays in the void    "tumour_left"      even; what cement would reach last is a wall
    place of each tip                "cement_tip"       normal
    speed of trabecular bone         "cement", k        log-normal, from place to place

The bone's surface is a wall, except where the lesion has destroyed it; there cement leaves, into the canal or
elsewhere.  Ports fill side by side, each its own volume.  The operator stops a port whose cement would enter
the canal, so less than was asked may be placed.

Not modelled: veins (a common way of leaking), pressure, curing, and the bone that shares a voxel with cement.
No probability of leaking is claimed from this; published rates stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from osteoplan import boxes
from osteoplan.arrays import F32, F64, Indices, Mask
from osteoplan.boxes import Box
from osteoplan.cement import medium as flow
from osteoplan.cement.medium import Medium, arrivals, medium, speeds
from osteoplan.errors import BadInput, Cancelled
from osteoplan.kernels.front import invade
from osteoplan.knowledge.values import known, number
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Effects
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field, SampledInput
from osteoplan.model.outcome import Estimate
from osteoplan.model.simulated import Simulated
from osteoplan.model.volume import Volume
from osteoplan.trajectory.surroundings import Surroundings, distance_maps

__all__ = ["Hand", "fill"]

OnStep = Callable[[int, float], bool]


def fill(
    around: Surroundings,
    effects: Effects,
    ensemble: Ensemble,
    *,
    on_step: OnStep | None = None,
) -> Simulated:
    """Grow the cement of all ports together, as planned in an even bone, and as it may turn out.

    Intervals and the field's samples are of fewer injections than the plan has draws: draw k is injection k
    modulo their number, the same hand and bone for every plan.

    Raises:
        BadInput: no cement is injected, or a port lies outside the bone or in dense bone.
        Cancelled: ``on_step`` returned False.
    """
    asked = sum(port.volume_mL for port in effects.ports)
    if asked <= 0:
        raise BadInput("the plan injects no cement: there is nothing to grow")
    anatomy = around.anatomy
    through = medium(anatomy)
    box, plates = through.box, _endplates(anatomy, through.box)
    even = _pour(anatomy, effects, through, None)
    samples, shares = [], []
    few = Ensemble(ensemble.seed, min(int(number("growth.draws")), ensemble.n))
    inputs = _inputs(anatomy, through, asked, few)
    tips = number("growth.tip_sd_mm") * ndtri(few.strata("cement_tip", 3))
    for k in range(few.n):
        if on_step is not None and not on_step(k, 0.0):
            raise Cancelled("cement growth was stopped")
        volume, left = (one.samples[k] for one in inputs)
        hand = Hand(volume / asked, left, tips[k])
        poured = _pour(anatomy, effects, through, ensemble.stream("cement", str(k)), hand)
        samples.append(_numbers(around, through, poured, plates))
        shares.append(poured.share.astype(np.float32))
    because = (
        f"arrival-time growth of {asked:.1f} mL, no tumour left in the void; the interval is over {few.n} "
        "injections that differ in volume, tips, bone and tumour left",
        "veins, pressure and curing are not modelled",
    )
    whole = np.zeros(anatomy.image.shape)
    whole[box] = even.share
    fraction = Field(
        "cement_fraction", anatomy.image.with_array(whole, "fraction"), "1", because[0],
        _cropped(anatomy, box, shares), inputs,
    )  # fmt: skip
    return Simulated(
        tuple(_estimates(_numbers(around, through, even, plates), samples, because, ensemble)),
        (fraction,),
        {"samples": len(samples)},
        tuple(_warnings(even, _numbers(around, through, even, plates), samples, asked)),
    )


@dataclass(frozen=True, eq=False)
class Hand:
    """How one injection turns out.

    Attributes:
        volume: share of what was asked.
        tumour_left: share of the void that cement does not enter.
        shift_mm: (3,) LPS: by how much the tips lie elsewhere.
    """

    volume: float
    tumour_left: float
    shift_mm: F64


def _inputs(anatomy: Anatomy, through: Medium, asked: float, few: Ensemble) -> tuple[SampledInput, ...]:
    """Volume [mL] and tumour left [share] of every injection."""
    if "body" in anatomy.parts:
        least, most = known("growth.placed_vertebra_mL").range
    else:
        least, most = (asked * share for share in known("growth.placed_share").range)
    low, high = min(least, asked), max(most, asked)
    volumes = np.interp(few.strata("cement_volume")[:, 0], (0.0, 0.5, 1.0), (low, asked, high))
    ends = known("growth.tumour_left").range if through.void.any() else (0.0, 0.0)
    left = np.interp(few.strata("tumour_left")[:, 0], (0.0, 1.0), ends)
    return (
        SampledInput("cement_volume", asked, (low, high), tuple(volumes.tolist())),
        SampledInput("tumour_left", 0.0, ends, tuple(left.tolist())),
    )


def _cropped(anatomy: Anatomy, box: Box, shares: list[F32]) -> tuple[Volume, ...]:
    """One share a sample, on the part of the box that holds all of them and one voxel more."""
    part = boxes.around(np.any([share > 0 for share in shares], axis=0), 1)
    grid = anatomy.image.crop(*np.add(boxes.ends(part), boxes.ends(box)[0]))
    return tuple(grid.with_array(share[part].copy(), "fraction") for share in shares)


@dataclass(frozen=True, eq=False)
class _Poured:
    """Cement in one sample.

    Attributes:
        share: share of each voxel of the medium's box that is cement when the operator has stopped.
        placed_mL: volume that is in by then, inside the bone and outside it.
        escape_mL: place -> what would be there had the whole of the asked volume been pushed in.
        reached_canal: the injection was stopped for cement in the canal.
    """

    share: F64
    placed_mL: float
    escape_mL: Mapping[str, float]
    reached_canal: bool


@dataclass(frozen=True, eq=False)
class _Plate:
    """One endplate: (n, 3) indices in the medium's box of its voxels, and of those one layer deeper."""

    voxels: Indices
    beneath: Indices

    def touched_pct(self, share: F64) -> float:
        """Part of the plate that has cement in it or right beneath it [%]."""
        reached = np.maximum(share[tuple(self.voxels.T)], share[tuple(self.beneath.T)])
        return 100.0 * float(reached.mean())


Numbers = dict[tuple[str, str, str], float]  # (outcome, target, unit) -> value


def _pour(
    anatomy: Anatomy,
    effects: Effects,
    through: Medium,
    noise: np.random.Generator | None,
    hand: Hand | None = None,
) -> _Poured:
    """Every port pushes its volume in, or stops when its cement would enter the canal; None: as planned."""
    ports, speed = effects.ports, speeds(through, noise)
    if hand is not None:
        ports = tuple(
            replace(
                port,
                at_mm=flow.nearest_open(anatomy, through, speed, np.array(port.at_mm) + hand.shift_mm),
                volume_mL=hand.volume * port.volume_mL,
            )
            for port in ports
        )
    amounts = np.array([port.volume_mL for port in ports])
    times = arrivals(anatomy, through, speed, ports, float(amounts.sum()))
    if hand is not None and hand.tumour_left > 0.0:
        speed = flow.with_tumour(through, speed, times.min(axis=0), hand.tumour_left)
        times = arrivals(anatomy, through, speed, ports, float(amounts.sum()))
    mL = anatomy.image.voxel_volume_mm3 / 1000.0
    capacity = np.full(speed.shape, mL)
    canal = np.zeros(speed.shape, dtype=bool)
    for structure in anatomy.of_kind("canal"):
        canal |= structure.mask[through.box]
    pushed, _ = invade(times, capacity, amounts)
    escape = {
        "spinal_canal": float(pushed[canal].sum()) * mL,
        "outside": float(pushed[through.outside & ~canal].sum()) * mL,
    }
    stopped, placed = invade(times, capacity, amounts, stop_at=canal)
    return _Poured(stopped, float(placed.sum()), escape, escape["spinal_canal"] > 0)


def _numbers(around: Surroundings, through: Medium, poured: _Poured, plates: Mapping[str, _Plate]) -> Numbers:
    anatomy, box = around.anatomy, through.box
    share = poured.share
    part, room = _room(anatomy, box)
    mostly = share >= 0.5
    found: Numbers = {
        ("cement_volume_mL", anatomy.bone, "mL"): poured.placed_mL,
        ("cement_fill_pct", part, "%"): 100.0 * float(share[room].sum()) / float(room.sum()),
    }
    faces, held = flow.surface_in(share >= 0.5, through.trabecular)
    found["cement_anchored_pct", anatomy.bone, "%"] = 100.0 * held / faces if faces else 0.0
    for name, plate in plates.items():
        found["endplate_contact_pct", name, "%"] = plate.touched_pct(share)
    maps = distance_maps(around)
    if maps.has("canal") and mostly.any():
        # From the voxel's centre, less half its shortest edge: the cement's own face.
        gap = float(maps.of("canal")[box][mostly].min()) - 0.5 * float(anatomy.image.spacing_mm.min())
        found["cement_to_canal_mm", "spinal_canal", "mm"] = max(gap, 0.0)
    for place, volume in poured.escape_mL.items():
        found["cement_escape_mL", place, "mL"] = volume
    return found


def _room(anatomy: Anatomy, box: Box) -> tuple[str, Mask]:
    """What cement is to fill in the box: the body of a vertebra, the lesion of another bone."""
    body = anatomy.parts.get("body")
    if body is None:
        return "lesion", anatomy.lesion_mask[box] & anatomy.bone_mask[box]
    return "body", body[box]


def _endplates(anatomy: Anatomy, box: Box) -> dict[str, _Plate]:
    """Voxels of the body from which one step up (or down) along the bone leaves it; none in another bone."""
    if "body" not in anatomy.parts:
        return {}
    body, image = anatomy.parts["body"], anatomy.image
    where = np.argwhere(body)
    # A voxel's own extent along the axis: from its centre, this far reaches the next layer.
    step = float(np.abs(image.direction.T @ anatomy.frame.superior) @ image.spacing_mm)

    def moved(indices: Indices, up_mm: float) -> Indices:
        to = image.indices(image.positions_mm(indices) + up_mm * anatomy.frame.superior)
        return np.clip(np.rint(to).astype(np.intp), 0, np.array(image.shape) - 1)

    plates, (first, _) = {}, boxes.ends(box)
    for name, up in (("superior", step), ("inferior", -step)):
        last = where[~body[tuple(moved(where, up).T)]]
        plates[name] = _Plate(last - first, moved(last, -up) - first)
    return plates


def _estimates(
    even: Numbers, samples: list[Numbers], because: tuple[str, ...], ensemble: Ensemble
) -> Iterator[Estimate]:
    for (id, target, unit), value in even.items():
        draws = np.array([sample.get((id, target, unit), np.nan) for sample in samples])
        if np.isfinite(draws).all():
            yield Estimate.from_draws(
                id,
                target,
                value=value,
                draws=draws,
                unit=unit,
                because=because,
                status="design_default",
                ensemble=ensemble,
            )


def _warnings(even: _Poured, told: Numbers, samples: list[Numbers], asked: float) -> Iterator[str]:
    held = next(value for (id, _, _), value in told.items() if id == "cement_anchored_pct")
    if held < number("growth.anchored_least_pct"):
        yield (
            f"cement anchored in bone by {held:.0f} % of its surface: cement that only fills the void has no "
            "anchorage"
        )
    touched = [value for (id, _, _), value in told.items() if id == "endplate_contact_pct"]
    if touched:
        upper, lower = touched
        yield f"cement touches {upper:.0f} % of the upper and {lower:.0f} % of the lower endplate (aim: both)"
    if even.reached_canal:
        yield (
            f"cement reaches the spinal canal through the destroyed wall: stop at {even.placed_mL:.1f} mL "
            f"of {asked:.1f} mL"
        )
    elif even.placed_mL < asked - 0.01:
        yield f"only {even.placed_mL:.1f} mL of {asked:.1f} mL fit: dense bone encloses the ports"
    if even.escape_mL["outside"] >= 0.05:  # what would not print as 0.0 mL
        yield (
            f"{even.escape_mL['outside']:.1f} mL of cement leave the bone where the lesion has destroyed its "
            "surface"
        )
    reached = sum(sample["cement_escape_mL", "spinal_canal", "mL"] > 0 for sample in samples)
    if reached:
        yield (
            f"in {reached} of {len(samples)} simulated worlds cement reaches the canal before {asked:.1f} mL "
            "are in (no leak rate: veins are not modelled)"
        )
