import dataclasses
import datetime

import numpy as np
import pytest

from osteoplan.provenance import Stamp, digest, rng


@dataclasses.dataclass(frozen=True)
class Screw:
    diameter_mm: float
    name: str


def test_a_digest_tells_types_shapes_and_order_apart():
    different = [
        digest(1), digest(1.0), digest("1"), digest(True), digest(None), digest([1]), digest([[1]]),
        digest({"a": 1}), digest(["a", 1]), digest(np.zeros((2, 3))), digest(np.zeros((3, 2))),
        digest(np.zeros((2, 3), np.float32)), digest(Screw(6.5, "a")), digest(Screw(6.5, "b")),
        digest("a", "b"),
        digest("ab"),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


def test_a_digest_does_not_depend_on_dict_order_or_memory_order():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    array = np.arange(6.0).reshape(2, 3)
    assert digest(array) == digest(np.asfortranarray(array))


def test_a_day_has_a_digest_of_its_own_as_yaml_reads_it_without_quotes():
    day = datetime.date(2026, 12, 1)
    assert digest({"date": day}) == digest({"date": datetime.date.fromisoformat("2026-12-01")})
    assert len({digest(day), digest("2026-12-01"), digest(datetime.date(2026, 12, 2))}) == 3


def test_a_digest_refuses_what_has_no_canonical_form():
    with pytest.raises(TypeError, match="function"):
        digest(lambda: None)


def test_a_named_stream_does_not_depend_on_other_streams():
    alone = rng(7, "calibration").standard_normal(4)
    rng(7, "law").standard_normal(100)
    assert np.array_equal(rng(7, "calibration").standard_normal(4), alone)
    assert not np.array_equal(rng(7, "law").standard_normal(4), alone)
    assert not np.array_equal(rng(8, "calibration").standard_normal(4), alone)


def test_a_stamp_is_the_same_on_another_day():
    one = Stamp("0.1", "k", {"ct": "1"}, {"draws": 10}, 1, created="2026-11-23")
    assert one.identity == dataclasses.replace(one, created="2027-01-01").identity
    assert one.identity != dataclasses.replace(one, seed=2).identity
