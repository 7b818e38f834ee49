"""Refusals of what cannot fit, with the size it would need and the alternative."""

from __future__ import annotations

from typing import Any

import numpy as np
import psutil
import pytest
import scipy.sparse as sp
from planted import ring

from reclib import memory
from reclib.errors import DataError
from reclib.meter import Meter
from reclib.recommenders import build
from reclib.recommenders.ease import ease, peak_bytes


def test_the_limit_is_what_is_free_or_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.LIMIT, raising=False)
    assert 0 < memory.limit() <= psutil.virtual_memory().total
    monkeypatch.setenv(memory.LIMIT, "1.5")
    assert memory.limit() == 1_500_000_000
    for wrong in ("much", "-1", "0", "nan"):
        monkeypatch.setenv(memory.LIMIT, wrong)
        with pytest.raises(DataError, match="Give GB, such as 16"):
            memory.limit()


def test_a_million_items_are_refused_before_anything_is_allocated() -> None:
    matrix = sp.csr_matrix((1000, 1_000_000), dtype=np.float32)
    with Meter() as meter, pytest.raises(DataError) as refused:
        ease(matrix, 1.0)
    assert "EASE on 1,000,000 items needs about 4,028.0 GB of memory" in str(refused.value)
    assert "Choose 'item-knn'" in str(refused.value)
    assert meter.peak_memory_mb < 50


@pytest.mark.parametrize(
    ("name", "settings", "needed", "instead"),
    [
        ("ease", {}, "EASE on 21 items needs", "Choose 'item-knn'"),
        ("transitions", {}, "the matrix of transitions between 20 items needs", "Choose 'rnn'"),
        ("integrated", {"cf_folds": 2}, "the CF branch over 20 items in 2 folds needs",
         "Set cf_items or cf_folds lower, or leave 'cf' out of the branches"),
    ],
)  # fmt: skip
def test_closed_forms_say_what_they_need_and_what_to_do(
    name: str, settings: Any, needed: str, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(memory.LIMIT, "0.000001")
    with pytest.raises(DataError) as refused:
        build(name, settings).fit(ring())
    for part in (needed, instead, "RECLIB_MEMORY_GB sets another limit", "and 0.0 GB may be taken"):
        assert part in str(refused.value)


@pytest.mark.parametrize(("n_users", "n_items"), [(3000, 1500), (300, 5000)])
def test_what_ease_is_said_to_need_is_what_it_takes(n_users: int, n_items: int) -> None:
    matrix = sp.random(n_users, n_items, 0.01, format="csr", dtype=np.float32, random_state=0)
    matrix.data[:] = 1.0
    ease(matrix[:, :50], 1.0)
    ease(matrix[:20, :50], 1.0)  # the library's own buffers
    with Meter(0.0005) as meter:
        ease(matrix, 100.0)
    said = peak_bytes(n_users, n_items) / 1e6
    assert 0.6 * said < meter.peak_memory_mb < 1.5 * said
