"""The one interface that the evaluator knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from reclib.splits import Split

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]


class Recommender(ABC):
    """Learns from a split and scores the whole catalogue for a batch of users.

    Attributes
    ----------
    curve : pandas.DataFrame or None
        One row an epoch (``epoch``, ``train_loss``, ``valid_ndcg@10``, ``seconds``) of a
        recommender that is trained step by step; None for closed forms.
    device : str
        Where the scores are computed.
    found : mapping
        What training found out on valid, as settings that repeat it without looking there.
    world_size : int
        Number of processes that trained together.
    """

    curve: pd.DataFrame | None = None
    device: str = "cpu"
    found: Mapping[str, Any] = MappingProxyType({})
    world_size: int = 1

    @abstractmethod
    def fit(self, split: Split) -> Self:
        """Learn from ``split.train``; at scoring time ``split.history`` is the input."""

    @abstractmethod
    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]``; higher ranks first.

        The history is not masked here: the evaluator does that for every recommender alike.
        """
