from __future__ import annotations

import pytest

from reclib.scaling import (
    measure_batches,
    measure_catalogues,
    measure_cutoffs,
    measure_training_batches,
)
from reclib.study import Study


def test_cutoffs_are_timed_as_often_as_asked(study: Study) -> None:
    cutoffs = measure_cutoffs(study, ["popularity"], (5, 50), repeats=2)
    assert cutoffs["cutoff"].tolist() == [5, 5, 50, 50]


def test_the_size_of_a_scoring_batch_changes_no_list(study: Study) -> None:
    found = measure_batches(study, ["item-knn", "popularity"], (1, 7, 512), repeats=1)
    assert found["batch"].tolist() == [1, 7, 512, 1, 7, 512]
    assert found["same lists"].all()
    assert found["users a second"].gt(0).all()


def test_a_training_batch_has_its_speed_and_its_quality(study: Study) -> None:
    found = measure_training_batches(study, ["rnn"], (4, 40), repeats=1)
    assert found["batch"].tolist() == [4, 40]
    assert found["ndcg@10"].between(0, 1).all()
    assert found["ndcg@10"].nunique() == 2, "ten steps and one step learn the same"
    assert measure_training_batches(study, [], (4, 40), repeats=1).empty


def test_each_recommender_is_asked_over_its_own_catalogues(study: Study) -> None:
    found = measure_catalogues(study, {"popularity": (1, 3), "item-knn": (1,)}, n_single=20)
    assert found["title"].tolist() == ["Popularity", "Popularity", "Item-based CF"]
    assert found["items"].iloc[0] == found["items"].iloc[2] == study.dataset.n_items
    assert found["items"].iloc[1] == pytest.approx(3 * study.dataset.n_items, rel=0.2)
    assert found["median ms"].le(found["95 % ms"]).all()
