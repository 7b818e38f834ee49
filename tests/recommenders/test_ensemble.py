"""The weighted sum of two recommenders, and how its weight is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from planted import board, everybody, fitted

from reclib.metrics import Evaluation, evaluate
from reclib.recommenders import Recommender, build, ensemble
from reclib.recommenders.ensemble import WEIGHTS, Ensemble, standardised
from reclib.splits import Split

PAIR: dict[str, Any] = {"popularity": {}, "item-knn": {"n_neighbours": 9}}


def test_standardised_scores_have_mean_0_and_deviation_1_and_constant_ones_are_0() -> None:
    scores = standardised(np.array([[1, 2, 6], [5, 5, 5]], np.float32))
    np.testing.assert_allclose(scores.mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(scores.std(1), [1, 0], atol=1e-6)
    assert scores.dtype == np.float32


@pytest.mark.parametrize(("weight", "name"), [(0.0, "popularity"), (1.0, "item-knn")])
def test_at_the_ends_one_member_ranks_alone(weight: float, name: str) -> None:
    split = board()
    both = Ensemble(members=PAIR, weight=weight).fit(split)
    alone = build(name, PAIR[name]).fit(split).scores(everybody(split))
    np.testing.assert_allclose(both.scores(everybody(split)), standardised(alone), atol=1e-6)
    assert not both.found, "nothing was looked for"


def test_between_the_ends_both_count_by_their_weight() -> None:
    split, users = board(), everybody(board())
    both = Ensemble(members=PAIR, weight=0.25).fit(split)
    first, second = (standardised(build(n, s).fit(split).scores(users)) for n, s in PAIR.items())
    np.testing.assert_allclose(both.scores(users), 0.75 * first + 0.25 * second, atol=1e-6)


def test_the_weight_is_the_one_that_ranks_best_on_valid() -> None:
    split = board()
    found = Ensemble(members=PAIR).fit(split)
    values = {
        weight: evaluate(
            Ensemble(members=PAIR, weight=weight).fit(split.validation), split.validation, (10,)
        ).summary["ndcg@10"]
        for weight in WEIGHTS
    }
    assert values[found.share] == max(values.values()) > min(values.values())
    assert found.found == {"weight": found.share}


def test_the_weight_is_never_looked_for_in_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def spy(found: Recommender, split: Split, cutoffs: tuple[int, ...]) -> Evaluation:
        asked.append(split.stage)
        return evaluate(found, split, cutoffs)

    monkeypatch.setattr(ensemble, "evaluate", spy)
    Ensemble(members=PAIR).fit(board())
    assert asked == ["valid"] * len(WEIGHTS)


def test_its_seed_is_that_of_its_members() -> None:
    split, pair = board(), {"random": {}, "popularity": {}}
    both = Ensemble(members=pair, weight=0.0, seed=7).fit(split)
    alone = build("random", seed=7).fit(split).scores(everybody(split))
    np.testing.assert_allclose(both.scores(everybody(split)), standardised(alone), atol=1e-6)


def test_its_members_are_fitted_on_what_the_split_trains_on() -> None:
    split = board()
    found = Ensemble(members=PAIR).fit(split)
    again = Ensemble(members=PAIR, weight=found.share).fit(split)
    users = everybody(split)
    assert np.array_equal(found.scores(users), again.scores(users))
    other = Ensemble(members=PAIR, weight=found.share).fit(split.validation)
    assert not np.array_equal(found.scores(users), other.scores(users)), "valid is learned from"


def test_by_name_it_takes_the_settings_of_its_members() -> None:
    assert fitted("ensemble", board(), epochs=1).members["ease"] == {"reg_weight": 10.0}  # type: ignore[attr-defined]
