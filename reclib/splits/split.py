"""A sealed split and the views of it that training and ranking need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from reclib.datasets import Dataset
from reclib.splits.protocols import PROTOCOLS, RELEVANT_FROM, Protocol

Stage = Literal["valid", "test"]
IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Split:
    """Who trains on what, and who is asked for what, at one stage of an experiment.

    Parameters
    ----------
    dataset : Dataset
        After inclusion.
    protocol : str
        A name in `PROTOCOLS`.
    fold, seed : int
    interactions : pandas.DataFrame
        ``user`` and ``item`` (int32, dense), ``rating`` and ``timestamp`` where there are any,
        ``part``; sorted by user, then time, then file order.
    user_ids, item_ids : numpy.ndarray of str
        Identifier of each dense index.
    negatives : numpy.ndarray or None
        int32 ``[n_users, 100]``, the sampled candidates of ``sampled``.
    checksum : str
        SHA-256 of the content.
    stage : {"test", "valid"}
        On which part the ranking is measured.
    """

    dataset: Dataset
    protocol: str
    fold: int
    seed: int
    interactions: pd.DataFrame
    user_ids: npt.NDArray[np.object_]
    item_ids: npt.NDArray[np.object_]
    negatives: IntArray | None
    checksum: str
    stage: Stage = "test"

    @property
    def rules(self) -> Protocol:
        """The protocol's rules."""
        return PROTOCOLS[self.protocol]

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items in the catalogue."""
        return len(self.item_ids)

    @property
    def refits(self) -> bool:
        """Whether training at this stage takes in the valid part, so that none is left."""
        return self.stage == "test" and self.rules.refits

    def at(self, stage: Stage) -> Split:
        """Return the same split at another stage."""
        return self if stage == self.stage else replace(self, stage=stage)

    @property
    def validation(self) -> Split:
        """The split at the valid stage."""
        return self.at("valid")

    def _of(self, *parts: str) -> pd.DataFrame:
        kept = self.interactions["part"].isin(parts)
        return self.interactions[kept].reset_index(drop=True)

    @cached_property
    def train(self) -> pd.DataFrame:
        """What may be learned from."""
        return self._of("train", "valid") if self.refits else self._of("train")

    @cached_property
    def history(self) -> pd.DataFrame:
        """What is known of each user when the ranking is made, and is not recommended again."""
        if self.stage == "valid":
            return self._of("train", "valid-input")
        return self._of("train", "valid", "valid-input", "test-input")

    @cached_property
    def targets(self) -> pd.DataFrame:
        """The interactions that are asked for."""
        return self._of(self.stage)

    def matrix(
        self, part: Literal["train", "history"] = "train", values: str | None = None
    ) -> sp.csr_matrix:
        """Return a part as a sparse float32 matrix ``[n_users, n_items]``.

        Parameters
        ----------
        part : {"train", "history"}
        values : {"rating"}, optional
            The column that fills the matrix; ones by default.
        """
        frame = self.train if part == "train" else self.history
        data = np.ones(len(frame)) if values is None else frame[values].to_numpy()
        return self._sparse(frame, data.astype(np.float32))

    def _sparse(self, frame: pd.DataFrame, data: npt.NDArray[np.generic]) -> sp.csr_matrix:
        place = (frame["user"].to_numpy(), frame["item"].to_numpy())
        return sp.csr_matrix((data, place), shape=(self.n_users, self.n_items))

    @cached_property
    def _relevant(self) -> sp.csr_matrix:
        frame = self.targets
        if self.rules.candidates == "own test items":
            frame = frame[frame["rating"] >= RELEVANT_FROM]
        return self._sparse(frame, np.ones(len(frame), dtype=bool))

    def relevant(self) -> sp.csr_matrix:
        """Return what counts as a hit, bool ``[n_users, n_items]``."""
        return self._relevant

    @cached_property
    def _users(self) -> IntArray:
        known = np.bincount(self.history["user"], minlength=self.n_users) > 0
        asked = self.relevant().getnnz(axis=1) > 0
        return np.flatnonzero(known & asked).astype(np.int32)

    def users(self) -> IntArray:
        """Return the users that are ranked: some history, and something relevant to find."""
        return self._users

    def candidates(self, users: IntArray) -> npt.NDArray[np.bool_]:
        """Return which items are ranked for each user, bool ``[len(users), n_items]``."""
        if self.rules.candidates == "own test items":
            own = self._sparse(self.targets, np.ones(len(self.targets), dtype=bool))
            return own[users].toarray()
        if self.negatives is not None:
            allowed = self.relevant()[users].toarray()
            np.put_along_axis(allowed, self.negatives[users], True, axis=1)
            return allowed
        return self._history_matrix[users].toarray() == 0

    @cached_property
    def _history_matrix(self) -> sp.csr_matrix:
        return self.matrix("history")
