"""The figures of the report, in one style that survives colour blindness and dark pages.

Every function takes tidy data and returns the ``matplotlib`` figure that it drew.
"""

from __future__ import annotations

from reclib.figures.comparisons import (
    differences,
    floor_to_ceiling,
    gains,
    protocol_panels,
    trait_panels,
)
from reclib.figures.data import activity, category_shares, long_tail, over_time
from reclib.figures.lines import best_so_far, by_group, curves, error_curve, power_laws
from reclib.figures.scaling import serving, speed_ups
from reclib.figures.schematic import old_and_new
from reclib.figures.style import METRIC_LABELS, metric_label, use_style

__all__ = [
    "METRIC_LABELS",
    "activity",
    "best_so_far",
    "by_group",
    "category_shares",
    "curves",
    "differences",
    "error_curve",
    "floor_to_ceiling",
    "gains",
    "long_tail",
    "metric_label",
    "old_and_new",
    "over_time",
    "power_laws",
    "protocol_panels",
    "serving",
    "speed_ups",
    "trait_panels",
    "use_style",
]
