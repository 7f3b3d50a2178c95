"""What a page keeps of a delivery of heat or cold: the whole of what changed, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.workflow.cache import Cache
from tests.heat_made import BODY, COURSE, TIMES, made_record, made_run
from tests.synthetic_vertebra import vertebra


@pytest.mark.parametrize("grid", ["oblique", "left_handed"])
@pytest.mark.parametrize("cold", [False, True])
def test_a_record_holds_all_that_changed_where_it_was(grid: str, cold: bool) -> None:
    anatomy = vertebra(grid)  # type: ignore[arg-type]
    run, record = made_run(anatomy, cold=cold), made_record(anatomy, cold=cold)
    whole, kept = (run.T_min, record.coldest) if cold else (run.T_max, record.hottest)
    assert kept.array.size < whole.size
    assert np.isclose(np.abs(kept.array - BODY).max(), np.abs(whole - BODY).max())
    at = np.unravel_index(np.abs(whole - BODY).argmax(), whole.shape)
    in_record = np.unravel_index(np.abs(kept.array - BODY).argmax(), kept.shape)
    assert np.allclose(run.scene.grid.positions_mm(at), kept.positions_mm(in_record))
    assert (np.abs(whole - BODY) > 0.5).sum() == (np.abs(kept.array - BODY) > 0.5).sum()
    assert record.end.same_grid(kept)
    assert all(mask.same_grid(kept) for mask in record.lethal.values())


def test_of_a_structure_the_point_that_strays_farthest_is_told() -> None:
    record = made_record(vertebra())
    assert record.clock.names == ("spinal_canal",)
    assert np.array_equal(record.clock.times_s, TIMES)
    rise = record.clock.degC[:, 0] - BODY
    assert rise.max() > 1.0
    assert np.allclose(rise, rise.max() * COURSE)
    assert record.clock.limits[0].high_degC == 45.0


def test_a_structure_without_a_limit_has_none() -> None:
    run = made_run(vertebra())
    from osteoplan.thermal.record import _clock

    (limit,) = _clock(run.watch, {}, BODY).limits
    assert (limit.low_degC, limit.high_degC) == (None, None)


def test_a_record_is_kept_on_disk_as_it_is(tmp_path) -> None:
    record = made_record(vertebra(), cold=True)
    again = Cache(tmp_path).once(lambda: record, "x")
    assert again.cold
    assert np.array_equal(again.end.array, record.end.array)
    assert again.clock.names == record.clock.names
    assert list(again.lethal) == ["-20 degC", "-40 degC"]
