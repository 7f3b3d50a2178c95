"""Whatever the patient, some things are never listed: drawn patients, whole and with half of their facts.

What is drawn is coherent (no pain means pain 0, an unbroken bone is not displaced, a benign lesion has no
primary); beyond that facts are independent, so that corners are met that nobody thought of.
"""

from collections.abc import Mapping

import numpy as np
import pytest

from osteoplan.knowledge.centre.ruleset import rule_set
from osteoplan.knowledge.expression import names
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import Recommendation
from osteoplan.pathway.assess import Assessor
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.presume import stood_in
from osteoplan.pathway.vocabulary import Value

ASSESSOR = Assessor(rule_set())
RULES = {rule.id: rule for rule in ASSESSOR.rules}
READ = sorted({name for rule in ASSESSOR.rules for name in names(rule.when)})
LONG_BONES = ("prox_femur", "femur_shaft", "distal_femur", "tibia", "prox_humerus", "humerus_shaft")
# few values near what rules ask, so that conditions are met; the rest is drawn over the whole range
NEAR = {
    "age": (8, 17, 18, 45, 70), "le_weeks": (2, 4, 8, 12, 30, 100), "pain_nrs": (1, 3, 4, 8),
    "sins": (4, 8, 14),
    "mirels": (6, 7, 8, 9, 11), "axial_mm": (10, 31), "size_mm": (15, 30, 45), "n_mets": (1, 5, 9),
    "plt": (15, 40, 120, 220), "inr": (1.0, 2.0, 3.5), "ecog": (0, 1, 2, 3, 4),
    "sbrt_gy_fx": (8, 20, 24), "nerve_mm": (3, 20),
}  # fmt: skip


def drawn(rng: np.random.Generator) -> Facts:
    """One coherent patient of whom everything is known that a rule asks."""
    found: dict[str, object] = {}
    for name in READ:
        row = vocabulary()[name]
        if row.follows_from or name in ("benign", "suspected_primary_bone_tumour"):
            continue
        if row.kind == "bool":
            found[name] = bool(rng.random() < 0.5)
        elif row.kind == "level":
            found[name] = str(rng.choice(list(row.levels)))
        elif row.kind == "several":
            found[name] = [str(one) for one in row.levels if rng.random() < 0.05]
        elif name in NEAR:
            found[name] = type(NEAR[name][0])(rng.choice(NEAR[name]))
        else:
            low, high = row.range or (0, 1)
            whole = row.kind == "integer"
            found[name] = int(rng.integers(low, high + 1)) if whole else float(rng.uniform(low, high))
    kind = str(rng.choice(["metastasis", "haematological", "benign", "primary_malignant", "undetermined"],
                          p=[0.6, 0.1, 0.2, 0.05, 0.05]))  # fmt: skip
    found["lesion_kind"] = kind
    if kind == "haematological":
        found["primary"] = str(rng.choice(["myeloma", "lymphoma"]))
    elif kind != "metastasis":
        found["primary"] = "other"
    elif found["primary"] in ("myeloma", "lymphoma", "sarcoma", "other"):
        found["primary"] = "breast"
    if found["pain_type"] == "none":
        found["pain_nrs"] = 0
    if found["fx"] in ("none", "impending"):
        found["displaced"] = found["femoral_neck_fracture"] = False
    if found["rt_failed"]:
        found["prior_rt"] = True
    else:
        found["reirradiation_possible"] = True
    if found["solitary"]:
        found["n_mets"] = 1
    if found["hormone_naive"]:
        found["castration_resistant"] = False
    return Facts(found)


def halved(whole: Facts, rng: np.random.Generator) -> Facts:
    """The same patient as a report tells of him: half of what is known, the region always."""
    return Facts({
        name: value for name, value in whole.items()
        if name == "region" or (rng.random() < 0.5 and not vocabulary()[name].follows_from)
    })  # fmt: skip


def listed(facts: Facts) -> dict[str, Recommendation]:
    """What stands in the list: first choice, reasonable, only if."""
    known, _ = stood_in(facts, "rules")
    leaned, _ = stood_in(known, "tiers")
    return {id: one for id, one in ASSESSOR.tiers(leaned).items() if one.tier in (1, 2, 3)}


def using(found: Mapping[str, Recommendation], *uses: str) -> set[str]:
    return {id for id in found if ASSESSOR.reach(id) & set(uses)}


def faults(facts: Facts, truly: Mapping[str, Value]) -> list[str]:
    """What stands in the list of these facts and must not, for a patient of whom all this is true."""
    found, said = listed(facts), []
    stated, _ = stood_in(facts, "rules")
    if facts.get("fit_for_surgery") is False:
        said += [f"surgery of the unfit: {one}" for one in using(found, "surgery")]
    child_or_benign = truly.get("age", 99) < 18 or (  # type: ignore[operator]
        truly.get("benign") is True and truly.get("tumour_type") != "haemangioma"
    )
    if child_or_benign or ASSESSOR.truth(RULES["L4b"], stated):
        said += [f"radiotherapy that cannot be: {one}" for one in using(found, "radiation")]
    if facts.get("displaced") and facts.get("fx") == "pathological" and facts.get("region") != "spine":
        held = using(found, "hold", "thermal", "mrgfus")
        said += [f"hold or ablation of a displaced fracture: {one}" for one in held]
    if painless(facts):
        said += [f"local treatment of painless unbroken bone: {one}" for one in using(found, "local")]
    for id, one in ASSESSOR.tiers(stated).items():
        if one.exclude and one.tier not in (3, 4):
            said.append(f"support beats exclusion: {id}")
    return said


def painless(facts: Facts) -> bool:
    """Painless, unbroken, palliative, and none of the reasons to treat all the same."""
    known, _ = stood_in(facts, "rules")
    get = known.get
    quiet = get("pain_type") == "none" and get("fx") == "none" and get("intent") == "palliative"
    threatened = (
        get("benign") is not False
        or any(ASSESSOR.truth(RULES[id], known) is not False for id in ("S2", "P4", "SP6"))
        or (get("region") == "spine" and (get("sins") is None or get("sins") >= 13))
        or (get("region") in LONG_BONES and ((get("mirels") or 12) >= 8 or (get("axial_mm") or 99) > 30))
        or (get("region") == "acetabulum" and (get("harrington") or 4) >= 2)
    )
    return bool(quiet and not threatened)


def wrong_of(count: int, seed: int) -> list[str]:
    """What must not be listed and is, of so many drawn patients, whole and halved."""
    rng = np.random.default_rng(seed)
    wrong: list[str] = []
    quiet = 0
    for patient in range(count):
        whole = drawn(rng)
        half = halved(whole, rng)
        quiet += painless(whole)
        wrong += [f"{patient}: {one}" for one in faults(whole, whole)]
        wrong += [f"{patient}, half: {one}" for one in faults(half, whole)]
    assert quiet > 0 or count < 1000, "the draw never met a painless patient"
    return wrong


def test_nothing_harmful_is_listed_for_a_hundred_drawn_patients() -> None:
    assert wrong_of(100, seed=1) == []


@pytest.mark.slow
def test_nothing_harmful_is_listed_for_five_thousand_drawn_patients() -> None:
    assert wrong_of(5000, seed=2) == []


def test_a_true_exclusion_stays_true_when_a_fact_is_added() -> None:
    rng = np.random.default_rng(3)
    excluding = [rule for rule in ASSESSOR.rules if rule.row.effect in ("exclude", "stop", "route")]
    for _ in range(200):
        whole = drawn(rng)
        half = halved(whole, rng)
        for rule in excluding:
            before = ASSESSOR.truth(rule, half)
            assert before is None or before is ASSESSOR.truth(rule, whole), rule.id
