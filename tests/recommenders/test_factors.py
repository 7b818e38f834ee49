"""iALS: the published loss, histories folded in, and nothing but the scores."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import board, dataset, everybody, split_of

from reclib.metrics import evaluate
from reclib.recommenders.factors import IALS, last
from reclib.splits import Split

Array = npt.NDArray[Any]


def ones(frame: pd.DataFrame, split: Split) -> Array:
    found = np.zeros((split.n_users, split.n_items))
    found[frame["user"], frame["item"]] = 1
    return found


def ridge(seen: Array, strength: float, weight: float) -> float:
    """Return the ridge at nu = 0 that weighs in all as much as ``strength`` does at nu = 1."""
    users = seen.sum(axis=1) + weight * seen.shape[1]
    items = seen.sum(axis=0) + weight * seen.shape[0]
    return float(strength * (users.sum() + items.sum()) / (len(users) + len(items)))


def solved(rows: Array, others: Array, weight: float, l2: float) -> Array:
    """Return the vectors of least loss, the others fixed, by the normal equation of each row."""
    whole = weight * others.T @ others + l2 * np.eye(others.shape[1])
    found = [np.linalg.solve(whole + others.T @ (row[:, None] * others), row @ others)
             for row in rows]  # fmt: skip
    return np.array(found)


@settings(deadline=None, max_examples=10)
@given(
    strength=st.floats(0.003, 0.1), weight=st.floats(0.05, 1.0), iterations=st.integers(1, 4)
)  # fmt: skip
def test_both_halves_solve_the_published_loss(
    strength: float, weight: float, iterations: int
) -> None:
    """In the paper's scale all vectors are smaller by the root of 1 + a."""
    split = board()
    found = IALS(factors=6, regularization=strength, unobserved_weight=weight,
                 iterations=iterations).fit(split)  # fmt: skip
    scale = np.sqrt(1 + weight)
    users, items = (np.asarray(each, float) / scale
                    for each in (found.model.user_factors, found.model.item_factors))  # fmt: skip
    seen = ones(split.train, split)
    l2 = ridge(seen, strength, weight)
    np.testing.assert_allclose(items, solved(seen.T, users, weight, l2), rtol=1e-3, atol=1e-4)
    folded = solved(ones(split.history, split), items, weight, l2)
    scores = found.scores(everybody(split)) / scale**2
    np.testing.assert_allclose(scores, folded @ items.T, rtol=1e-3, atol=1e-4)


@cache
def turncoat() -> Split:
    """Return half of the users on even items, half on odd ones; the last turned from even to odd.

    The turncoat took six even items first, and then four odd ones.
    """
    random, n_items = np.random.default_rng(3), 20
    rows = [
        (user, item, float(time))
        for user in range(60)
        for time, item in enumerate(random.permutation(np.arange(user % 2, n_items, 2)))
    ]
    rows += [(60, item, float(time)) for time, item in enumerate([0, 2, 4, 6, 8, 10, 1, 3, 5, 7])]
    return split_of(
        dataset(pd.DataFrame(rows, columns=["user", "item", "timestamp"])), "leave-last-out"
    )


def test_last_n_forgets_what_was_taken_before() -> None:
    split, user = turncoat(), np.array([60], dtype=np.int32)
    new, old = [9, 11, 13, 15, 17, 19], [12, 14, 16, 18]
    whole, recent = (
        IALS(factors=2, last_n=n).fit(split).scores(user)[0] for n in (None, 2)
    )  # fmt: skip
    assert whole[old].min() > whole[new].max(), "six against three, and the three win"
    assert recent[new].min() > recent[old].max()


def test_last_keeps_the_latest_of_each_user_in_order() -> None:
    frame = pd.DataFrame({"user": [0, 1, 0, 0, 1], "item": [5, 6, 7, 8, 9]})
    assert last(frame, 2)["item"].tolist() == [6, 7, 8, 9]
    assert last(frame, None) is frame


@pytest.mark.parametrize("protocol", ["strong", "temporal"])
def test_the_history_of_the_stage_is_what_is_scored(protocol: str) -> None:
    """The test stage has seen more of a user than training has, or a user it never trained on."""
    split = split_of(board().dataset, protocol)
    found = IALS(factors=6).fit(split)
    assert found.history.nnz == len(split.history)
    more = split.history["user"].isin(split.users()).sum()
    assert more > split.train["user"].isin(split.users()).sum(), "this test has lost its power"
    assert evaluate(found, split, (1,)).summary["precision@1"] == 1


def test_a_user_without_history_scores_nothing() -> None:
    found = IALS(factors=6).fit(board())
    found.history = sp.csr_matrix(found.history.shape, dtype=np.float32)
    assert not found.scores(np.array([3], dtype=np.int32)).any()


SPEAK = """
import warnings
from planted import board
from implicit.cpu.als import AlternatingLeastSquares
from reclib.recommenders.factors import IALS
warnings.simplefilter("always")
"""
QUIET = "IALS(factors=4).fit(board()).scores(board().users())"


def said(code: str) -> str:
    variables = os.environ | {f"{name}_NUM_THREADS": "2" for name in ("OPENBLAS", "OMP", "MKL")}
    variables["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", SPEAK + code]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=True)
    return done.stdout + done.stderr


def test_implicit_still_warns_of_more_than_one_thread() -> None:
    """When this fails, upstream is quiet: see whether ``one_thread`` is still needed."""
    assert "RuntimeWarning: OpenBLAS is configured" in said("AlternatingLeastSquares(factors=4)")


def test_neither_warning_nor_progress_bar_reaches_the_page() -> None:
    assert said(QUIET) == ""
