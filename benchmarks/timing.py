"""Seconds of calls that are measured in turn, so that what else goes on meets all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from reclib.progress import track

Call = Callable[[], Any]


def best_of(repeats: int, calls: Mapping[str, Call]) -> tuple[dict[str, float], dict[str, Any]]:
    """Make every call in turn, ``repeats`` times over; return their least seconds and last results.

    Seconds are those of the processor, which other programs change little; with one thread on an
    idle machine they are the seconds that pass.
    """
    seconds: dict[str, float] = dict.fromkeys(calls, float("inf"))
    results: dict[str, Any] = {}
    for _ in track(range(repeats), total=repeats, label="repeats"):
        for name, call in calls.items():
            started = time.process_time()
            results[name] = call()
            seconds[name] = min(seconds[name], time.process_time() - started)
    return seconds, results
