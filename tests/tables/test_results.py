from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted_runs import Plant, summary

from reclib import tables
from reclib.tables.results import p_text, position

NOISE = np.random.default_rng(0).normal(0, 0.05, 60)
BASE = np.random.default_rng(1).uniform(0.2, 0.6, 60)
METRIC = "recall@10"


def values(shift: float = 0.0) -> dict[str, list[float]]:
    return {METRIC: (BASE + shift + (NOISE if shift else 0)).tolist()}


def test_a_summary_averages_each_user_over_folds_first(plant: Plant) -> None:
    runs = [
        plant("ease", {METRIC: [0.0, 1.0]}, fold=0, users=[1, 2]),
        plant("ease", {METRIC: [0.5, 0.5]}, fold=1, users=[2, 3]),
    ]
    row = tables.summarize(runs, [METRIC]).iloc[0]
    assert row["mean"] == pytest.approx((0.0 + 0.75 + 0.5) / 3)
    assert (row["n_users"], row["n_runs"], row["title"]) == (3, 2, "EASE")
    assert row["low"] <= row["mean"] <= row["high"]


def test_a_cell_shows_mean_and_interval() -> None:
    rows = {("holdout", "a"): 0.25, ("holdout", "b"): 0.5}
    assert tables.display_table(summary(rows), digits=2).to_dict() == {
        "precision@10": {"A": "0.25 [0.24, 0.26]", "B": "0.50 [0.49, 0.51]"}
    }
    two = tables.display_table(summary(rows | {("strong", "a"): 0.1}))
    assert two.loc[("strong", "A"), "precision@10"] == "0.100 [0.090, 0.110]"


def test_comparisons_are_sorted_corrected_and_without_floor_and_ceiling(plant: Plant) -> None:
    runs = [plant(name, values(shift)) for name, shift in
            [("item-knn", 0.0), ("slim", -0.1), ("ease", 0.1), ("bpr", 0.001),
             ("random", -0.2), ("oracle", 0.3)]]  # fmt: skip
    found = tables.compare_all(runs, "item-knn", METRIC)
    assert found["recommender"].tolist() == ["ease", "bpr", "slim"]
    assert found["verb"].tolist() == ["beats", "is level with", "falls behind"]
    assert found["mean"][0] == pytest.approx(0.1 + NOISE.mean())
    assert found["relative"][0] == pytest.approx(found["mean"][0] / BASE.mean())
    assert (found["p_holm"] >= found["p"]).all()
    shown = tables.display_comparison(found)
    assert shown.loc["EASE", "p (Holm)"] == "< .001"
    assert shown.loc["EASE", "difference"].startswith(f"{found['mean'][0]:+.3f} [")


def test_only_users_that_both_rank_are_compared(plant: Plant) -> None:
    some = plant("ease", {METRIC: (BASE + 0.1 + NOISE)[:50].tolist()}, users=range(50))
    found = tables.compare_all([plant("item-knn", values()), some], "item-knn", METRIC)
    assert found["mean"][0] == pytest.approx(0.1 + NOISE[:50].mean())


def test_a_fold_table_has_mean_deviation_and_number_of_folds(plant: Plant) -> None:
    runs = [plant("ease", {METRIC: [mean, mean]}, fold=fold)
            for fold, mean in enumerate((0.1, 0.2, 0.3))]  # fmt: skip
    found = tables.fold_table([*runs, plant("slim", {METRIC: [0.5, 0.5]})], [METRIC])
    assert found.to_dict("index") == {"EASE": {METRIC: "0.200 ± 0.100", "folds": 3}}
    assert tables.fold_table(runs[:1], [METRIC]).empty


def test_learning_curves_are_those_of_the_protocol(plant: Plant) -> None:
    curve = pd.DataFrame({"epoch": [1, 2], "valid_ndcg@10": [0.1, 0.2]})
    runs = [
        plant("rnn", values(), curve=curve, fit_seconds=12.4, device="cpu"),
        plant("rnn", values(), protocol="strong", curve=curve),
        plant("ease", values()),
    ]
    found = tables.learning_curves(runs, "holdout")
    assert found[["title", "epoch"]].to_numpy().tolist() == [["RNN", 1], ["RNN", 2]]
    assert tables.training_finding(runs, "holdout") == (
        "Training took RNN 12 s (2 epochs), on cpu."
    )


def test_epochs_that_were_not_measured_are_not_drawn_but_told(plant: Plant) -> None:
    curve = pd.DataFrame({"epoch": [1, 2], "seconds": [1.0, 2.0], "valid_ndcg@10": [0.1, 0.3]})
    blind = curve.assign(**{"valid_ndcg@10": np.nan})
    ours = plant("integrated", values(), curve=blind, fit_seconds=3.0, device="cpu")
    runs = [ours, plant("rnn", values(), curve=curve, fit_seconds=2.0)]
    assert tables.learning_curves(runs, "holdout")["title"].unique().tolist() == ["RNN"]
    assert tables.training_finding(runs, "holdout") == (
        "Training took Integrated 3 s (2 epochs) and RNN 2 s (2 epochs), on cpu. Integrated "
        "trained for as many epochs as were chosen before, and nothing was measured on the way."
    )
    solved = [plant("ease", values(), **{"ndcg@10": 0.2, "fit_seconds": 0.4})]
    said = tables.quality_time_finding(tables.quality_by_time(runs, solved, "holdout"))
    assert "RNN after 2 s is ahead" in said
    assert "Integrated" not in said
    alone = tables.quality_by_time([ours], solved, "holdout")
    assert tables.quality_time_finding(alone).endswith("is EASE, with 0.200 in 0.4 s.")
    assert tables.learning_curves([ours], "holdout").empty
    without = plant("rnn", values(), curve=curve[["epoch", "seconds"]], protocol="strong")
    assert tables.learning_curves([without], "strong").empty


def test_what_is_liked_is_told_beside_item_based_cf(plant: Plant) -> None:
    runs = [
        plant("item-knn-ratings", values(), settings={}),
        plant("integrated", values(0.1), settings={"cf_weight": 0.8}),
    ]
    text = tables.liking_finding(runs, METRIC)
    assert text.startswith("Ahead of item-based CF over ratings: Integrated")
    assert text.endswith("The valid part gave CF a share of 0.8 in the integrated model.")
    assert "share" not in tables.liking_finding(
        [*runs[:1], plant("bias", values(), settings={})], METRIC
    )
    assert tables.liking_finding([], METRIC) == "This data has no ratings to learn."


def test_networks_are_set_against_what_is_solved_at_once(plant: Plant) -> None:
    def curve(*values: float) -> pd.DataFrame:
        seconds = 10.0 * np.arange(1, 1 + len(values))
        return pd.DataFrame({"epoch": range(len(values)), "seconds": seconds,
                             "valid_ndcg@10": values})  # fmt: skip

    runs = [
        plant("rnn", values(), curve=curve(0.1, 0.25, 0.3)),
        plant("cnn", values(), curve=curve(0.1, 0.15)),
    ]
    solved = [
        plant("ease", values(), **{"ndcg@10": 0.2, "fit_seconds": 0.4}),
        plant("item-knn", values(), **{"ndcg@10": 0.1, "fit_seconds": 0.1}),
    ]
    found = tables.quality_by_time(runs, solved, "holdout")
    assert found["seconds"].tolist() == [10.0, 20.0, 30.0, 10.0, 20.0, 0.4, 0.1]
    assert tables.quality_time_finding(found) == (
        "The best that is solved at once is EASE, with 0.200 in 0.4 s. RNN after 20 s is ahead "
        "of it. CNN never is."
    )


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "< .001"), (0.001, ".001"), (0.25, ".250"), (1.0, "1.000")]
)
def test_p_values_are_printed_without_a_leading_zero(p: float, text: str) -> None:
    assert p_text(p) == text


def test_a_position_is_a_share_of_the_way() -> None:
    assert position(0.3, 0.1, 0.5) == pytest.approx(0.5)
    assert np.isnan(position(0.3, 0.1, 0.1))
