"""Intervals and paired tests over users or seeds, corrected for the number of comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
ALPHA = 0.05


def bootstrap_interval(
    values: Floats, *, seed: int, level: float = 0.95, n_resamples: int = 2000
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean.

    Efron and Tibshirani, "An introduction to the bootstrap", 1993, section 13.3.

    Parameters
    ----------
    values : numpy.ndarray
        float64 ``[n]``, one value a user.
    seed : int
    level : float
        Coverage that is aimed at.
    n_resamples : int
    """
    if len(values) < 2 or not _vary(values):
        return float(np.mean(values)), float(np.mean(values))
    found = stats.bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=n_resamples,
        batch=max(1, 2_000_000 // len(values)), method="percentile",
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = found.confidence_interval
    return float(low), float(high)


def t_interval(values: Floats, *, level: float = 0.95) -> tuple[float, float]:
    """Return Student's interval of the mean of few values, of one a seed for instance.

    Parameters
    ----------
    values : numpy.ndarray
        float64 ``[n]``; with fewer than 2 the interval is NaN, since nothing is known of it.
    level : float
        Coverage that is aimed at.

    Examples
    --------
    >>> [round(float(end), 3) for end in t_interval(np.array([1.0, 2.0, 3.0]))]
    [-0.484, 4.484]
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    reach = stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values)
    return float(np.mean(values) - reach), float(np.mean(values) + reach)


@dataclass(frozen=True)
class Comparison:
    """Two recommenders over the same users.

    Attributes
    ----------
    difference : float
        Mean of the first less mean of the second.
    interval : tuple of float
        95 % bootstrap interval of the difference.
    relative : float
        The difference as a share of the second's mean.
    p : float
        Of the paired t test; Smucker et al. (CIKM 2007) find it in agreement with the
        randomization test for means of retrieval metrics.
    p_holm : float
        After correction; equal to ``p`` before.
    """

    difference: float
    interval: tuple[float, float]
    relative: float
    p: float
    p_holm: float

    @property
    def verb(self) -> str:
        """What may be said of it: "beats", "falls behind" or "is level with"."""
        if self.p_holm >= ALPHA:
            return "is level with"
        return "beats" if self.difference > 0 else "falls behind"


def compare(a: Floats, b: Floats, *, seed: int) -> Comparison:
    """Compare two recommenders by a metric, one value a user, the same users in both.

    Raises
    ------
    ValueError
        If there are not as many values in one as in the other.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} users cannot be paired")
    d = np.asarray(a) - np.asarray(b)
    base = float(np.mean(b))
    p = float(stats.ttest_1samp(d, 0.0).pvalue) if len(d) > 1 and _vary(d) else 1.0
    mean = float(d.mean())
    relative = mean / base if base else float("nan")
    return Comparison(mean, bootstrap_interval(d, seed=seed), relative, p, p)


def _vary(d: Floats) -> bool:
    """Return whether values differ by more than what rounding does to equal ones."""
    return bool(np.ptp(d) > 1e-9 * np.abs(d).max())


def correct(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with Holm's step-down correction, in the same order.

    Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    order = np.argsort([each.p for each in comparisons], kind="stable")
    corrected, largest = list(comparisons), 0.0
    for step, index in enumerate(order):
        factor = len(order) - step
        largest = max(largest, min(1.0, factor * comparisons[index].p))
        corrected[index] = replace(comparisons[index], p_holm=largest)
    return corrected
