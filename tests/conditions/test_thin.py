from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conditioned import SEEDS, SHARES, assert_ordered, assert_repeatable, pairs, part
from hypothesis import given, settings
from hypothesis import strategies as st
from small_data import datasets, random_split

from reclib.conditions import AS_IS, Condition
from reclib.datasets import Dataset
from reclib.errors import UnknownName
from reclib.splits import make_split

PROTOCOLS = ["holdout", "leave-last-out"]


@settings(deadline=None)
@given(datasets(least=30), SHARES, SEEDS, st.sampled_from(PROTOCOLS))
def test_thinning_keeps_valid_and_test_and_leaves_every_user_something(
    data: Dataset, share: float, seed: int, protocol: str
) -> None:
    try:
        split = make_split(data, protocol)
    except ValueError:
        return
    thinned = Condition.of("thin", share=share, seed=seed)(split)
    for name in ("valid", "test"):
        pd.testing.assert_frame_equal(part(thinned, name), part(split, name))
    assert pairs(thinned, "train") <= pairs(split, "train")
    before, after = (part(each, "train").groupby("user").size() for each in (split, thinned))
    expected = np.maximum(np.ceil(share * before - 1e-9), 1)
    np.testing.assert_array_equal(after, expected)
    assert_ordered(thinned)


def test_a_larger_share_keeps_what_a_smaller_one_keeps() -> None:
    split = random_split("leave-last-out")
    kept = [pairs(Condition.of("thin", share=share)(split), "train") for share in (0.1, 0.4, 1.0)]
    assert kept[0] < kept[1] < kept[2] == pairs(split, "train")


def test_the_seed_decides_what_is_kept() -> None:
    split = random_split("holdout")
    assert_repeatable("thin", split, share=0.3, seed=7)
    one, two = (Condition.of("thin", share=0.3, seed=seed)(split) for seed in (1, 2))
    assert pairs(one, "train") != pairs(two, "train")


def test_items_that_nobody_has_left_stay_in_the_catalogue_and_are_ranked() -> None:
    split = random_split("leave-last-out")
    thinned = Condition.of("thin", share=0.02)(split)
    gone = np.setdiff1d(np.arange(split.n_items), thinned.history["item"])
    known = np.flatnonzero(np.bincount(thinned.train["item"], minlength=split.n_items) == 0)
    assert len(known) > 0, "the test is about items that training lost"
    assert thinned.n_items == split.n_items
    np.testing.assert_array_equal(thinned.users(), split.users())
    assert thinned.candidates(thinned.users())[:, gone].all()
    assert len(thinned.train) < len(split.train)


def test_as_is_changes_the_checksum_and_nothing_else() -> None:
    split = random_split("holdout")
    same = AS_IS(split)
    pd.testing.assert_frame_equal(same.interactions, split.interactions)
    assert same.checksum != split.checksum
    assert same.user_ids.tolist() == split.user_ids.tolist()
    assert same.at("valid").stage == "valid"


def test_a_condition_knows_its_parameters() -> None:
    assert Condition.of("thin", share=0.1).parameters == {"share": 0.1, "seed": 2026}
    with pytest.raises(UnknownName, match="Did you mean 'noise'"):
        Condition.of("noises")
    with pytest.raises(UnknownName, match="Did you mean 'share'"):
        Condition.of("thin", shares=0.1)


def test_what_a_row_says_of_a_condition_changes_with_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        "reclib.provenance.fingerprint", lambda *files: asked.append(files) or "code"
    )
    origin = Condition.of("shilling", share=0.1).origin
    assert origin == {
        "name": "shilling", "share": 0.1, "kind": "average", "seed": 2026, "code": "code",
    }  # fmt: skip
    assert asked == [("conditions/attack.py", "conditions/seal.py")]
