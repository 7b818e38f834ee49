"""What is shown of larger data: planted runs of a published ledger, and the sentences on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reclib import per_user, tables
from reclib.ledger import Run
from reclib.per_user import PublishedRun
from reclib.statistics import t_interval
from reclib.tables import larger
from reclib.tables.larger import setting_of

BASE = np.random.default_rng(0).uniform(0.2, 0.6, 80)
METRICS = ("ndcg@10", "precision@10", "recall@10", "map@10", "hit@10", "mrr@10")


class Planted(PublishedRun):
    """A published run with these values a user; None where none are on record."""

    def __init__(self, row: dict[str, Any], values: Sequence[float] | None) -> None:
        super().__init__(row, Path())
        index = pd.Index(range(0 if values is None else len(values)), name="user")
        columns = [] if values is None else METRICS
        self.__dict__["per_user"] = pd.DataFrame(dict.fromkeys(columns, values), index)


def planted(name: str, value: float, *, users: bool = True, noise: float = 0.01, **row: Any) -> Run:
    """Plant a run whose users are `value` above a common base."""
    values = BASE + value + np.random.default_rng(len(name)).normal(0, noise, len(BASE))
    entry = {
        "recommender": name, "dataset": "ml-1m", "fold": 0, "seed": 1,
        "protocol": "leave-last-out", "device": "cpu", "commit": "c1",
        "finished": "2026-01-02T10:00", **{metric: float(values.mean()) for metric in METRICS},
    } | row  # fmt: skip
    return Planted(entry, values if users else None)


def cells(summary: pd.DataFrame, **where: str) -> pd.DataFrame:
    for column, value in where.items():
        summary = summary[summary[column] == value]
    return summary.set_index("metric")


def published_cells(summary: pd.DataFrame) -> pd.DataFrame:
    return summary[summary["recommender"].isna()].set_index("metric")


def test_means_are_over_seeds_with_students_interval() -> None:
    runs = [planted("rnn", 0, seed=seed, **{"ndcg@10": value}) for seed, value in
            ((1, 0.1), (2, 0.2), (3, 0.3))]  # fmt: skip
    row = cells(tables.larger_summary(runs), recommender="rnn").loc["ndcg@10"]
    assert (row["mean"], row["seeds"], row["folds"]) == (pytest.approx(0.2), 3, 1)
    assert (row["low"], row["high"]) == pytest.approx(t_interval(np.array([0.1, 0.2, 0.3])))
    one = cells(tables.larger_summary(runs[:1]), recommender="rnn").loc["ndcg@10"]
    assert np.isnan(one["low"])


def test_folds_are_averaged_within_a_seed() -> None:
    runs = [planted("ease", 0, protocol="holdout", fold=fold, **{"map@10": value}) for fold, value
            in ((0, 0.1), (1, 0.3))]  # fmt: skip
    row = cells(tables.larger_summary(runs), recommender="ease").loc["map@10"]
    assert (row["mean"], row["seeds"], row["folds"]) == (pytest.approx(0.2), 1, 2)


def test_the_table_marks_the_best_and_the_other_says_where_runs_come_from() -> None:
    runs = [
        planted("ease", 0.0, **{"ndcg@10": 0.2}),
        planted("rnn", 0.0, seed=1, **{"ndcg@10": 0.3}),
        planted("rnn", 0.0, seed=2, **{"ndcg@10": 0.4, "device": "gpu", "finished": "2026-01-05"}),
        planted("oracle", 0.0, **{"ndcg@10": 1.0}),
    ]
    table = tables.larger_table(tables.larger_summary(runs), tables.LISTS)
    assert table.index.get_level_values("recommender").tolist() == [
        "RNN ✓", "EASE", "FuXi-alpha (published)",
    ]  # fmt: skip
    assert table["ndcg@10"].iloc[0].startswith("0.350 [")
    assert table["ndcg@10"].iloc[1] == "0.200"
    assert table["ndcg@10"].iloc[2] == "0.181"
    assert table["seeds, folds"].tolist() == ["2, 1", "1, 1", ""]
    assert table["mrr@10"].iloc[2] == "", "the source prints no such value"
    assert tables.larger_origins(runs).to_dict("index") == {
        ("MovieLens 1M", "leave-last-out"): {
            "runs": 3, "days": "2026-01-02 to 2026-01-05", "device": "cpu, gpu", "commits": "c1",
            "published by": "Tikhonovich et al., 2025",
        }
    }  # fmt: skip


def test_the_best_comes_first_under_every_protocol() -> None:
    runs = [
        planted(name, value, protocol=protocol)
        for protocol, values in (("holdout", (0.1, 0.2)), ("rated-only", (0.2, 0.1)))
        for name, value in zip(("ease", "rnn"), values, strict=True)
    ]
    table = tables.larger_table(tables.larger_summary(runs), tables.SETS)
    assert table.index.droplevel("data").tolist() == [
        ("holdout", "RNN ✓"), ("holdout", "EASE"),
        ("holdout", "EASE (published)"),
        ("rated-only", "EASE ✓"), ("rated-only", "RNN"),
    ]  # fmt: skip


def test_every_dataset_has_its_title_and_its_own_published_value() -> None:
    whole, core = planted("ease", 0), planted("ease", 0, dataset="ml-1m-5core")
    assert setting_of(whole).data == "MovieLens 1M"
    assert setting_of(core).data == "MovieLens 1M, 5-core"
    assert setting_of(planted("ease", 0, dataset="shop")).data == "shop"
    found = published_cells(tables.larger_summary([whole, core])).loc["ndcg@10"]
    assert found.set_index("data")["title"].to_dict() == {
        "MovieLens 1M": "FuXi-alpha (published)",
        "MovieLens 1M, 5-core": "SASRec with cross-entropy (published)",
    }


def test_the_best_published_value_may_be_an_anchor() -> None:
    summary = tables.larger_summary([planted("ease", 0, protocol="holdout")])
    found = published_cells(summary)
    assert set(found["title"]) == {"EASE (published)"}
    assert found["mean"].to_dict() == {
        "precision@10": 0.3857, "recall@10": 0.1820, "map@10": 0.3035,
    }  # fmt: skip
    none = tables.larger_summary([planted("ease", 0, dataset="shop")])
    assert none["title"].unique().tolist() == ["EASE"]


def test_the_model_is_compared_with_the_best_other_over_shared_folds_and_all_seeds() -> None:
    runs = [
        planted("item-knn", 0.0),
        planted("ease", 0.1),
        planted("ease", 0.0, fold=1),
        planted("integrated", 0.1, seed=1),
        planted("integrated", 0.3, seed=2),
    ]
    row = tables.larger_comparison(runs).iloc[0]
    assert (row["other"], row["metric"], row["verb"]) == ("EASE", "ndcg@10", "beats")
    assert row["mean"] == pytest.approx(0.1, abs=0.01)
    text = tables.larger_finding(runs, tables.larger_comparison(runs), "ml-100k")
    assert text.startswith(
        "On MovieLens 1M, the integrated model beats EASE, the best of the others, under "
        "`leave-last-out` (NDCG at 10 +0."
    )
    assert text.endswith("Paired test over users, Holm-corrected, .05.")


def test_the_sentence_reads_well_whatever_is_missing() -> None:
    def said(*runs: Run, executed: str = "ml-100k") -> str:
        return tables.larger_finding(runs, tables.larger_comparison(runs), executed)

    alone = planted("ease", 0.1, dataset="amazon-beauty")
    assert said(alone) == "On Amazon Beauty, there is no run of the integrated model."
    silent = planted("integrated", 0.2, users=False)
    assert said(planted("ease", 0.1), silent) == (
        "On MovieLens 1M, the integrated model cannot be compared under `leave-last-out` user by "
        "user."
    )
    assert "For Amazon Beauty, these are the published runs" in said(
        alone, executed=alone.row["dataset"]
    )
    assert said() == "No results on larger data have been published yet."
    both = said(alone, planted("ease", 0.2), planted("integrated", 0.1))
    assert "On Amazon Beauty, there is no run" in both
    assert "falls behind EASE" in both


def test_nothing_published_makes_empty_tables_and_no_error() -> None:
    assert tables.larger_table(tables.larger_summary([]), tables.LISTS).empty
    only = tables.larger_summary([planted("ease", 0, protocol="holdout")])
    assert tables.larger_table(only, tables.LISTS).empty
    assert tables.larger_origins([]).empty
    assert tables.larger_comparison([]).empty
    assert tables.larger_gains([]).empty


def test_gains_are_over_the_better_neighbourhood_and_beside_the_papers() -> None:
    runs = [
        planted("user-knn", 0.0, noise=1e-5), planted("item-knn", 0.1, noise=1e-5),
        planted("integrated", 0.1 + 0.2 * (BASE.mean() + 0.1), noise=1e-5),
    ]  # fmt: skip
    gains = tables.larger_gains(runs).set_index("metric")
    assert gains["other"].unique().tolist() == ["Item-based CF"]
    np.testing.assert_allclose(gains["ours"], 0.2, atol=1e-4)
    assert gains.loc["precision@10", "paper"] == pytest.approx(0.81 / 0.69 - 1)
    text = tables.larger_gain_finding(gains.reset_index())
    assert text == (
        "Over the better of the two tuned neighbourhood methods, the paper's gain (precision "
        "+17 %, recall +21 %, MAP +23 %) is reached on MovieLens 1M under `leave-last-out` "
        "(precision +20 %); it is not reached on MovieLens 1M under `leave-last-out` (recall "
        "+20 %, MAP +20 %)."
    )
    assert "No gain can be computed" in tables.larger_gain_finding(tables.larger_gains(runs[:2]))


def test_runs_are_read_from_the_published_ledger_without_the_embedded_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Sequence[str]] = []

    def runs(without: Sequence[str]) -> list[Run]:
        asked.append(without)
        order = [("b", "holdout"), ("a", "rated-only"), ("a", "leave-last-out"), ("a", "sampled")]
        return [planted("ease", 0, dataset=name, protocol=protocol) for name, protocol in order]

    monkeypatch.setattr(larger, "published_runs", runs)
    assert [setting_of(run) for run in tables.larger_runs()] == [
        ("a", "leave-last-out"), ("a", "rated-only"), ("b", "holdout"),
    ]  # fmt: skip
    assert asked == [["ml-100k"]]


def test_the_published_ledger_of_the_book_can_be_shown() -> None:
    runs = tables.larger_runs()
    assert any(run.row["dataset"] == "ml-1m" for run in runs)
    summary = tables.larger_summary(runs)
    for metrics in (tables.LISTS, tables.SETS):
        table = tables.larger_table(summary, metrics)
        marked = table.index.get_level_values("recommender").str.endswith("✓")
        assert marked.sum() == table.groupby(list(table.index.names[:-1])).ngroups
        assert ("protocol" in table.index.names) is (metrics == tables.SETS)
    assert set(per_user.BOUNDS).isdisjoint(summary["recommender"])
    assert set(tables.larger_comparison(runs)["verb"]) <= {"beats", "is level with", "falls behind"}
