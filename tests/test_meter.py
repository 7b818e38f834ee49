from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from reclib.meter import Meter


def test_seconds_are_those_of_the_block() -> None:
    with Meter() as meter:
        time.sleep(0.1)
    assert 0.1 <= meter.seconds < 1.0
    measured = meter.seconds
    time.sleep(0.05)
    assert meter.seconds == measured


def test_memory_that_is_given_back_within_the_block_is_seen() -> None:
    with Meter() as meter:
        block = np.ones(20_000_000)  # 160 MB
        time.sleep(0.05)
        del block
    assert 140 <= meter.peak_memory_mb < 400


def test_a_block_that_takes_nothing_has_the_least_that_can_be_told() -> None:
    with Meter() as meter:
        pass
    assert meter.peak_memory_mb == pytest.approx(1.0, abs=3)
    assert meter.peak_memory_mb >= 1


def test_an_error_passes_through_and_the_watch_ends() -> None:
    before = threading.active_count()
    meter = Meter()
    with pytest.raises(ZeroDivisionError), meter:
        _ = 1 / 0
    assert threading.active_count() == before
    assert meter.seconds > 0
