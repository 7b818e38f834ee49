"""The target ``ratings``: what the network expects, what CF expects, and how they mix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from planted import DEEP, everybody, likes, rated, rated_in_time, split_of

from reclib.metrics import evaluate
from reclib.recommenders import build
from reclib.recommenders.deep.data import HistoryData, log_of
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.models import Integrated, inputs, target_of
from reclib.recommenders.deep.rated import Ratings
from reclib.recommenders.deep.scored import RATING_SCALE
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.trained import CF_SHARES
from reclib.splits import Split


def graded() -> Split:
    """Return ratings of levels 1 to 5 on which neighbours have something to say."""
    data = likes(60, times=True)
    frame = data.interactions.copy()
    frame["rating"] = (frame["rating"] + np.random.default_rng(4).integers(-2, 3, len(frame))).clip(
        1, 5
    )
    return split_of(replace(data, interactions=frame), "rated-only")


def model(**changes: Any) -> Integrated:
    return Integrated(**DEEP | {"max_epochs": 1} | changes)


@pytest.mark.parametrize("max_len", [200, 4])
def test_cf_alone_is_item_based_cf_over_ratings_but_for_the_users_level(max_len: int) -> None:
    split = graded()
    options = {"n_neighbours": 7, "shrink": 3.0, "centre": "bias"}
    expected = build("item-knn-ratings", options).fit(split).scores(everybody(split))
    found = model(max_len=max_len, cf_neighbours=7, cf_shrink=3.0, epochs=1, cf_weight=1.0).fit(
        split
    )
    difference = expected - found.scores(everybody(split))
    np.testing.assert_allclose(difference, difference[:, :1].repeat(split.n_items, 1), atol=1e-4)


def test_a_rating_takes_no_part_in_the_expectation_of_its_own_item() -> None:
    split = graded()
    histories = log_of(split, "train", Context.of(split.train)).histories()
    ratings = Ratings(histories, np.arange(1.0, 6.0), 99, 1.0)
    assert not ratings.similar.to_dense().diagonal().any()
    assert ratings.similar.to_dense().any()


def network(split: Split, **changes: Any) -> tuple[IntegratedModule, Any]:
    """Return a module for ratings and its first training batch."""
    settings, context = Settings(**DEEP | changes), Context.of(split.train)
    torch.manual_seed(1)
    found = IntegratedModule(inputs(split, context, settings, "ratings"), settings, "ratings")
    torch.nn.init.normal_(found.level.weight)
    return found.eval(), HistoryData(split, None, context, settings, "ratings").batches(0)[0]


def test_rating_loss_is_the_mean_squared_error_of_each_gap() -> None:
    split = graded()
    found, batch = network(split, branches=("rnn", "side"))
    table = found.states.table()
    states, _ = found.states.between(batch, table, skip=1)
    errors = []
    for row, length in enumerate(batch.lengths.tolist()):
        for step in range(length):
            item, state = batch.items[row, step], states[row, step]
            expected = split.train["rating"].mean() + found.bias[item] + found.level(state)
            expected = expected + RATING_SCALE * state @ table[item]
            errors.append((expected - (batch.context[row, step, 0] + 1)) ** 2)
    torch.testing.assert_close(
        found.rating_loss(batch), torch.stack(errors).mean().to(torch.float32), rtol=1e-4, atol=0.0
    )


def test_the_rating_of_a_gap_is_not_read() -> None:
    """A loss that could see its own rating would teach nothing."""
    found, batch = network(graded(), branches=("cnn", "rnn", "attention", "side"))
    table, other = found.states.table(), batch.context.clone()
    other[:, 2, 0] = (other[:, 2, 0] + 1) % 5
    before, _ = found.states.between(batch, table, skip=1)
    after, _ = found.states.between(batch._replace(context=other), table, skip=1)
    torch.testing.assert_close(before[:, 2], after[:, 2])
    assert not torch.isclose(before[:, 3], after[:, 3]).all()


def test_the_score_of_an_item_is_its_mean_rating_over_all_gaps() -> None:
    split = rated_in_time()
    found = model(branches=("rnn",), max_len=7).fit(split)
    user = np.array([3], np.int32)
    (_, batch), *_ = found._batches(user)
    table = found.module.states.table()
    states, _ = found.module.states.between(batch, table, skip=0)
    inside = torch.arange(states.shape[1]) <= batch.lengths[:, None]
    ratings = (RATING_SCALE * states @ table.T)[inside].mean(0) + found.module.bias
    expected = (split.train["rating"].mean() + ratings).detach().numpy()
    np.testing.assert_allclose(found.scores(user)[0], expected, atol=1e-4)


def test_the_share_of_cf_is_the_one_that_ranks_best_on_valid() -> None:
    valid = graded().at("valid")
    found = model(branches=("cf", "rnn")).fit(valid)
    values = []
    for share in CF_SHARES:
        found.module.cf_weight.fill_(share)
        values.append(evaluate(found, valid, (10,)).summary["ndcg@10"])
    assert max(values) == pytest.approx(float(found.curve["valid_ndcg@10"].max()), abs=1e-6)
    assert found.found["cf_weight"] == pytest.approx(CF_SHARES[int(np.argmax(values))])
    assert max(values) > min(values)


def test_ratings_are_learned_where_rated_items_alone_are_ranked() -> None:
    split = rated_in_time()
    assert target_of("auto", split) == "ratings"
    assert target_of("auto", split_of(split.dataset, "holdout")) == "gaps"
    assert target_of("auto", rated()) == "set", "without times there is no before and after"
    same = split.interactions.assign(rating=4.0)
    assert target_of("auto", replace(split, interactions=same)) == "gaps", "nothing to tell apart"


def test_gate_is_the_mean_over_all_gaps() -> None:
    split = rated_in_time()
    shares = model().fit(split).gate(everybody(split))
    assert list(shares.columns) == ["cnn", "rnn", "attention", "side"]
    pd.testing.assert_series_equal(
        shares.sum(axis=1), pd.Series(1.0, shares.index), check_dtype=False, atol=1e-5
    )
