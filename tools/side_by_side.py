"""Run several pieces of work at a time, each in a process of its own, the longest first."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import TypeVar

from tqdm import tqdm

Result = TypeVar("Result")


def side_by_side(
    work: Callable[[str, int], Result],
    minutes: Mapping[str, float],
    jobs: int,
    after: Mapping[str, str],
) -> list[Result]:
    """Do all the work, so many pieces at a time, and return the results in the order of names.

    Args:
        work: Gets a name and a line of the terminal for its bar, from 0; picklable.
        minutes: By name, how long each will take, about.
        jobs: Pieces at a time; a single one is done here.
        after: By name, what has to be done before it, where that is among the names.
    """
    if jobs < 2:
        return [work(name, 0) for name in minutes]
    queue = in_order(minutes, after)
    results: dict[str, Result] = {}
    running: dict[Future[Result], tuple[str, int]] = {}
    spawn = multiprocessing.get_context("spawn")  # a fork would share threads of torch
    bars = (spawn.RLock(),)  # one process writes at a time
    with ProcessPoolExecutor(jobs, spawn, tqdm.set_lock, bars) as pool:
        while len(results) < len(minutes):
            free = sorted(set(range(jobs)) - {line for _, line in running.values()})
            ready = [n for n in queue if after.get(n) not in minutes.keys() - results.keys()]
            for name, line in zip(ready, free, strict=False):
                queue.remove(name)
                running[pool.submit(work, name, line)] = name, line
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                results[running.pop(future)[0]] = future.result()
    return [results[name] for name in minutes]


def in_order(minutes: Mapping[str, float], after: Mapping[str, str]) -> list[str]:
    """Names by the time until the last that waits for them is done, the longest first."""

    def until_the_last(name: str) -> float:
        waiting = [other for other in minutes if after.get(other) == name]
        return minutes[name] + max(map(until_the_last, waiting), default=0.0)

    return sorted(minutes, key=until_the_last, reverse=True)
