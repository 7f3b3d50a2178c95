"""Content has its own version, its days, and a status that follows from how a source was read."""

import datetime
import marshal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from osteoplan.knowledge import load
from osteoplan.knowledge.centre.ruleset import rule_set
from osteoplan.knowledge.load import KnownRow, release, status_of, version
from osteoplan.knowledge.rules import every_version, rules

TODAY = datetime.date(2026, 11, 24)


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("F", "verified"), ("D", "design_default"), ("F+D", "design_default"), ("MH", "unverified"),
        ("MM", "unverified"), ("ML", "unverified"), ("F~", "unverified"), ("F+MM", "unverified"),
        ("F~+D", "unverified"), ("F+D+ML", "unverified"),
    ],
)  # fmt: skip
def test_a_status_is_that_of_the_weakest_part_of_the_tag(tag: str, status: str) -> None:
    assert status_of(tag) == status


@pytest.mark.parametrize("tag", ["X", "", "F+", "f", "M", "F D"])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="none of"):
        status_of(tag)


def test_a_tag_and_a_status_that_disagree_are_refused() -> None:
    row = {"value": 1, "unit": "mm", "tag": "F+MM", "date": TODAY, "cite": ["a"]}
    assert KnownRow.model_validate(row).status == "unverified"
    assert KnownRow.model_validate({**row, "status": "unverified"}).status == "unverified"
    with pytest.raises(ValidationError, match="means 'unverified', not 'verified'"):
        KnownRow.model_validate({**row, "status": "verified"})


def test_every_rule_has_a_tag_so_that_its_status_can_be_judged() -> None:
    for rule in every_version():
        assert rule.row.status == status_of(rule.row.tag), rule.id


def test_a_row_holds_from_its_first_day_to_the_day_before_it_is_superseded() -> None:
    row = KnownRow(
        value=1, unit="mm", status="verified", date=TODAY,
        since=datetime.date(2020, 1, 1), until=datetime.date(2023, 1, 1),
    )  # fmt: skip
    days = ["2019-12-31", "2020-01-01", "2022-12-31", "2023-01-01"]
    assert [row.in_force(datetime.date.fromisoformat(day)) for day in days] == [False, True, True, False]


def test_a_superseded_rule_speaks_on_its_own_days_and_stays_readable() -> None:
    superseded = [rule for rule in every_version() if rule.row.until]
    assert superseded, "the reference knows of texts that were replaced"
    for rule in superseded:
        assert rule.row.until is not None
        before = {r.id: r for r in rules(None, rule.row.until - datetime.timedelta(days=1))}
        assert before[rule.id].row == rule.row
        after = {r.id: r for r in rules(None, rule.row.until)}
        assert rule.id not in after or after[rule.id].row != rule.row


def test_the_content_has_a_version_of_its_own_and_the_stamp_holds_it_with_the_digest() -> None:
    assert version().startswith(release().version + "+")
    used = rule_set().used
    assert (used.version, used.as_of, used.local, used.overrides) == (version(), "", "", ())
    assert rule_set(datetime.date(2022, 5, 1)).used.as_of == "2022-05-01"


def test_a_book_finds_its_rules_and_knows_what_it_has_not() -> None:
    rule = rule_set().rule("SP4")
    assert rule is not None
    assert rule.row.effect == "caution"
    assert rule_set().rule("SP99") is None


def test_parsed_content_is_kept_on_disk_and_a_spoilt_copy_is_parsed_again(tmp_path: Path) -> None:
    script = (
        "from osteoplan.knowledge.load import raw, _place\n"
        "print(len(raw()), raw()['release.yaml']['version'], _place())"
    )

    def run() -> tuple[str, str, Path]:
        out = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True,
            env={"OSTEOPLAN_CACHE": str(tmp_path), "PATH": ""},
        ).stdout.split()  # fmt: skip
        return out[0], out[1], Path(out[2])

    number, first, place = run()
    assert first == release().version
    assert number == str(len(load.raw()))
    kept = marshal.loads(place.read_bytes())
    assert kept["release.yaml"]["version"] == first
    place.write_bytes(marshal.dumps({**kept, "release.yaml": {**kept["release.yaml"], "version": "1999.01"}}))
    assert run()[1] == "1999.01", "the kept copy is what is read"
    place.write_bytes(b"half a file")
    assert run()[1] == first
