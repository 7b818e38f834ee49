from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_data import Fixed, random_split

from reclib import metrics, recommenders
from reclib.metrics import at_cutoff, coverage, evaluate, hits_of, novelty
from reclib.ranking import Ranking, rank
from reclib.recommenders import recbole_bridge
from reclib.recommenders.base import IntArray

N_ITEMS, K = 12, 8
NAMES = ["precision", "recall", "map", "ndcg", "mrr", "hit"]
EXACT: dict[str, Any] = {"rtol": 0, "atol": 1e-9}


@st.composite
def lists(draw: st.DrawFn) -> tuple[IntArray, np.ndarray]:
    """Draw full lists of K different items for a few users, and what is relevant to each."""
    n = draw(st.integers(1, 6))
    orders = [draw(st.permutations(range(N_ITEMS)))[:K] for _ in range(n)]
    wanted = [draw(st.sets(st.integers(0, N_ITEMS - 1), min_size=1)) for _ in range(n)]
    relevant = np.zeros((n, N_ITEMS), dtype=bool)
    for row, items in enumerate(wanted):
        relevant[row, sorted(items)] = True
    return np.array(orders, dtype=np.int32), relevant


def ours(items: IntArray, relevant: np.ndarray, k: int) -> dict[str, np.ndarray]:
    return at_cutoff(hits_of(items, relevant)[:, :k], relevant.sum(axis=1))


@pytest.mark.slow  # ranx compiles itself for a minute when it is first used
@settings(max_examples=15, deadline=None)
@given(drawn=lists(), k=st.integers(1, K))
def test_ranx_agrees(drawn: tuple[IntArray, np.ndarray], k: int) -> None:
    ranx = pytest.importorskip("ranx")
    items, relevant = drawn
    asked = {f"u{u}": {f"i{i}": 1 for i in np.flatnonzero(row)} for u, row in enumerate(relevant)}
    lists = {
        f"u{u}": {f"i{item}": float(K - place) for place, item in enumerate(row)}
        for u, row in enumerate(items)
    }
    theirs_of = {"precision": "precision", "recall": "recall", "map": "map", "ndcg": "ndcg",
                 "mrr": "mrr", "hit": "hit_rate"}  # fmt: skip
    found = ranx.evaluate(
        ranx.Qrels(asked), ranx.Run(lists), [f"{name}@{k}" for name in theirs_of.values()],
        return_mean=False,
    )  # fmt: skip
    # ranx divides map by all that is relevant, as trec_eval does; we by what a list can hold
    n_relevant = relevant.sum(axis=1)
    found[f"map@{k}"] = found[f"map@{k}"] * n_relevant / np.minimum(k, n_relevant)
    for name, column in ours(items, relevant, k).items():
        np.testing.assert_allclose(column, found[f"{theirs_of[name]}@{k}"], err_msg=name, **EXACT)


@settings(max_examples=60, deadline=None)
@given(drawn=lists(), k=st.integers(1, K))
def test_recbole_agrees(drawn: tuple[IntArray, np.ndarray], k: int) -> None:
    recbole_bridge.restore_numpy_aliases()
    import torch
    from recbole.evaluator import Evaluator
    from recbole.evaluator.collector import DataStruct

    items, relevant = drawn
    hits, n_relevant = hits_of(items, relevant), relevant.sum(axis=1, keepdims=True)
    struct = DataStruct()
    struct.set("rec.topk", torch.from_numpy(np.hstack([hits, n_relevant]).astype(np.int64)))
    config = {"metrics": NAMES, "topk": [k, K], "metric_decimal_place": 12}
    with pytest.MonkeyPatch.context() as patch:  # RecBole's Config restores it for its own runs
        patch.setattr(np, "float", np.float64, raising=False)
        found = Evaluator(config).evaluate(struct)
    for name, column in ours(items, relevant, k).items():
        assert column.mean() == pytest.approx(found[f"{name}@{k}"], abs=1e-9), name


@settings(max_examples=60, deadline=None)
@given(drawn=lists(), k=st.integers(1, K))
def test_metrics_lie_between_zero_and_one_and_reach_one(
    drawn: tuple[IntArray, np.ndarray], k: int
) -> None:
    items, relevant = drawn
    for column in ours(items, relevant, k).values():
        assert ((column >= 0) & (column <= 1 + 1e-12)).all()
    ideal = np.argsort(~relevant, axis=1, kind="stable")[:, :K].astype(np.int32)
    best = ours(ideal, relevant, k)
    for name in ("map", "ndcg", "mrr", "hit"):
        np.testing.assert_allclose(best[name], 1.0, err_msg=name)


def test_doctests_run() -> None:
    failed, tried = doctest.testmod(metrics)
    assert tried >= 2
    assert failed == 0


def test_a_list_that_a_person_can_check() -> None:
    hits = np.array([[False, True, False, True, False]])
    found = {name: column.item() for name, column in at_cutoff(hits, np.array([3])).items()}
    expected = {
        "precision": 2 / 5, "recall": 2 / 3, "map": (1 / 2 + 2 / 4) / 3, "mrr": 1 / 2, "hit": 1.0,
        "ndcg": (1 / np.log2(3) + 1 / np.log2(5)) / (1 / np.log2([2, 3, 4])).sum(),
    }  # fmt: skip
    assert found == pytest.approx(expected)


def test_precision_divides_by_the_candidates_where_they_are_fewer_than_k() -> None:
    hits = np.array([[True, False, False, False], [True, False, True, False]])
    found = at_cutoff(hits, np.array([1, 2]), np.array([2, 9]))
    assert found["precision"].tolist() == [1 / 2, 2 / 4]


def test_an_empty_place_is_no_hit_even_if_the_first_item_is_relevant() -> None:
    relevant = np.array([[True, True, False]])
    assert hits_of(np.array([[1, -1, -1]], np.int32), relevant).tolist() == [[True, False, False]]


def test_novelty_is_in_bits_and_passes_over_empty_places() -> None:
    popularity = np.array([8, 2, 0])
    lists = np.array([[0, 1], [1, -1], [2, -1], [-1, -1]], np.int32)
    assert novelty(lists, popularity, 8).tolist() == [(0 + 2) / 2, 2, 3, 0]


def test_coverage_counts_items_once_and_no_empty_place() -> None:
    lists = np.array([[3, 1], [3, -1]], np.int32)
    ranking = Ranking(np.arange(2, dtype=np.int32), lists, np.array([2, 1]))
    assert coverage(ranking, 1, 10) == 0.1
    assert coverage(ranking, 2, 10) == 0.2


def test_evaluate_measures_each_cutoff_on_the_same_lists() -> None:
    split = random_split()
    popularity = recommenders.build("popularity").fit(split)
    done = evaluate(popularity, split, cutoffs=(3, 10))
    ranking = rank(popularity, split, k=3)
    np.testing.assert_array_equal(done.top[:, :3], ranking.items)
    relevant = split.relevant()[ranking.users].toarray()
    alone = at_cutoff(hits_of(ranking.items, relevant), relevant.sum(axis=1))
    for name in NAMES:
        np.testing.assert_allclose(done.per_user[f"{name}@3"], alone[name])
        assert done.summary[f"{name}@3"] == pytest.approx(alone[name].mean())
    assert done.per_user.index.tolist() == split.users().tolist()
    assert set(done.summary) - set(done.per_user) == {"coverage@3", "coverage@10"}


def test_cutoffs_above_the_catalogue_are_left_out() -> None:
    split = random_split()
    scores = Fixed(np.zeros((split.n_users, split.n_items)))
    assert "recall@50" not in evaluate(scores, split, (5, 50)).summary
    only = evaluate(scores, split, (50,)).summary
    assert only["recall@30"] == 1.0, "a list as long as the catalogue misses something"


@pytest.mark.parametrize("protocol", ["holdout", "rated-only", "temporal", "strong"])
def test_the_oracle_is_the_ceiling_and_random_is_below(protocol: str) -> None:
    split = random_split(protocol)
    oracle, random = (
        evaluate(recommenders.build(name).fit(split), split).per_user
        for name in ("oracle", "random")
    )
    np.testing.assert_allclose(oracle["ndcg@10"], 1.0)
    measured = [f"{name}@{k}" for name in NAMES for k in (5, 10, 20)]
    assert (oracle[measured] >= random[measured] - 1e-12).all().all()
    assert oracle["ndcg@10"].mean() > random["ndcg@10"].mean()
