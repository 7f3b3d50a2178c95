"""A whole ``PlanResult`` with invented numbers for the report's tests: a fixture, nobody's result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import Point
from osteoplan.decide.compare import compare
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.calibration import Calibration
from osteoplan.model.case import Case, Patient
from osteoplan.model.choice import Above, Choice, Dominated, NextQuestion, Placed
from osteoplan.model.device import Device
from osteoplan.model.evidence import (
    Citation,
    KnowledgeUsed,
    Known,
    NearThreshold,
    Presumed,
    Question,
    Recommendation,
    ScoreResult,
    Survival,
    SurvivalRow,
    Tier,
    Verdict,
)
from osteoplan.model.field import Field
from osteoplan.model.findings import Finding, Findings
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.plan import Inject, Measure, Option, Place, Plan, Reason, Remove, Step, Wait
from osteoplan.model.result import Explanation, PlanResult, Reading, Simulations
from osteoplan.model.volume import Volume
from osteoplan.provenance import Stamp
from osteoplan.workflow.wordings import wordings
from tests.synthetic_vertebra import vertebra

F64 = npt.NDArray[np.float64]
NASTY = """<script>alert("x")</script> & 'quoted' <b>"""

DEVICES = {
    "needle_11g": Device("needle_11g", "needle", "needle 11 G", {"outer_diameter_mm": Known(3.05, "mm")}),
}


def plan_result(anatomy: Anatomy | None = None, *, phantom: bool = False) -> PlanResult:
    """Left, right and both pedicles (right is infeasible), three comparators, scores and rules."""
    anatomy = vertebra() if anatomy is None else anatomy
    options = _options(anatomy)
    now = _strength(64.0, 5.0, 0.7)
    compared = compare(options, reference="best_supportive_care", ranked_by="strength_ratio_to_intact")
    differences = [replace(gain, supported=gain.option == "vp_both") for gain in compared.differences]
    case = Case(
        id="fixture",
        ct=anatomy.image,
        lesions=(anatomy.lesion,),
        calibration_request={"kind": anatomy.calibration.kind},
        patient=Patient(age_y=63.0, sex="female", invented=True),
        phantom=phantom,
        credits=("Fixture: numbers invented for tests.",),
    )
    reading = Reading(case, anatomy.lesion, anatomy, _findings())
    explanation = _explanation()
    return PlanResult(
        id="3f9a77c2" + 56 * "0",
        stamp=Stamp("0.1.0", 64 * "b", {"ct": 64 * "c"}, {"draws": 32, "spacing_mm": 1.5}, 7, "2026-11-23"),
        reading=reading,
        explanation=explanation,
        simulations=Simulations(
            _strength(100.0, 0.5, 1.0)[1:], now, options, _fields(anatomy), (), ranked_by=compared.ranked_by
        ),
        comparison=replace(
            compared,
            differences=tuple(gain for gain in differences if gain.option.startswith("vp")),
            between=(),
            ties=(("vp_both", "vp_left"),),
            notes=("ranked by simulated strength alone: pain and wishes are not in this order",),
        ),
        wordings=replace(wordings(reading, explanation, options), devices=DEVICES),
        citations=(
            Citation("Fisher2010", "Fisher et al. Spine 2010;35:E1221.", doi="10.1097/BRS.0b013e3181e16ae2"),
            Citation("WJSO2022", "Leaks after vertebroplasty, 2022.", doi="10.1186/s12957-022-02583-5"),
        ),
        warnings=("level T12 is NOT confirmed: nobody has counted it",),
    )


def _explanation() -> Explanation:
    return Explanation(
        facts={"region": "spine", "posterior_wall_defect": True},
        scores=_scores(),
        verdicts=_verdicts(),
        questions=(
            Question(
                "bilsky", "What is the Bilsky grade on axial T2 MRI?", ("vertebroplasty",), ("SP3", "S2")
            ),
        ),
        recommendations=_recommendations(),
        presumed=(Presumed("fit_for_surgery", True, "presumed", "fit for surgery", (), "D"),),
        checklist=(Question("infection", "Is there an active infection?", (), ("S3",)),),
        near_thresholds=(NearThreshold("SP1", "sins", (9.0, 12.0), 13.0, 1.0, "1", False, True, "route"),),
        survival=Survival(
            (
                SurvivalRow(
                    "new Katagiri score", "alive at 1 year", "published", 12.0, 49.0, 49.0, ("Fisher2010",)
                ),
                SurvivalRow("the team's estimate", "60 weeks", "estimate"),
            ),
            ("the team expects 60 weeks or more, and another source does not",),
        ),
        knowledge=KnowledgeUsed(
            "2026.11",
            "2026.11+" + 64 * "d",
            local="fixture-hospital",
            signed_by="",
            overrides=("P4: size_mm 30 -> 40 (fixture)",),
        ),
    )


def changed(result: PlanResult, **fields: Any) -> PlanResult:
    """The result with fields of it, or of what it is composed of, set anew."""
    for part in ("reading", "explanation", "simulations"):
        noun = getattr(result, part)
        own = {name: fields.pop(name) for name in vars(noun).keys() & fields if name != "warnings"}
        result = replace(result, **{part: replace(noun, **own)})
    return replace(result, **fields)


def busy(result: PlanResult) -> PlanResult:
    """The same with nine techniques that all say as much as they can, two that are shut, and three alarms."""
    drawn = result.simulations.options[0]
    harm = Study(123, "patients")
    more = (
        replace(_published("complete_pain_response_probability", "pain", 59.0, 48.0, 70.0, "%"), study=harm),
        replace(_published("local_control_probability", "tumour", 71.4, 52.0, 88.0, "%"), study=harm),
        *(replace(e, study=harm) for e in drawn.outcomes if e.basis == "published"),
    )
    worst = Estimate.from_draws(
        result.comparison.ranked_by,
        "compression through discs",
        value=97.0,
        draws=_draws(97.0, 9.0),
        unit="%",
    )
    worst = replace(worst, high=131.0, beside={"compression": 118.0, "forward flexion": 142.0})
    near = (
        Estimate("clearance_mm", "sacroiliac joint right, left path", 2.9, 1.1, 4.0, "mm", "simulated"),
        Estimate(
            "breach_probability", "sacroiliac joint right, left path", 0.44, None, None, "1", "simulated"
        ),
    )
    long = "kept from the canal by live view and a stop rule, and only where the posterior wall is whole"
    names = [f"stabilisation of the {n} kind with cement" for n in ("first", "second", "third", "fourth")]
    options, said = [], []
    for n, name in enumerate(names):
        plan = replace(
            drawn.plan, id=f"o{n}", technique=f"t{n}", title=f"{name}, both pedicles",
            short_title="both pedicles, one after the other", clearances=near,
        )  # fmt: skip
        options.append(replace(drawn, plan=plan, outcomes=(worst, *more), warnings=(long, long)))
    for n in range(11):
        title = names[n] if n < len(names) else f"treatment without a simulation, number {n}"
        tier: Tier = (1, 1, 2, 3, 2, 3, 5, 5, 2, 4, 4)[n]
        said.append(
            Recommendation(
                f"t{n}", title, "plan", "cement", "ranked", tier, prefer=("L6",), caution=("SP4",),
                because=(f"SP2: {long}", "waits for the Bilsky grade and the alignment of the spine"),
                presumed=("fit_for_surgery", "le_weeks"),
            )
        )  # fmt: skip
    verdicts = (replace(result.explanation.verdicts[0], text=long), *result.explanation.verdicts[1:])
    questions = tuple(
        Question(fact, long, ("t0", "t1"), ("SP3",))
        for fact in ("posterolateral", "alignment", "bilsky", "fx")
    )
    aims = {one.technique: ("stability", "pain", "control") for one in said}
    named = replace(result.reading.anatomy, alerts=(long, long, long))
    found = changed(
        result, options=(*options, *result.simulations.options[3:]), recommendations=tuple(said),
        verdicts=verdicts, questions=questions, checklist=4 * questions, anatomy=named,
        comparison=replace(
            result.comparison, ranking=tuple(o.id for o in options), ties=(("o0", "o1"),), differences=()
        ),
    )  # fmt: skip
    apart = "what was simulated is best after one of them, which the rules put below two others of its tier"
    choice = Choice(
        tuple(Placed(f"t{n}", (1, 1, 2, 3, 2, 3)[n], 1 + n % 2) for n in (0, 1, 2, 3, 4, 5)),
        ("t0",),
        (Above("t0", "t1", "preference", "better in 97 of 100"), Above("t2", "t4", "safety", apart)),
        (Dominated("t1", "t0", ("strength_N",), ("strength_N",)), Dominated("t4", "t2", (), ())),
        (apart, apart),
        tuple(NextQuestion("physics", f"i{n}", f"{apart} {n}?", 0.5, 2, ("t1",)) for n in range(3)),
    )
    return replace(found, published={one.technique: more for one in said}, aims=aims, choice=choice)


def with_choice(result: PlanResult) -> PlanResult:
    """The same with what is told apart, what is dominated, what points apart and what would change it."""
    best, other = "vertebroplasty", "best_supportive_care"
    return replace(
        result,
        choice=Choice(
            placed=(Placed(best, 1, 1), Placed(other, None, 1)),
            first=(best,),
            above=(Above(best, other, "strength", "28 % more strength"),),
            dominated=(Dominated(other, best, ("strength_N", "stay_days"), ("strength_N",)),),
            disagreements=("the patient's answers are met best by rest, which the rules put below cement",),
            next_questions=(
                NextQuestion("fact", "bilsky", "What is the Bilsky grade?", 0.5, 6, ("rfa",)),
                NextQuestion("presumed", "fit_for_surgery", "fit for surgery", 1.0, 1, (), (best,)),
                NextQuestion("preference", "preferences", "what matters most to the patient?", 0.41, 1000),
            ),
        ),
    )


def uncalibrated(result: PlanResult) -> PlanResult:
    """The same with a density that nobody calibrated."""
    was = result.reading.anatomy.calibration
    loose = Calibration.line("fixed", was.slope, was.intercept, 0.05, 8.0, calibrated=False)
    return changed(result, anatomy=replace(result.reading.anatomy, calibration=loose))


def needle(anatomy: Anatomy, side: float) -> tuple[Point, Point]:
    """Entry and tip through the pedicle of one side (+1 left, -1 right)."""
    bone = anatomy.frame.world([[side * 34.0, 68.0, 12.0], [side * 5.0, -4.0, -1.0]])
    entry, tip = (tuple(float(x) for x in point) for point in bone)
    return (entry[0], entry[1], entry[2]), (tip[0], tip[1], tip[2])


def _draws(value: float, sd: float) -> F64:
    return value + sd * np.random.default_rng(5).standard_normal(40)


def _strength(ratio: float, sd: float, share: float) -> tuple[Estimate, ...]:
    force = 5200.0 * share
    return (
        Estimate.from_draws(
            "strength_ratio_to_intact", "compression", value=ratio, draws=_draws(ratio, sd), unit="%",
            because=("finite elements, linear", "Fisher2010"), status="unverified",
        ),
        Estimate.from_draws(
            "strength_N", "compression", value=force, draws=_draws(force, 400.0), unit="N"
        ),
        Estimate.from_draws(
            "stiffness_N_per_mm", "compression", value=2 * force, draws=_draws(2 * force, 800.0), unit="N/mm"
        ),
    )  # fmt: skip


def _published(
    id: str, target: str, value: float, low: float | None, high: float | None, unit: str
) -> Estimate:
    return Estimate(id, target, value, low, high, unit, "published", ("WJSO2022",), status="unverified")


def _plan(anatomy: Anatomy, id: str, title: str, sides: tuple[float, ...]) -> Plan:
    steps = [Step(1, Measure("level counted on the scout view"), why="level is not confirmed")]
    for side in sides:
        entry, tip = needle(anatomy, side)
        word = "left" if side > 0 else "right"
        steps.append(Step(len(steps) + 1, Place("needle_11g", entry, tip, f"{word} pedicle")))
        steps.append(Step(len(steps) + 1, Inject("pmma", tip, 2.0), why="stop at the back wall"))
    steps.append(Step(len(steps) + 1, Wait("cement cures", 10.0)))
    steps.append(Step(len(steps) + 1, Remove("needle_11g")))
    clearances = (
        Estimate("clearance_mm", "spinal_canal", 3.4, 2.2, 4.6, "mm", "simulated"),
        Estimate("clearance_mm", "aorta", 18.2, None, None, "mm", "simulated"),
    )
    approach = "transpedicular, " + " and ".join("left" if s > 0 else "right" for s in sides)
    return Plan(id, "vertebroplasty", title, "L1", tuple(steps), approach, ("pmma",), clearances)


def _options(anatomy: Anatomy) -> tuple[Option, ...]:
    common = (
        _published("leak_probability_canal", "canal", 16.0, 10.0, 23.0, "%"),
        _published("pain_response_probability", "pain", 71.0, 62.0, 79.0, "%"),
        _published("major_complication_probability", "any", 2.0, 1.0, 4.0, "%"),
        _published("stay_days", "stay", 1.0, None, None, "d"),
        _published("procedure_time_min", "procedure", 40.0, 30.0, 55.0, "min"),
    )
    cement = Estimate("cement_volume_mL", "body", 4.2, 3.6, 4.8, "mL", "simulated")
    both = _plan(anatomy, "vp_both", "vertebroplasty, both pedicles", (1.0, -1.0))
    left = _plan(anatomy, "vp_left", "vertebroplasty, left pedicle", (1.0,))
    right = _plan(anatomy, "vp_right", "vertebroplasty, right pedicle", (-1.0,))
    near = Reason("passes 1.1 mm from the spinal canal, 2 mm needed", "canal_clearance_mm")
    bare = {
        id: Plan(id, id, title, "L1")
        for id, title in (
            ("best_supportive_care", "best supportive care"),
            ("radiotherapy", "radiotherapy"),
            ("open_surgery", "open surgery"),
        )
    }
    relief = _published("pain_response_probability", "pain", 60.0, 55.0, 66.0, "%")
    return (
        Option(both, "plan", "ranked", outcomes=(*_strength(92.0, 7.0, 0.9), cement, *common)),
        Option(
            left, "plan", "ranked", outcomes=(*_strength(81.0, 9.0, 0.8), cement, *common), warnings=("thin",)
        ),
        Option(right, "plan", "infeasible", (near,)),
        Option(bare["best_supportive_care"], "comparator", "comparator", outcomes=_strength(64.0, 5.0, 0.7)),
        Option(bare["radiotherapy"], "comparator", "comparator", outcomes=(relief,)),
        Option(bare["open_surgery"], "comparator", "comparator"),
    )


def _findings() -> Findings:
    return Findings.of(
        Finding("region", "spine", because="from the bone"),
        Finding("primary", "breast", because="given for the patient"),
        Finding("pain_nrs", 7, because="given for lesion L1"),
        Finding("pain_type", "mech", because="given for lesion L1"),
        Finding("ecog", 1, because="given for the patient"),
        Finding("size_mm", 18.2, "mm", "measured", "longest axis of the mask"),
        Finding("axes_mm", "18 x 16 x 14", "mm", "measured", "widths along the bone's axes"),
        Finding("lesion_volume_mL", 2.1, "mL", "measured", "voxels of the mask"),
        Finding("body_involved_pct", 24.0, "%", "measured", "share of the body's voxels"),
        Finding("canal_mm", 1.2, "mm", "measured", "least distance to the derived canal"),
        Finding("posterior_wall_defect", False, "1", "measured", "wall points inside the lesion"),
        Finding("size_mm", 17.0, "mm", "derived", "equivalent sphere"),
    )


def _scores() -> tuple[ScoreResult, ...]:
    return (
        ScoreResult(
            "sins", "SINS", (9, 15), 18, ("potentially_unstable", "unstable"),
            ("potentially unstable", "unstable"), ("pain_type", "alignment"),
            {"location": (3, 3), "pain_type": (0, 3), "lesion": (2, 2), "alignment": (0, 4)},
            ("Fisher2010",), "verified", ("7 to 18: ask a surgeon",),
        ),
    )  # fmt: skip


def _verdicts() -> tuple[Verdict, ...]:
    return (
        Verdict(
            "SP4", "spine", True, "caution", "canal leak risk; high-viscosity cement, live view, stop rule",
            (),
            ("WJSO2022",), "unverified", {"posterior_wall_defect": True}, ("vertebroplasty",),
        ),
        Verdict(
            "L6", "line_of_therapy", True, "prefer", "stabilise first, radiotherapy after", (),
            ("WJSO2022",), "design_default", {"pain_type": "mech"},
        ),
        Verdict(
            "SP3", "spine", None, "prefer", "vertebroplasty or kyphoplasty; radiotherapy after", ("bilsky",),
            ("not_listed",), "unverified", {"bilsky": None, "sins": (9, 12)},
        ),
        Verdict(
            "S3", "safety", False, "stop", "treat infection first", (), (), "verified", {"infection": False}
        ),
    )  # fmt: skip


def _recommendations() -> tuple[Recommendation, ...]:
    """One ranked, one excluded, one referred, one comparator."""
    return (
        Recommendation("vertebroplasty", "vertebroplasty", "plan", "cement", "ranked", 1, prefer=("L6",),
                 caution=("SP4",), presumed=("fit_for_surgery",)),
        Recommendation("best_supportive_care", "best supportive and systemic care", "comparator", "support",
                 "comparator", None),
        Recommendation("rfa", "radiofrequency ablation", "plan", "ablation", "excluded_by_rule", 4,
                 exclude=("T4",), because=("T4: no image-guided treatment for pain alone",)),
        Recommendation("cryoablation", "cryoablation", "plan", "ablation", "refer_elsewhere", 5,
                 open=("bilsky",), because=("not at this centre: cryoablation; refer elsewhere",)),
    )  # fmt: skip


def _fields(anatomy: Anatomy) -> dict[str, tuple[Field, ...]]:
    """Strain that peaks beside the lesion, less so after cement; cement as a ball about each tip."""
    frame = anatomy.frame
    affine = np.eye(4)
    affine[:3, :3] = 1.5 * frame.axes.T
    affine[:3, 3] = frame.world([-45.0, -25.0, -18.0])
    grid = Volume(np.zeros((61, 55, 25)), affine, "strain")
    everywhere = grid.positions_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    lesion = anatomy.image.positions_mm(np.argwhere(anatomy.lesion_mask)).mean(axis=0)
    gap = np.linalg.norm(everywhere - lesion, axis=-1)
    height = frame.local(everywhere)[..., 2]
    base = 0.004 * (1.0 - 0.3 * (height / 12.0) ** 2).clip(0.2)
    peak = np.exp(-(((gap - 9.0) / 4.0) ** 2))

    def strain(amount: float) -> Field:
        words = "effective strain (Pistoia), 1.9 % apparent compression, fixture"
        return Field("effective_strain", grid.with_array(base * (1.0 + amount * peak)), "1", words)

    image = anatomy.image
    points = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))

    def cement(sides: tuple[float, ...]) -> Field:
        filled = np.zeros(image.shape)
        for side in sides:
            tip = np.asarray(needle(anatomy, side)[1])
            filled = np.maximum(filled, 1.0 / (1.0 + np.exp(np.linalg.norm(points - tip, axis=-1) - 8.0)))
        return Field("cement_fraction", Volume(filled, image.affine, "fraction"), "1")

    return {
        "intact": (strain(0.0),),
        "now": (strain(2.5),),
        "vp_both": (cement((1.0, -1.0)), strain(0.4)),
        "vp_left": (cement((1.0,)), strain(0.9)),
    }
