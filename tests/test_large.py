"""What a million items need: minutes and gigabytes; ``make test-large``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import scipy.sparse as sp
from small_data import Fixed

from reclib.datasets import Dataset
from reclib.meter import Meter
from reclib.ranking import rank
from reclib.recommenders import build
from reclib.recommenders.deep import training
from reclib.recommenders.similarity import neighbours
from reclib.splits import make_split

N_ITEMS, N_USERS, N = 1_000_000, 200_000, 2_000_000
pytestmark = pytest.mark.large


def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Return users and items: every item once, and as many more of a few popular ones."""
    random = np.random.default_rng(0)
    popular = np.minimum(random.zipf(1.3, N - N_ITEMS) - 1, N_ITEMS - 1)
    items = np.concatenate([random.permutation(N_ITEMS), popular])
    return random.integers(0, N_USERS, N), items


def test_item_based_cf_compares_a_million_items_within_eight_gigabytes() -> None:
    users, items = pairs()
    matrix = sp.csr_matrix((np.ones(N, np.float32), (items, users)), (N_ITEMS, N_USERS))
    with Meter(0.05) as meter:
        near = neighbours(matrix, matrix, similarity="cosine", k=50, own=np.arange(N_ITEMS))
    assert meter.peak_memory_mb < 8000
    rows = np.array([0, 1, 77, 999_999])
    alone = neighbours(matrix[rows], matrix, similarity="cosine", k=50, own=rows)
    np.testing.assert_array_equal(near[rows].toarray(), alone.toarray())


def test_the_integrated_model_trains_on_a_million_items_within_twenty_gigabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, items = pairs()
    frame = pd.DataFrame({"user_id": np.sort(users), "item_id": items}).drop_duplicates()
    frame = frame.astype(str).assign(timestamp=np.arange(len(frame), dtype=float))
    split = make_split(Dataset("million", "Million", frame), "leave-last-out").at("valid")
    monkeypatch.setattr(training.pl, "Trainer", partial(pl.Trainer, limit_train_batches=300))
    settings = {"max_epochs": 1, "batch_size": 64, "max_len": 50, "valid_users": 100}
    settings |= {"cf_items": 4000, "cf_folds": 2, "folder": str(tmp_path)}
    with Meter(0.05) as meter:
        found = build("integrated", settings).fit(split)
    assert meter.peak_memory_mb < 20_000
    assert found.curve is not None
    assert found.curve["train_loss"].iloc[0] < np.log(N_ITEMS)
    assert found.scores(split.users()[:3]).shape == (3, N_ITEMS)


def test_ranking_a_million_items_keeps_to_its_block() -> None:
    users, items = pairs()
    frame = pd.DataFrame({"user_id": users, "item_id": items}).drop_duplicates().astype(str)
    split = make_split(Dataset("million", "Million", frame), "holdout").at("valid")
    popularity = np.bincount(split.train["item"], minlength=split.n_items).astype(np.float32)

    class Popular(Fixed):
        def scores(self, users: np.ndarray) -> np.ndarray:
            return np.tile(self.values, (len(users), 1))

    object.__setattr__(split, "_users", split.users()[:200])
    with Meter(0.005) as meter:
        found = rank(Popular(popularity), split, k=10, block_mb=500)
    assert meter.peak_memory_mb < 700
    assert len(found.items) == 200
