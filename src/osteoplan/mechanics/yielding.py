"""Strength of a specimen by yielding, level by level; the linear level L0 is ``specimen.load``.

    L1   von Mises: each element yields at the compressive strength of its density, in tension as well
    L2   Drucker-Prager: weaker in tension; flows with a small dilation
    L3   L2 that softens; the energy per area must be given, no source for bone was found

Modulus and strength come from one pair of laws (``laws.yaml``), so the first law of the load case that has a
partner is taken.  Strength is the force at an agreed strain of the bone where the case has a gauge length (a
vertebra in compression: its endplates come nearer to each other, on average; caps and discs do not count),
else on the plateau; under L3 the largest force on the way.  Where no bone yields there is no strength, nor
where most of it is strained beyond what small displacements describe (flexion through discs, whose slope is
that of the discs); where the force still rises at the end there is no peak, and no strength.

    tissue                    modulus                 strength (compression; tension by ratio or own)
    bone                      law                     partner of the law
    soft tissue, soft marrow  lytic, or the floor     none: it stays elastic, and bears next to nothing
    cement in bone            E (1 - p)^2 q           the same factors on those of cement alone
    cement in a cavity        E (1 - p)^2             the same
    caps of the machine       as given                cap_yield, in tension as well
    rods                      elastic beams           (their stress is checked by ``screws``)

``weaker_cortex`` lowers modulus and strength in compression of dense lesion bone: at equal density it is
weaker than the law (Kaneko 2003, who gives no factor that was read here), so its size is the caller's.

Sources: Kopperdahl 2002 and others in ``laws.yaml``; Kinzl (composite).  Tests: tests/unit/test_ladder.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput, NotAvailable, OnStep
from osteoplan.kernels.criteria import mean_strain, principal_strains
from osteoplan.kernels.plasticity import Body, Boundary, LoadPath, follow
from osteoplan.kernels.yielding import cone, dilation
from osteoplan.knowledge.materials import Density, Law, conversion, modulus_law, strength_law
from osteoplan.knowledge.values import known, number
from osteoplan.mechanics.load import tissue_of, with_rods
from osteoplan.mechanics.rods import Rod
from osteoplan.mechanics.sampled_image import cement_of
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import State
from osteoplan.mechanics.uncertainty.samples import ParameterSample, Tissue, central_sample, modulus
from osteoplan.model.effects import Effects
from osteoplan.model.evidence import worst
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate

__all__ = ["Level", "LevelStrength", "law_pair", "strength", "strengths"]

Level = Literal["L1", "L2", "L3"]

STEPS, SOFTENING_STEPS = 6, 40  # numerics: force at the end within 0.2 % of finer ones on the VerSe L2
PLATEAU_STEPS = 40
TOLERANCE = 1e-3  # of the force out of balance; strength moves by less than 0.1 %
WORDS: Mapping[Level, str] = {
    "L1": "von Mises, perfectly plastic, the same in tension",
    "L2": "Drucker-Prager, perfectly plastic, weaker in tension",
    "L3": "Drucker-Prager with softening, energy of a crush band as stated",
}
STILL_RISING = "still rising there"
LEAST_STRAIN = 1e-3  # numerics: no bone yields before, where a law of strength falls below its modulus


@dataclass(frozen=True, eq=False)
class LevelStrength:
    """Strength by one level.

    Attributes:
        estimate: the strength, None where it is not known; how: when it was read off, or why it is not known.
        path: load and displacement; laws: ids, of ``modulus`` and ``strength``.
    """

    estimate: Estimate | None
    how: str
    path: LoadPath
    laws: Mapping[str, str]
    diagnostics: Mapping[str, float | int | str]
    warnings: tuple[str, ...] = ()


def strength(
    specimen: Specimen,
    state: State,
    *,
    level: str = "L1",
    fields: tuple[Field, ...] = (),
    effects: Effects | None = None,
    weaker_cortex: float = 1.0,
    energy_N_mm: float | None = None,
    on_step: OnStep | None = None,
) -> LevelStrength:
    """Load the bone until it yields, in the central sample.

    Args:
        specimen, state, fields, effects: as for ``specimen.load``.
        level: L1, L2 or L3.
        weaker_cortex: factor on modulus and strength of dense lesion bone; a sensitivity.
        energy_N_mm: energy per area that a crush band of bone takes [N/mm]; L3 needs it.

    Raises:
        BadInput: an unknown level, or a factor or energy that is not positive.
        NotAvailable: no law of the load case has a strength law beside it, or L3 without its energy.
        NotConverged, Cancelled: as ``plasticity.follow``.
    """
    level = _level(level, weaker_cortex, energy_N_mm)
    law = law_pair(specimen.settings.laws, specimen.case.title)
    fill, _ = cement_of(fields)
    sample = central_sample(specimen.anatomy.calibration, law.id)
    tissue = with_rods(tissue_of(specimen, state, fill), specimen, effects, sample)
    E = modulus(tissue, sample)[: len(specimen.mesh.cells)]
    compression, tension = strengths(tissue, sample, E)
    dense = _dense_lesion(specimen, tissue, state)
    E, compression = (np.where(dense, weaker_cortex, 1.0) * each for each in (E, compression))
    body = _body(specimen, level, E, compression, tension, energy_N_mm, tissue.rods)
    counted = specimen.body & ~specimen.end_cap & ~tissue.replaced
    if not np.isfinite(body.k[counted]).any():  # marrow: the caps would yield alone, after a long walk
        body = replace(body, k=np.full_like(body.k, np.inf))
    path = _loaded(specimen, body, level, on_step)
    force, how = _read_off(specimen, level, path, bool((path.strain[counted] > 0.0).any()))
    return _level_strength(specimen, level, law, counted, path, force, how)


def law_pair(laws: tuple[str, ...], case: str) -> Law:
    """The first modulus law that has a strength law of its own.

    Raises:
        NotAvailable: none has.
    """
    for id in laws:
        if modulus_law(id).strength:
            return modulus_law(id)
    raise NotAvailable(
        f"{case}: none of its density laws ({', '.join(laws)}) has a strength law of the same source, "
        "so it does not yield: use the linear level L0"
    )


def strengths(tissue: Tissue, sample: ParameterSample, E: F64) -> tuple[F64, F64]:
    """(n_elements,) strength in compression and in tension [MPa]; infinite where nothing yields."""
    density = Density.of_mg(sample.calibration.density(tissue.image), sample.calibration.density_kind)
    for step in sample.law.conversions:
        density = conversion(step)(density)
    bone = np.maximum(strength_law(sample.law.strength)(density), LEAST_STRAIN * E)
    marrow = number("bone.modulus_min") >= E
    both = []
    tension = number("yielding.tension_to_compression")
    for ratio, of_cement in ((1.0, "pmma_compression"), (tension, "pmma_tension")):
        solid = number(f"yielding.{of_cement}") * (1.0 - sample.porosity) ** 2
        filled = np.where(tissue.replaced, solid, solid * sample.interface)
        s = np.where(tissue.replaced, 0.0, ratio * bone)
        s = s + tissue.cement * np.maximum(filled - s, 0.0)
        soft = (tissue.cement == 0.0) & (tissue.replaced | marrow)
        if tissue.metal is not None:
            soft |= tissue.metal
        if tissue.layer is not None and of_cement == "pmma_tension":
            weak = number("cement.interface_tension")
            s = np.where(tissue.layer < 1.0, np.minimum(s, weak), s)
        both.append(np.where(tissue.end_cap, number("yielding.cap_yield"), np.where(soft, np.inf, s)))
    return both[0], both[1]


def _level(level: str, weaker_cortex: float, energy: float | None) -> Level:
    if level not in get_args(Level):
        raise BadInput(f"the ladder has no level '{level}'; known: L0 (linear), L1, L2, L3")
    if not weaker_cortex > 0.0:
        raise BadInput(f"weaker_cortex is a factor above 0, not {weaker_cortex:g}")
    if energy is not None and not energy > 0.0:
        raise BadInput(f"energy_N_mm is an energy per area above 0, not {energy:g}")
    if level == "L3" and energy is None:
        raise NotAvailable(
            "level L3 needs the energy per area that a crush band of bone takes (energy_N_mm); no source "
            "gives one, so none is assumed: state it, or use L2"
        )
    return level  # type: ignore[return-value]  # it is one of them


def _dense_lesion(specimen: Specimen, tissue: Tissue, state: State) -> Bool:
    """Bone of the lesion beyond the density of trabecular bone: cortex with a lesion in it."""
    density = specimen.anatomy.calibration.density_as("K2HPO4", tissue.image)
    inside = specimen.lesion & ~specimen.end_cap & ~tissue.replaced & (tissue.cement == 0.0)
    cortical = density >= number("yielding.cortical_density")
    dense: Bool = inside & cortical & (state == "now")
    return dense


def _body(
    specimen: Specimen, level: Level, E: F64, compression: F64, tension: F64, energy: float | None,
    rods: tuple[Rod, ...],
) -> Body:  # fmt: skip
    ties = tuple(rod.tie for rod in rods)
    h, poisson = specimen.settings.spacing_mm, number("bone.poisson_ratio")
    elastic = np.isinf(compression)
    c, t = np.where(elastic, 1.0, compression), np.where(elastic, 1.0, tension)
    alpha, k = cone(c, c if level == "L1" else t)
    k = np.where(elastic, np.inf, k)
    beta = np.where(alpha > 0.0, np.minimum(alpha, dilation(number("yielding.dilation_deg"))), 0.0)
    softens = None if energy is None or level != "L3" else np.where(specimen.end_cap, np.inf, energy)
    return Body(specimen.mesh, (h, h, h), poisson, E, k, alpha, beta, softens, ties)


def _loaded(specimen: Specimen, body: Body, level: Level, on_step: OnStep | None) -> LoadPath:
    """To the agreed strain of the bone, else as far as the slope has to fall."""
    conditions, softens = specimen.conditions, level == "L3"
    weights, end = _gauge(specimen)
    boundary = Boundary(conditions.fixed, conditions.prescribed_mm, conditions.force_N, weights)
    steps, plateau = (SOFTENING_STEPS if softens else STEPS), -np.inf
    if end is None:
        steps, plateau = PLATEAU_STEPS, 0.0 if softens else number("yielding.plateau_share")
    return follow(
        body, boundary, to_mm=end, steps=steps, plateau=plateau, tolerance=TOLERANCE, on_step=on_step
    )


def _gauge(specimen: Specimen) -> tuple[F64 | None, float | None]:
    """((n_nodes, 3) by how much the endplates come nearer to each other, on average where caps or discs touch
    the body; the end of the way [mm]); None where strength is not told at a strain."""
    if specimen.conditions.load_unit != "N" or not specimen.anatomy.is_vertebra or specimen.height_mm is None:
        return None, None
    corners, k = specimen.mesh.corners, specimen.mesh.cells[:, 2]
    bone = specimen.body & ~specimen.end_cap
    upper = k > k[bone].mean()
    weights = np.zeros((len(specimen.mesh.nodes), 3))
    for cap, sign in ((specimen.end_cap & upper, -1.0), (specimen.end_cap & ~upper, 1.0)):
        plate = np.intersect1d(corners[cap], corners[bone])
        weights[plate, 2] = sign / len(plate)
    return weights, number("yielding.model_strain") * specimen.height_mm


def _read_off(specimen: Specimen, level: Level, path: LoadPath, yields: bool) -> tuple[float | None, str]:
    """(strength, when it was read off); None, and why, where it is not known."""
    last, end = path.points[-1], _gauge(specimen)[1]
    at = f"{100 * number('yielding.model_strain'):g} % strain of the bone ({specimen.height_mm or 0:.1f} mm)"
    up_to = f" up to {at}" if end is not None else ""
    if not yields:
        return None, f"not known: no bone yields{up_to}"
    if end is not None and last.gauge_mm < end * (1 - 1e-9):
        return None, f"not known: what holds the bone gives way before {at}"
    if level == "L3" and path.peak_N > last.force_N:
        return path.peak_N, f"largest force{up_to}"
    if end is None:
        share, slope = number("yielding.plateau_share"), path.slope / path.stiffness
        if slope >= share:
            why = f"after {PLATEAU_STEPS} steps the slope is {100 * slope:.1f} % of the stiffness"
            return None, f"not known: {why}"
        force, how = path.peak_N, f"where the slope has fallen to {100 * share:g} % of the stiffness"
        rise = path.rise(last.gauge_mm, path.step_mm)
    else:
        force, how = path.force_at(end), f"force at {at}"
        rise = path.rise(end, end / STEPS)
    if rise > number("yielding.rise_told"):
        return None, (
            f"not known: {force:.0f} {specimen.case.load_unit} is the {how}, {STILL_RISING} "
            f"({100 * rise:.1f} % a step): no peak"
        )
    return force, how


def _level_strength(
    specimen: Specimen, level: Level, law: Law, counted: Bool, path: LoadPath, force: float | None, how: str
) -> LevelStrength:
    """What is told of it."""
    case, h = specimen.case, specimen.settings.spacing_mm
    partner = strength_law(law.strength)
    last = path.points[-1]
    strain = principal_strains(mean_strain(specimen.mesh, (h, h, h), path.displacement_mm))
    beyond = float((np.abs(strain[counted]).max(axis=1) > number("yielding.strain_trusted")).mean())
    if force is not None and beyond > number("yielding.most_beyond"):
        force, how = None, f"not known: {_beyond_words(beyond)}"
    read = ["cap_yield", "model_strain", "plateau_share", "rise_told"]
    read += ["tension_to_compression"] * (level != "L1")
    status = worst(law.status, partner.status, *(known(f"yielding.{key}").status for key in read))
    because = (
        WORDS[level], how, f"modulus {law.id} with strength {partner.id}",
        *dict.fromkeys((*law.cite, *partner.cite)),
        "the interval was not computed: one world, the central one",
    )  # fmt: skip
    estimate = None
    if force is not None:
        unit = case.load_unit
        estimate = Estimate(
            f"strength_{level}", case.title, force, None, None, unit, "simulated", because, status=status
        )
    return LevelStrength(
        estimate, how, path, {"modulus": law.id, "strength": partner.id},
        {
            "level": level, "newton_steps": last.newton, "products": last.products, "residual": last.residual,
            "yielded_share": last.yielded, "load_steps": len(path.points) - 1, "stiffness": path.stiffness,
            "machine": last.displacement_mm, "beyond_small_strain_share": beyond,
        },
        _warnings(level, how, beyond),
    )  # fmt: skip


def _warnings(level: Level, how: str, beyond: float) -> tuple[str, ...]:
    said = []
    if beyond > 0.0 and _beyond_words(beyond) not in how:
        said.append(f"{level}: {_beyond_words(beyond)}")
    if how.startswith("not known"):
        said.append(f"{level}: {how}")
    return tuple(said)


def _beyond_words(share: float) -> str:
    trusted = number("yielding.strain_trusted")
    return (
        f"{100 * share:.2g} % of the bone is strained beyond {100 * trusted:g} %, where small displacements "
        "no longer hold"
    )
