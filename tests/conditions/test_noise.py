from __future__ import annotations

import numpy as np
import pandas as pd
from conditioned import SEEDS, SHARES, assert_ordered, assert_repeatable, pairs, part
from hypothesis import given, settings
from small_data import datasets, random_split

from reclib.conditions import Condition
from reclib.datasets import Dataset
from reclib.splits import Split, make_split


def noisy(split: Split, share: float, seed: int = 2026) -> Split:
    return Condition.of("noise", share=share, seed=seed)(split)


@settings(deadline=None)
@given(datasets(least=30), SHARES, SEEDS)
def test_noise_keeps_size_and_degrees_and_repeats_nothing(
    data: Dataset, share: float, seed: int
) -> None:
    try:
        split = make_split(data, "leave-last-out")
    except ValueError:
        return
    changed = noisy(split, share, seed)
    for name in ("valid", "test"):
        pd.testing.assert_frame_equal(part(changed, name), part(split, name))
    columns = ["user", "rating", "timestamp"]
    before, after = (part(each, "train")[columns] for each in (split, changed))
    pd.testing.assert_frame_equal(before, after)
    assert not changed.interactions.duplicated(["user", "item"]).any()
    everything = pairs(split, "train") | pairs(split, "valid") | pairs(split, "test")
    assert not (pairs(changed, "train") - pairs(split, "train")) & everything
    assert_ordered(changed)


def test_the_share_is_that_of_all_training_interactions() -> None:
    split = random_split("holdout", fold=1)
    n = len(pairs(split, "train"))
    for share in (0.0, 0.1, 0.4):
        replaced = pairs(split, "train") - pairs(noisy(split, share), "train")
        assert len(replaced) == round(share * n)


def test_more_noise_replaces_the_same_and_more() -> None:
    split = random_split("holdout")
    new = [pairs(noisy(split, share), "train") - pairs(split, "train") for share in (0.1, 0.3)]
    assert new[0] < new[1]


def test_a_user_who_has_had_everything_keeps_what_cannot_be_replaced() -> None:
    frame = pd.DataFrame(
        [(0, item) for item in range(10)] + [(1, 0), (1, 1)], columns=["user_id", "item_id"]
    )
    data = Dataset("tiny", "Tiny", frame.astype(str))
    split = make_split(data, "holdout")
    changed = noisy(split, 1.0)
    own = changed.interactions["user"].eq(0)
    np.testing.assert_array_equal(
        changed.interactions.loc[own, "item"], split.interactions.loc[own, "item"]
    )


def test_the_seed_decides_what_is_replaced() -> None:
    split = random_split("holdout")
    assert_repeatable("noise", split, share=0.3)
    assert pairs(noisy(split, 0.3, 1), "train") != pairs(noisy(split, 0.3, 2), "train")
