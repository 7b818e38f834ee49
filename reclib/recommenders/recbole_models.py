"""RecBole models behind the one interface, by the way in which they use a history."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
import torch

from reclib.errors import ProtocolUnsupported
from reclib.recommenders import linear, neighbours
from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.recommenders.recbole_bridge import (
    Interaction,
    Prepared,
    init_seed,
    open_trainer,
    prepare,
    quiet,
)
from reclib.splits import Split

OURS = {
    "UserKNN": neighbours.UserKNN,
    "TunedItemKNN": neighbours.ItemKNN,
    "RatedUserKNN": neighbours.RatedUserKNN,
    "RatedItemKNN": neighbours.RatedItemKNN,
    "TunedEASE": linear.TunedEASE,
}


class RecBole(Recommender):
    """A RecBole model that is trained and scored on a sealed split.

    Parameters
    ----------
    model : str
        Name of a RecBole model or of one of `OURS`.
    seed : int
    max_epochs, patience : int
        Most epochs of a model that is trained by gradient, and epochs without a better valid
        NDCG@10 before it stops.
    epochs : int, optional
        Train for as many, without looking at the valid part.
    last_n : int or None
        How many of the last interactions of a history a closed form looks at.
    max_len : int
        Longest history of a sequential model.
    budget_seconds : float or None
        Training stops after the first epoch that ends later than this.
    **options : Any
        RecBole's own options.
    """

    max_len = 0

    def __init__(
        self,
        model: str,
        *,
        seed: int = 2026,
        max_epochs: int = 100,
        patience: int = 5,
        epochs: int | None = None,
        last_n: int | None = None,
        budget_seconds: float | None = None,
        **options: Any,
    ) -> None:
        self.model_name, self.seed, self.last_n = model, seed, last_n
        self.max_epochs, self.patience = max_epochs, patience
        self.budget_seconds, self.epochs = budget_seconds, epochs
        self.options: Mapping[str, Any] = options

    def fit(self, split: Split) -> Self:
        """Build the model; if it learns by gradient, train it and keep the best epoch.

        Where the valid part belongs to the training part, the number of epochs is found at the
        valid stage, and the model is then trained from scratch for as many.
        """
        if self.epochs and self._learns():
            self._train(split, validate=False, epochs=self.epochs)
        elif split.refits and self._learns():
            best = self._train(split.validation, validate=True)
            curve = self.curve
            self._train(split, validate=False, epochs=best)
            self.curve = curve
        elif self._learns():
            self._train(split.validation, validate=True)
        else:
            self._open(split)
        self._remember(split)
        return self

    def _learns(self) -> bool:
        return True

    def _open(self, split: Split) -> Prepared:
        model = OURS.get(self.model_name, self.model_name)
        self.prepared = prepare(model, split, self.options, seed=self.seed, max_len=self.max_len)
        return self.prepared

    def _train(self, split: Split, *, validate: bool, epochs: int | None = None) -> int:
        """Train and return the number of the best epoch, counted from 1."""
        from reclib.metrics import evaluate  # here, because metrics import this package

        prepared = self._open(split)
        model, trainer = prepared.model, open_trainer(prepared)
        best, best_value, best_state = 0, -np.inf, None
        rows, started = [], time.perf_counter()
        init_seed(self.seed, reproducibility=True)
        for epoch in range(1, (epochs or self.max_epochs) + 1):
            with quiet():
                loss = trainer._train_epoch(prepared.train_data, epoch - 1)
            row = {"epoch": epoch - 1, "train_loss": float(np.sum(loss))}
            if validate:
                self._remember(split)
                model.eval()
                value = evaluate(self, split, (10,)).summary["ndcg@10"]
                row["valid_ndcg@10"] = value
                if value > best_value:
                    best, best_value = epoch, value
                    best_state = copy.deepcopy(model.state_dict())
            rows.append(row | {"seconds": time.perf_counter() - started})
            late = self.budget_seconds and rows[-1]["seconds"] > self.budget_seconds
            if late or (validate and epoch - best >= self.patience):
                break
        if best_state is not None:
            model.load_state_dict(best_state)
            if hasattr(model, "restore_user_e"):  # LightGCN's vectors of the last epoch
                model.restore_user_e = model.restore_item_e = None
        self.curve = pd.DataFrame(rows)
        if validate:
            self.found = {"epochs": best}
        model.eval()
        return best

    def _remember(self, split: Split) -> None:
        """Keep what scoring needs of the histories."""
        known = np.bincount(split.train["user"], minlength=split.n_users) > 0
        if not known[split.users()].all():
            raise ProtocolUnsupported(
                f"'{self.model_name}' knows only users whom it was trained on",
                f"Choose another recommender for '{split.protocol}'.",
            )

    def scores(self, users: IntArray) -> FloatArray:
        """Return scores ``[len(users), n_items]`` from the vectors of users and items."""
        prepared = self.prepared
        index = torch.from_numpy(prepared.users[users])
        with torch.inference_mode(), quiet():
            found = self._predict(index)
        wide = found.view(len(users), -1).cpu().numpy()
        return wide.take(prepared.items, axis=1).astype(np.float32, copy=False)

    def _predict(self, users: torch.Tensor) -> torch.Tensor:
        """Return the scores of all items, flat; NeuMF has to be asked pair by pair."""
        model = self.prepared.model
        try:
            return model.full_sort_predict(Interaction({model.USER_ID: users}))
        except NotImplementedError:
            items = torch.arange(len(self.prepared.items) + 1)
            pairs = {
                model.USER_ID: users.repeat_interleave(len(items)),
                model.ITEM_ID: items.repeat(len(users)),
            }
            return model.predict(Interaction(pairs))


class FromHistory(RecBole):
    """A closed form that scores any history: our neighbours, and RecBole's item-item models."""

    def _learns(self) -> bool:
        return False

    def _remember(self, split: Split) -> None:
        prepared, frame = self.prepared, split.history
        if self.last_n is not None:
            frame = frame.groupby("user", sort=False).tail(self.last_n)
        rated = isinstance(prepared.model, neighbours.RatedNeighbours)
        data = frame["rating"] if rated else np.ones(len(frame))
        place = (frame["user"].to_numpy(), prepared.items[frame["item"].to_numpy()])
        shape = (split.n_users, len(prepared.items) + 1)
        self.history = sp.csr_matrix((np.asarray(data, np.float32), place), shape=shape)

    def scores(self, users: IntArray) -> FloatArray:
        """Return scores ``[len(users), n_items]`` of the users' histories."""
        prepared = self.prepared
        index = prepared.users[users]
        wide = _closed_form(prepared.model, self.history[users], index)
        return wide.take(prepared.items, axis=1).astype(np.float32, copy=False)


def _closed_form(model: Any, history: sp.csr_matrix, users: npt.NDArray[np.int64]) -> FloatArray:
    if isinstance(model, neighbours.ClosedForm):
        return model.scores_for(history, users)
    similar = model.item_similarity if hasattr(model, "item_similarity") else model.w
    product = history @ (similar if sp.issparse(similar) else np.asarray(similar))
    dense: FloatArray = product.toarray() if sp.issparse(product) else product
    return dense


class Autoencoder(RecBole):
    """A model whose input is the whole row of a user, so that it can score any history."""

    def _remember(self, split: Split) -> None:
        frame, prepared = split.history, self.prepared
        place = (frame["user"].to_numpy(), prepared.items[frame["item"].to_numpy()])
        shape = (split.n_users, len(prepared.items) + 1)
        self.history = sp.csr_matrix((np.ones(len(frame), np.float32), place), shape=shape)

    def scores(self, users: IntArray) -> FloatArray:
        """Return scores ``[len(users), n_items]`` of the users' histories."""
        rows = torch.from_numpy(self.history[users].toarray())
        with torch.inference_mode():
            found = self.prepared.model.forward(rows)[0].cpu().numpy()
        return found.take(self.prepared.items, axis=1).astype(np.float32, copy=False)


class Sequential(RecBole):
    """A sequential model; RecBole trains it on every prefix of every history."""

    def __init__(self, model: str, *, max_len: int = 50, **options: Any) -> None:
        super().__init__(model, **options)
        self.max_len = max_len

    def _open(self, split: Split) -> Prepared:
        longest = int(split.train["user"].value_counts().max())
        self.max_len = max(1, min(self.max_len, longest - 1))  # Caser wants one full window
        return super()._open(split)

    def _remember(self, split: Split) -> None:
        if hasattr(self.prepared.model, "user_embedding"):  # Caser's
            super()._remember(split)
        tail = split.history.groupby("user", sort=False).tail(self.max_len)
        place = tail.groupby("user", sort=False).cumcount()
        self.sequences = np.zeros((split.n_users, self.max_len), dtype=np.int64)
        self.sequences[tail["user"], place] = self.prepared.items[tail["item"]]

    def scores(self, users: IntArray) -> FloatArray:
        """Return scores ``[len(users), n_items]`` of what follows the users' histories."""
        model, rows = self.prepared.model, torch.from_numpy(self.sequences[users])
        lengths = (rows > 0).sum(dim=1).clamp(min=1)
        asked = Interaction({
            model.USER_ID: torch.from_numpy(self.prepared.users[users]),
            model.ITEM_SEQ: rows, model.ITEM_SEQ_LEN: lengths,
        })  # fmt: skip
        with torch.inference_mode():
            found = model.full_sort_predict(asked).cpu().numpy()
        return found.take(self.prepared.items, axis=1).astype(np.float32, copy=False)
