"""Work side by side: shares of the cores, order of the answers, one watcher for several threads."""

import threading
from itertools import pairwise

import pytest

from osteoplan.kernels import threads
from osteoplan.workflow.progress import shared


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    monkeypatch.setattr(threads, "_cores", lambda: 4)


def pieces_of(count, parts):
    """The pieces that ``in_parts`` cuts ``range(count)`` into."""
    found = []
    threads.in_parts(lambda first, last: found.append((first, last)), count, parts)
    return sorted(found)


def test_answers_come_in_order_though_all_work_at_once():
    together = threading.Barrier(3, timeout=30)

    def work(n):
        together.wait()
        return 10 * n

    assert threads.each(work, 3) == [0, 10, 20]
    assert threads.each(work, 0) == []


@pytest.mark.parametrize(("count", "most", "share"), [(2, 0, 2), (9, 0, 1), (9, 2, 2), (1, 0, 4), (9, 1, 4)])
def test_each_has_its_share_of_the_cores_and_its_kernels_no_more(count, most, share):
    for cores, pieces in threads.each(lambda n: (threads.cores(), pieces_of(100, 4)), count, most=most):
        assert cores == share
        assert len(pieces) == share
        assert pieces[0][0] == 0
        assert pieces[-1][1] == 100
        assert all(one[1] == two[0] for one, two in pairwise(pieces))
    assert len(pieces_of(100, 4)) == 4  # outside, as many as asked


def test_a_failure_is_raised_though_another_is_still_at_work():
    failed = threading.Event()

    def work(n):
        if n == 0:
            raise ValueError("no")
        assert failed.wait(30)

    with pytest.raises(ValueError, match="no"):
        threads.each(work, 2)
    failed.set()


def test_a_watcher_of_several_threads_never_sees_the_work_go_backwards():
    seen = []
    with shared(lambda what, fraction: seen.append((what, fraction)) or True) as watch:
        assert watch("one", 0.2)
        assert watch("two", 0.6)
        assert watch("one", 0.3)
    assert seen == [("one", 0.2), ("two", 0.6), ("one", 0.6)]


def test_who_asks_to_stop_stops_all_and_so_does_who_leaves():
    answers = iter([True, False, True])
    with shared(lambda what, fraction: next(answers)) as watch:
        assert [watch("one", 0.1), watch("two", 0.2), watch("one", 0.3)] == [True, False, False]
    with shared(lambda what, fraction: True) as watch:
        assert watch("one", 0.1)
    assert not watch("one", 0.2)
