"""What each result needs, what is there, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Sequence

from osteoplan.knowledge.approaches import approaches_of, names_for
from osteoplan.mechanics.cases.registry import load_case
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.checked import Need
from osteoplan.model.evidence import ScoreResult
from osteoplan.model.result import Reading
from osteoplan.workflow.options import comparators_alone

__all__ = ["needs_of", "needs_without_lesion"]


def needs_without_lesion(*, labels: bool, lesion: bool, folder: str) -> tuple[Need, ...]:
    """What a case that cannot be planned yet still needs."""
    found = [Need("everything", "a CT", "there")]
    todo = (
        ""
        if labels
        else "give --labels, or 'osteoplan init ... --seed x,y,z': a click on check.html tells the point"
    )
    found.append(Need("every plan", "the bone, by label or seed", "there" if labels else "missing", todo))
    todo = f"draw it (init --lesion or --ellipsoid), or 'osteoplan simulate-lesion {folder}'"
    found.append(Need("every plan", "a lesion", "there" if lesion else "missing", "" if lesion else todo))
    return tuple(found)


def needs_of(reading: Reading, scores: Sequence[ScoreResult]) -> tuple[Need, ...]:
    """What each result of this case needs, in the order in which a plan is read."""
    return (
        Need("everything", "a CT", "there"),
        _level(reading),
        _lesion(reading),
        _bone(reading),
        *_technique(reading),
        *_strength(reading),
        *_ways(reading.anatomy),
        *(_score(score) for score in scores),
    )


def _level(reading: Reading) -> Need:
    lesion, anatomy = reading.lesion, reading.anatomy
    if not anatomy.is_vertebra:
        return Need("every page", f"bone and side: {anatomy.level}", "there")
    what = f"level {anatomy.level}, counted by a person"
    if lesion.level_confirmed:
        return Need("every page", what, "there")
    return Need("every page", what, "unconfirmed", "count it, then set level_confirmed: true in case.yaml")


def _lesion(reading: Reading) -> Need:
    what = f"lesion {reading.lesion.id}, outline looked at"
    return Need("every plan", what, "there", "look at its outline on the check page")


def _bone(reading: Reading) -> Need:
    lesion = reading.lesion
    if not reading.case.seeded:
        return Need("every plan", f"{lesion.bone}, labelled", "there")
    return Need(
        "every plan", f"{lesion.bone}, grown from a point", "derived",
        "look at its outline on the check page; correct it in any editor of label maps",
    )  # fmt: skip


def _technique(reading: Reading) -> tuple[Need, ...]:
    """Nothing where something is planned for this bone."""
    said = comparators_alone(reading.lesion.bone)
    what = f"a technique for the {reading.anatomy.level}"
    return (Need("every plan", what, "missing", said.partition("; ")[2]),) if said else ()


def _strength(reading: Reading) -> tuple[Need, ...]:
    anatomy = reading.anatomy
    if not anatomy.is_vertebra:
        if load_case(anatomy) is not None:
            return (Need("stiffness as per cent of intact", f"a load case of the {anatomy.level}", "there"),)
        missing = "other bones are not loaded by this version"
        return (Need("strength", "a vertebra or a hip bone", "missing", missing),)
    if anatomy.calibration.calibrated:
        return (Need("strength in newtons", "calibrated density", "there"),)
    return (
        Need("strength as per cent of intact", "CT numbers", "there"),
        Need(
            "strength in newtons", "calibrated density", "missing",
            "set images.calibration to internal or phantom, or give a calibrated image as density",
        ),
    )  # fmt: skip


def _ways(anatomy: Anatomy) -> tuple[Need, ...]:
    """Structures that each approach to this bone must know, given or derived."""
    given = {s.name: s.given for s in anatomy.structures if s.mask.any()}
    found = []
    for approach in approaches_of(anatomy.bone):
        needs = (*approach.needs, *approach.rarely_labelled)
        answers = {need: names_for(need, anatomy.bone, given) for need in needs}
        what = ", ".join(need.replace("_", " ") for need in needs)
        purpose = f"way in: {approach.title}"
        lacking = [need.replace("_", " ") for need, names in answers.items() if not names]
        if lacking:
            todo = f"not known around the bone: {', '.join(lacking)}; label it, or look for it on the scan"
            found.append(Need(purpose, what, "missing", todo))
            continue
        derived = any(not given[name] for names in answers.values() for name in names)
        found.append(Need(purpose, what, "derived" if derived else "there"))
    return tuple(found)


def _score(score: ScoreResult) -> Need:
    if not score.missing:
        return Need(f"score: {score.name}", "every item", "there")
    names = ", ".join(item.replace("_", " ") for item in score.missing)
    return Need(
        f"score: {score.name}", names, "missing", "add these facts to case.yaml; the total is a range"
    )
