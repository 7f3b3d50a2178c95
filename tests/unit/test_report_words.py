"""Numbers on the page: two significant digits, one number of decimals, true minus signs, honest units."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from scipy.special import betaincinv

from osteoplan.model.evidence import how_read
from osteoplan.model.outcome import Estimate, Study, limit_of_none, none_or_all
from osteoplan.report.rendering import data_uri, png
from osteoplan.report.words import (
    Value,
    absolute,
    clause,
    few_words,
    joined,
    name_of,
    number,
    plain,
    signed_points,
    study_words,
    tag,
    value_of,
)  # fmt: skip
from tests.png_read import pixels_of


def _estimate(value: float, low: float | None, high: float | None, unit: str, id: str = "x") -> Estimate:
    return Estimate(id, "t", value, low, high, unit, "published")


@pytest.mark.parametrize(
    ("estimate", "text", "interval"),
    [
        (_estimate(92.3, 80.4, 101.2, "%"), "92 %", "(80–101)"),
        (_estimate(4.23, 3.6, 4.8, "mL"), "4.2 mL", "(3.6–4.8)"),
        (_estimate(0.16, 0.1, 0.234, "1"), "0.16", "(0.10–0.23)"),
        (_estimate(2.0, None, None, "%"), "2 %", ""),
        (_estimate(5234.0, 4310.0, 6321.0, "N"), "5 200 N", "(4 300–6 300)"),
        (_estimate(-0.3, -1.2, 0.4, "mm"), "−0.3 mm", "(−1.2 to 0.4)"),
        (_estimate(0.0, None, None, "mm"), "0 mm", ""),
        (_estimate(2.5, None, None, "d"), "2.5 days", ""),
        (_estimate(1.0, None, None, "d"), "1 day", ""),
        (_estimate(12.2, None, None, "deg"), "12°", ""),
    ],
)
def test_values_are_printed_with_their_interval(estimate: Estimate, text: str, interval: str) -> None:
    value = value_of(estimate)
    assert (value.text.replace(" ", " "), value.interval.replace(" ", " ")) == (text, interval)


def test_a_share_of_one_is_printed_in_per_cent_where_its_outcome_is() -> None:
    value = value_of(_estimate(0.16, 0.1, 0.234, "1"), per_cent=True)
    assert (value.text, value.interval) == ("16 %", "(10–23)")


def test_differences_carry_their_sign() -> None:
    assert signed_points(_estimate(28.2, 21.0, 36.4, "%")).text == "+28 points"
    assert signed_points(_estimate(-3.0, -9.0, 4.0, "%")).interval == "(−9.0 to +4.0)"


def test_only_a_fact_that_needs_it_is_tagged() -> None:
    assert [tag(status) for status in ("verified", "unverified", "design_default")] == [
        "",
        "source not read",
        "our default",
    ]
    assert tag("unverified", "F~") == "abstract or secondary"
    assert tag("verified", "F") == "source read, no clinician"
    assert how_read("verified", "F", "A. B.") == "source read, agreed by A. B."
    assert how_read("unverified", "F~+D", "A. B.") == "abstract or secondary; our default, agreed by A. B."
    assert tag("unverified", "F+MM+D") == "source read, no clinician; from memory; our default"


@pytest.mark.parametrize(("n", "limit"), [(25, 14), (11, 28), (12, 26), (41, 9)])
def test_none_of_n_is_told_with_its_exact_limit(n: int, limit: int) -> None:
    none = replace(_estimate(0.0, 0.0, 1.0, "%"), study=Study(n, "femora"))
    assert value_of(none) == Value(f"0 of {n} femora, upper 95 % limit {limit} %", "", tag(none.status))
    assert limit_of_none(n) == pytest.approx(100.0 * betaincinv(1, n, 0.975), rel=1e-9)  # Clopper-Pearson
    lower = 100.0 - limit_of_none(n)
    assert none_or_all(100.0, "%", n) == f"{n} of {n} patients, lower 95 % limit {lower:.0f} %"


def test_a_simulated_number_says_how_the_sources_of_its_inputs_were_read() -> None:
    one = Estimate("x", "t", 1.0, None, None, "%", "simulated", status="unverified")
    assert value_of(one).tag == "inputs: source not read"
    assert value_of(replace(one, status="verified")).tag == ""


def test_a_number_of_a_trial_is_told_with_the_other_arm() -> None:
    one = replace(_estimate(41.3, None, None, "%"), study=Study(against="60.5 % with the other"))
    assert joined(value_of(one)) == "41 % against 60.5 % with the other"


def test_forces_stiffness_and_stress_are_absolute() -> None:
    assert [absolute(_estimate(1.0, None, None, unit)) for unit in ("N", "N/mm", "MPa", "%", "mL")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_facts_and_names_are_said_in_words() -> None:
    assert plain(None) == "unknown"
    assert [plain(True), plain(False), plain(7), plain("mech")] == ["yes", "no", "7", "mech"]
    assert plain(18.23, "mm") == "18 mm"
    assert number(0.375) == "0.38"
    assert name_of("pedicle_left") == "left pedicle"
    assert name_of("inferior_vena_cava") == "inferior vena cava"


def test_a_clause_ends_at_a_word() -> None:
    assert clause("leak risk; use thick cement.") == "leak risk"
    assert clause("one two three four", 9) == "one two …"


def test_names_in_one_line_say_how_many_do_not_fit() -> None:
    assert few_words(["a", "b", "c"]) == "a, b, c"
    assert few_words(["first", "second", "third"], longest=14) == "first, second and 1 more"
    assert few_words(["longer than the line"], longest=5) == "longer than the line"
    assert few_words([]) == ""


@pytest.mark.parametrize("shape", [(3, 5), (4, 7, 3), (2, 3, 4)])
def test_a_png_is_read_back_by_another_reader(
    shape: tuple[int, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    path = tmp_path_factory.mktemp("png") / "image.png"
    path.write_bytes(png(pixels))
    other = np.round(255.0 * matplotlib.image.imread(path)).astype(np.uint8)
    assert np.array_equal(other, pixels)
    assert np.array_equal(pixels_of(data_uri(pixels)).reshape(shape), pixels)


def test_a_published_number_says_what_it_rests_on() -> None:
    study = Study(
        100, events=None, months=6.0, followed=22, design="series", certainty="very low",
        distance=("same site", "other primary tumour: kidney"), ours=True,
    )  # fmt: skip
    assert study_words(study) == (
        "at 6 months; 22 of 100 patients still there; series; very low certainty; same site; "
        "other primary tumour: kidney; interval: our arithmetic"
    )
    assert study_words(replace(study, events=3)).endswith("our arithmetic, exact 95 %")
    assert study_words(None) == study_words(Study()) == ""
