"""What every recommender promises the evaluator."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from planted import checkerboard, cycle, everybody, fitted, small, split_of

from reclib.errors import ProtocolUnsupported, UnknownName
from reclib.metrics import evaluate
from reclib.recommenders import CATALOGUE, Recommender, build
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.spaces import OPTIONAL
from reclib.splits import Split

NAMES = list(CATALOGUE)
SEEDED = [
    *("random", "ials", "bpr", "lightgcn", "multivae"),
    *("gru4rec", "sasrec", "caser", "integrated"),
]
FROM_HISTORY = [
    *("user-knn", "item-knn", "recbole-itemknn", "ease", "slim", "ials", "multivae"),
    *("ann", "cnn", "rnn", "attention", "integrated"),
]


@cache
def ring_with_ratings() -> Split:
    """Return the cycle, liked at random, with friends and kinds: everything can be fitted."""
    ratings = np.random.default_rng(4).integers(1, 6, 480).astype(float)
    users, items = np.arange(60), np.arange(20)
    named = [f"u{user:03d}" for user in users]
    links = pd.DataFrame({"user_id": named, "friend_id": np.roll(named, 1)})
    kinds = pd.DataFrame({"item_id": [f"i{item:03d}" for item in items], "kind": items % 3})
    data = replace(
        cycle(rating=ratings), links=links, items=kinds.astype(str), kinds={"kind": "token"},
        checksum="",
    )  # fmt: skip
    return split_of(data, "leave-last-out")


@cache
def once(name: str, seed: int = 2026) -> Recommender:
    return fitted(name, ring_with_ratings(), epochs=2, seed=seed)


@cache
def strong() -> Split:
    return split_of(checkerboard(), "strong")


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_finite_float32_for_everybody_and_everything(name: str) -> None:
    split = ring_with_ratings()
    scores = once(name).scores(everybody(split))
    assert scores.dtype == np.float32
    assert scores.shape == (split.n_users, split.n_items)
    assert np.isfinite(scores).all()
    assert isinstance(once(name).device, str)


@pytest.mark.parametrize("name", NAMES)
def test_scores_do_not_depend_on_the_batch_or_its_order(name: str) -> None:
    whole = once(name).scores(everybody(ring_with_ratings()))
    order = np.array([41, 3, 17, 0, 59], dtype=np.int32)
    np.testing.assert_allclose(once(name).scores(order), whole[order], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(once(name).scores(order[:1])[0], whole[41], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_fitting_twice_gives_the_same_scores(name: str) -> None:
    users = everybody(ring_with_ratings())
    before = once(name).scores(users)
    again = fitted(name, ring_with_ratings(), epochs=2)
    np.testing.assert_array_equal(again.scores(users), before)
    np.testing.assert_array_equal(again.fit(ring_with_ratings()).scores(users), before)


@pytest.mark.parametrize("name", SEEDED)
def test_another_seed_gives_other_scores(name: str) -> None:
    users = everybody(ring_with_ratings())
    assert not np.array_equal(once(name).scores(users), once(name, seed=7).scores(users))


def test_seeded_says_whose_scores_depend_on_the_seed() -> None:
    for name, entry in CATALOGUE.items():
        learns = entry.family in ("factors", "learned", "sequential", "deep", "ensemble")
        assert entry.seeded is (learns or name == "random"), name


@pytest.mark.parametrize("name", ["bpr", "gru4rec", "multivae", "integrated"])
def test_curve_has_a_row_an_epoch(name: str) -> None:
    curve = once(name).curve
    assert curve is not None
    assert list(curve.columns) == ["epoch", "train_loss", "valid_ndcg@10", "seconds"]
    assert curve["epoch"].tolist() == [0, 1]
    assert curve.notna().all(axis=None)
    assert curve["seconds"].is_monotonic_increasing


@pytest.mark.parametrize("name", ["ease", "item-knn", "popularity"])
def test_closed_forms_have_no_curve(name: str) -> None:
    assert once(name).curve is None


def test_budget_ends_training_after_the_epoch_that_exceeds_it() -> None:
    settings = small("bpr") | {"budget_seconds": 1e-9}
    assert len(build("bpr", settings).fit(ring_with_ratings()).curve) == 1  # type: ignore[arg-type]


def test_unknown_recommender_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'item-knn'"):
        build("itemknn")


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [("ease", "reg_wieght", "reg_weight"), ("item-knn", "shrinkage", "shrink"),
     ("integrated", "embedding", "embedding_size"), ("bpr", "max_epoch", "max_epochs")],
)  # fmt: skip
def test_unknown_setting_suggests_the_nearest(name: str, typed: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"setting of {name} '{typed}'. Did you mean '{meant}'"):
        build(name, {typed: 1})


def test_everything_that_can_be_chosen_about_a_network_can_be_asked_for_by_name() -> None:
    entry = CATALOGUE["integrated"]
    known = {*entry.defaults, *OPTIONAL[entry.family]}
    assert {field.name for field in fields(Settings)} - known == {"seed", "progress"}


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_search_space_is_made_of_settings_that_exist(name: str) -> None:
    entry = CATALOGUE[name]
    known = set(entry.defaults) | (
        {"last_n"} if entry.family in ("neighbours", "linear") else set()
    )
    assert set(entry.space) <= known
    for setting, choices in entry.space.items():
        default = entry.defaults.get(setting)
        if isinstance(choices, dict) and default:
            assert choices["low"] <= default <= choices["high"], f"{setting}: default out of range"
    build(name)


def test_building_one_does_not_import_the_others() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from reclib.recommenders import build; build('popularity'); "
        "print({'recbole', 'torch', 'pytorch_lightning'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["bpr", "neumf", "lightgcn"])
def test_user_embeddings_cannot_serve_users_never_trained_on(name: str) -> None:
    with pytest.raises(ProtocolUnsupported, match="knows only users whom it was trained on"):
        fitted(name, strong(), epochs=1)


def test_caser_cannot_serve_users_never_trained_on() -> None:
    with pytest.raises(ProtocolUnsupported):
        build("caser", small("caser", 1)).fit(strong())


@pytest.mark.parametrize("name", FROM_HISTORY)
def test_whole_histories_serve_users_never_trained_on(name: str) -> None:
    found = evaluate(fitted(name, strong()), strong(), (1,)).summary
    assert found["precision@1"] == 1, f"{name} does not read the history of a new user"


def test_last_n_is_rejected_where_nothing_would_look_at_it() -> None:
    with pytest.raises(UnknownName):
        build("bpr", {"last_n": 5})
