"""Every recommender has to give back an answer that was planted in the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from planted import board, fitted, rated, rated_in_time, ring

from reclib.metrics import evaluate
from reclib.recommenders import CATALOGUE

BOUNDS = {"random", "popularity", "pop", "oracle", "bias"}
RATED = {"user-knn-ratings", "item-knn-ratings"}
OTHERWISE = {"social-cf": "test_social.py", "content": "test_content.py"}
"""Those that ask for links or attributes, and where their answers are planted."""
READERS = ("sequential", "deep", "ensemble")
IN_ORDER = [name for name, entry in CATALOGUE.items() if entry.family in READERS]
IN_NO_ORDER = [
    name
    for name, entry in CATALOGUE.items()
    if entry.family != "sequential" and name not in BOUNDS | RATED | {*OTHERWISE}
]


def test_every_recommender_has_a_planted_answer_or_is_a_bound() -> None:
    assert {*IN_ORDER, *IN_NO_ORDER, *OTHERWISE} | BOUNDS | RATED == set(CATALOGUE)
    for name, file in OTHERWISE.items():
        assert f'build("{name}"' in (Path(__file__).parent / file).read_text()


@pytest.mark.parametrize("name", IN_NO_ORDER)
def test_withheld_cells_of_a_checkerboard_come_back_on_top(name: str) -> None:
    found = evaluate(fitted(name, board()), board(), (2,)).per_user
    assert (found["precision@2"] == 1).all(), f"{name} recommends across the two groups"


@pytest.mark.parametrize("name", IN_ORDER)
def test_next_item_of_a_cycle_comes_back_on_top(name: str) -> None:
    found = evaluate(fitted(name, ring()), ring(), (1,)).per_user
    assert found["hit@1"].mean() >= 0.95, f"{name} does not read the order of the history"


@pytest.mark.parametrize("name", sorted(RATED))
def test_what_is_liked_ranks_before_what_is_not(name: str) -> None:
    split = rated()
    scores = fitted(name, split).scores(split.users())
    tested, liked = split.candidates(split.users()), split.relevant()[split.users()].toarray()
    lowest = np.where(liked, scores, np.inf).min(axis=1)
    highest = np.where(tested & ~liked, scores, -np.inf).max(axis=1)
    assert (lowest > highest).all(), f"{name} ranks something disliked before something liked"


@pytest.mark.parametrize("name", ["cnn", "rnn", "attention", "integrated"])
def test_networks_learn_from_ratings_what_is_liked(name: str) -> None:
    """A network that reads but what was taken, not how it was rated, is left with guessing."""
    split = rated_in_time()
    found = evaluate(fitted(name, split), split, (5,)).summary
    floor = evaluate(fitted("bias", split), split, (5,)).summary
    assert found["map@5"] > 0.9 > 0.75 > floor["map@5"]


@pytest.mark.parametrize("name", ["random", "popularity", "pop", "bias"])
def test_bounds_do_not_find_the_planted_answer(name: str) -> None:
    """Were a floor to find it, finding it would prove nothing."""
    split = rated() if name == "bias" else board()
    found = evaluate(fitted(name, split), split, (2,)).summary
    assert found["precision@2"] < 0.8


@pytest.mark.parametrize("split", [board, ring, rated])
def test_the_oracle_is_perfect(split: object) -> None:
    found = evaluate(fitted("oracle", split()), split(), (5,)).summary  # type: ignore[operator]
    assert found["ndcg@5"] == 1.0
