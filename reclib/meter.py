"""Seconds and memory of a block of code."""

from __future__ import annotations

import threading
import time
from typing import Self

import psutil


class Meter:
    """Measures the block that it surrounds.

    Attributes
    ----------
    seconds : float
        Wall clock.
    peak_memory_mb : float
        Most resident memory above that at the start, in MB (10**6 bytes), seen by looking every
        few milliseconds; at least 1, the grain of what an allocator gives back.
    """

    def __init__(self, interval: float = 0.005) -> None:
        self.interval, self.seconds, self.peak_memory_mb = interval, 0.0, 1.0

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._base = self._process.memory_info().rss
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        self._started = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self._done.set()
        self._watch.join()
        self._note()

    def _note(self) -> None:
        above = (self._process.memory_info().rss - self._base) / 1e6
        self.peak_memory_mb = max(self.peak_memory_mb, above)

    def _look(self) -> None:
        while not self._done.wait(self.interval):
            self._note()
