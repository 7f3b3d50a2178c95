"""Work shared out over the cores of this machine: equal pieces, one pool, results in their own places.

A kernel that writes only its own rows gives the same numbers whatever the count of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from threading import local
from typing import TypeVar

__all__ = ["cores", "each", "in_parts", "shared_out", "worth"]

_Made = TypeVar("_Made")
_share = local()  # cores: what this thread may use of them, inside ``each``


def shared_out(work: Callable[[int, int], None], count: int, *, least: int = 1, threads: int = 0) -> None:
    """Call ``work(first, last)`` on pieces of ``range(count)``; at once where there is little to do.

    Args:
        work: releases the interpreter's lock (``nogil``) and writes rows first to last only.
        count: rows in all.
        least: rows that are worth a thread.
        threads: how many at most; 0 for every core.
    """
    in_parts(work, count, worth(count, least, threads))


def worth(count: int, least: int, threads: int = 0) -> int:
    """Into how many parts ``shared_out`` cuts."""
    return max(1, min(threads or cores(), count // max(least, 1)))


def in_parts(work: Callable[[int, int], None], count: int, parts: int) -> None:
    """Call ``work(first, last)`` on so many pieces of ``range(count)``; inside ``each`` on fewer."""
    parts = min(parts, getattr(_share, "cores", parts))
    if parts == 1:
        work(0, count)
        return
    edges = [count * part // parts for part in range(parts + 1)]
    pool = _pool(parts)
    jobs = [pool.submit(work, a, b) for a, b in pairwise(edges[:-1])]
    work(edges[-2], edges[-1])  # this thread takes its share
    for job in jobs:
        job.result()


def each(work: Callable[[int], _Made], count: int, *, most: int = 0) -> list[_Made]:
    """What ``work(n)`` gives for every n below ``count``; several at once, each with its share of the cores.

    The first failure is raised at once; what is at work by then goes on to its end.

    Args:
        work: several of them may run side by side.
        count: how many.
        most: side by side; 0 for as many as there are cores.
    """
    at_once = max(1, min(most or cores(), cores(), count))
    # a pool of its own: tasks that wait for others of the same pool would wait for ever
    pool = ThreadPoolExecutor(at_once, initializer=_share.__setattr__, initargs=("cores", cores() // at_once))
    try:
        return list(pool.map(work, range(count)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """Cores that this thread may use: its share inside ``each``, else those of the process."""
    share: int | None = getattr(_share, "cores", None)
    return share or _cores()


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="osteoplan-kernels")
