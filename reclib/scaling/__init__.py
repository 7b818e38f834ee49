"""How time, memory and quality change while one thing grows: data, machine, lists, batches."""

from __future__ import annotations

from reclib.scaling.lists import (
    measure_batches,
    measure_catalogues,
    measure_cutoffs,
    measure_training_batches,
)
from reclib.scaling.parallel import (
    amdahl,
    limited_threads,
    measure_threads,
    measure_workers,
    speed_ups,
)
from reclib.scaling.prediction import predict_largest
from reclib.scaling.samples import grow, sample
from reclib.scaling.sizes import DIMENSIONS, exponents, measure
from reclib.scaling.timed import is_network, timed_settings

__all__ = [
    "DIMENSIONS",
    "amdahl",
    "exponents",
    "grow",
    "is_network",
    "limited_threads",
    "measure",
    "measure_batches",
    "measure_catalogues",
    "measure_cutoffs",
    "measure_threads",
    "measure_training_batches",
    "measure_workers",
    "predict_largest",
    "sample",
    "speed_ups",
    "timed_settings",
]
