from __future__ import annotations

import pandas as pd
import pytest
from planted_runs import Plant, summary

from reclib import tables
from reclib.tables.findings import listed

HERE = summary(
    {("holdout", "random"): 0.1, ("holdout", "user-knn"): 0.2, ("holdout", "item-knn"): 0.3,
     ("holdout", "ease"): 0.4, ("holdout", "integrated"): 0.35, ("holdout", "oracle"): 0.8}
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "text"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b"),
                        (["a", "b", "c"], "a, b and c")],
)  # fmt: skip
def test_words_are_joined_as_in_a_sentence(words: list[str], text: str) -> None:
    assert listed(words) == text


def test_the_best_is_named_with_its_interval_and_the_oracle_is_not_it() -> None:
    text = tables.ranking_finding(HERE, "precision@10")
    assert "that of EASE, 0.400 [0.390, 0.410]" in text
    assert "ITEM-KNN, reaches 0.300 [0.290, 0.310]" in text
    assert "not possible" in tables.ranking_finding(HERE.iloc[:0], "precision@10")


def test_everybody_in_the_comparison_is_named_on_one_side() -> None:
    rows = [("A", "beats"), ("B", "beats"), ("C", "falls behind"), ("D", "is level with")]
    text = tables.comparison_finding(pd.DataFrame(rows, columns=["title", "verb"]), "Base")
    assert text.startswith(
        "Ahead of Base: A and B; not told apart from Base: D; behind Base: C (paired"
    )


def test_the_gain_of_a_search_is_over_its_first_trial() -> None:
    trials = pd.DataFrame(
        {"protocol": "holdout", "title": ["A", "A", "B", "B"], "trial": [1, 0, 0, 1],
         "ndcg@10": [0.3, 0.2, 0.4, 0.3]}
    )  # fmt: skip
    text = tables.tuning_finding(trials, "ndcg@10")
    assert "2 searches of 2 trials" in text
    assert "median 25 % better" in text, "the gains are 50 % and none"
    assert "gained by A under `holdout` (50 %)" in text
    assert "No search" in tables.tuning_finding(trials.iloc[:0], "ndcg@10")


def test_folds_are_said_to_agree_only_if_they_do(plant: Plant) -> None:
    def of(name: str, *means: float) -> list:
        return [plant(name, {"ndcg@10": [m, m]}, fold=fold) for fold, m in enumerate(means)]

    same = tables.fold_finding([*of("ease", 0.5, 0.6), *of("slim", 0.1, 0.2)], "ndcg@10")
    assert "at most 0.071; the order EASE, SLIM is the same in every fold" in same
    other = tables.fold_finding([*of("ease", 0.5, 0.1), *of("slim", 0.1, 0.2)], "ndcg@10")
    assert "not the same in every fold" in other
    assert "Only one fold" in tables.fold_finding(of("ease", 0.5), "ndcg@10")


def test_the_protocol_finding_names_the_lowest_and_the_highest() -> None:
    rows = {("temporal", "item-knn"): 0.11, ("sampled", "item-knn"): 0.77,
            ("holdout", "item-knn"): 0.3, ("holdout", "ease"): 0.9}  # fmt: skip
    text = tables.protocol_finding(summary(rows), "precision@10")
    assert "0.11 under `temporal` to 0.77 under `sampled`" in text


def test_the_papers_value_above_the_oracle_is_said_to_be_so() -> None:
    text = tables.paper_finding(HERE, ["precision@10"])  # 0.81 against an oracle of 0.80
    assert "lie above the oracle under `holdout` Precision at 10." in text
    assert "random ranking already has a precision of 0.10" in text
    assert "0.69 is 84 % of the way" in text  # (0.69 - 0.1) / (0.8 - 0.1)
    within = HERE.replace({"mean": {0.8: 0.9}})
    assert "None of the paper's values" in tables.paper_finding(within, ["precision@10"])


def test_where_floor_and_ceiling_are_alike_there_is_no_room() -> None:
    alike = HERE.assign(mean=0.24)
    found = tables.paper_position(alike, ["precision@10"])
    assert set(found["precision@10, ours"]) == {"0.24 (no room)"}
    assert "and so has the oracle" in tables.paper_finding(alike, ["precision@10"])


def test_the_papers_position_lies_between_floor_and_ceiling() -> None:
    found = tables.paper_position(HERE, ["precision@10"])
    assert found.index.tolist() == [
        ("holdout", "User-based CF"), ("holdout", "Item-based CF"), ("holdout", "Integrated"),
    ]  # fmt: skip
    row = found.loc[("holdout", "Item-based CF")]
    assert row["precision@10, paper"] == "0.69 (84 %)"
    assert row["precision@10, ours"] == "0.30 (29 %)"
    assert found.loc[("holdout", "Integrated"), "precision@10, paper"] == "0.81 (101 %)"


def test_gains_stand_beside_the_papers(plant: Plant) -> None:
    spread = [0.1, 0.2, 0.3, 0.4] * 10
    runs = [
        plant("item-knn", {"precision@10": spread}),
        plant("integrated", {"precision@10": [1.2 * value for value in spread]}),
    ]
    gains = tables.relative_gains(runs, "integrated", ["item-knn"], ["precision@10"])
    row = gains.iloc[0]
    assert row["ours"] == pytest.approx(0.2)
    assert row["paper"] == pytest.approx(0.81 / 0.69 - 1)
    assert row["low"] < 0.2 < row["high"]
    assert row["verb"] == "beats"
    assert tables.display_gains(gains).iloc[0, 0].startswith("+20 % [")
    text = tables.gain_finding(gains)
    assert "In 1 of 1 comparisons" in text
    assert "in 1 of 1 its gain is at least" in text


def test_where_ratings_decide_the_gain_is_over_the_form_that_reads_them(plant: Plant) -> None:
    spread = [0.1, 0.2, 0.3, 0.4] * 10
    runs = [
        plant(name, {"map@10": [factor * value for value in spread]}, protocol=protocol)
        for protocol, name, factor in (
            ("rated-only", "item-knn", 1.0), ("rated-only", "item-knn-ratings", 1.5),
            ("rated-only", "integrated", 1.65), ("holdout", "item-knn", 1.0),
            ("holdout", "integrated", 1.2),
        )
    ]  # fmt: skip
    found = tables.relative_gains(runs, "integrated", ["item-knn"], ["map@10"])
    assert found["ours"].tolist() == pytest.approx([0.1, 0.2])
    assert found["baseline"].tolist() == ["Item-based CF (ratings)", "Item-based CF"]
    assert found["paper"].nunique() == 1


def test_gains_are_over_users_that_both_rank(plant: Plant) -> None:
    spread = [0.1, 0.2, 0.3, 0.4] * 10
    runs = [
        plant("item-knn", {"map@10": [*spread, 0.9, 0.9]}),
        plant("integrated", {"map@10": [1.1 * value for value in spread]}),
    ]
    row = tables.relative_gains(runs, "integrated", ["item-knn"], ["map@10"]).iloc[0]
    assert row["ours"] == pytest.approx(0.1), "a user that one of them lacks makes it NaN"
    assert row["verb"] == "beats"


def test_a_build_without_the_integrated_model_has_no_gains() -> None:
    gains = tables.relative_gains([], "integrated", ["item-knn"], ["precision@10"])
    assert tables.display_gains(gains).empty
    assert "not part of this build" in tables.gain_finding(gains)
