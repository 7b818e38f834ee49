"""A plain weighted sum of two recommenders: the peer that an integrated model has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from reclib.metrics import evaluate
from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.recommenders.catalogue import build

if TYPE_CHECKING:
    from reclib.splits import Split

WEIGHTS = tuple(step / 10 for step in range(11))
METRIC = "ndcg@10"


@dataclass(kw_only=True)
class Ensemble(Recommender):
    """Two recommenders that are trained apart, their standardised scores added up.

    Each user's scores are shifted and scaled to mean 0 and standard deviation 1 over the
    catalogue; the weight of the second recommender is the tenth that ranks best on valid.

    Parameters
    ----------
    members : mapping
        The two recommenders by name, each with its settings.
    weight : float, optional
        Of the second, in [0, 1]; chosen on valid if it is not given.
    seed : int
        Of both.
    """

    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weight: float | None = None
    seed: int = 2026

    def fit(self, split: Split) -> Self:
        """Fit both on the valid stage, choose the weight there, and fit both on the split."""
        self.share = self._choose(split) if self.weight is None else self.weight
        if self.weight is not None or split.stage != "valid":
            self._fit(split)
        return self

    def _choose(self, split: Split) -> float:
        self._fit(split.validation)
        means = []
        for self.share in WEIGHTS:
            means.append(evaluate(self, split.validation, (10,)).summary[METRIC])
        best = WEIGHTS[int(np.argmax(means))]
        self.found = {"weight": best}
        return best

    def _fit(self, split: Split) -> None:
        pair = [
            build(name, settings, seed=self.seed).fit(split)
            for name, settings in self.members.items()
        ]
        self.first, self.second = pair

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]``."""
        first, second = (standardised(each.scores(users)) for each in (self.first, self.second))
        return (1 - self.share) * first + self.share * second


def standardised(scores: FloatArray) -> FloatArray:
    """Shift and scale each row to mean 0 and standard deviation 1; a constant one becomes 0."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
