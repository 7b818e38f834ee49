"""The benchmark against named peers, and its way into the book."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import sequence_models
from reclib import tables
from reclib.report.publish import publish_benchmarks
from reclib.study import Study
from reclib.tables import costs


@pytest.fixture
def rows(study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pd.DataFrame:
    monkeypatch.setattr(sequence_models, "PAIRS", {"item-knn": "bpr"})
    monkeypatch.setattr(sequence_models, "BUILD", tmp_path / "build")
    return sequence_models.compare_all(study.name, 20.0, 1)


def test_a_peer_has_a_budget_and_both_are_measured_now(
    rows: pd.DataFrame, study: Study, tmp_path: Path
) -> None:
    row = rows.iloc[0]
    assert row["peer epochs"] >= 1
    assert row["time ratio"] == pytest.approx(row["peer seconds"] / row["seconds"], rel=0.05)
    for name, column in (("item-knn", "ndcg@10"), ("bpr", "peer ndcg@10")):
        assert 0 < row[column] < 1, name
    assert not study.ledger.rows(), "a benchmark neither reads nor writes the ledger"
    again = pd.read_csv(tmp_path / "build" / "benchmarks" / "sequence_models.small.csv")
    assert again["commit"].tolist() == rows["commit"].tolist()


def test_the_peer_stops_after_the_epoch_that_exceeds_its_budget(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = sequence_models.compare(study, "item-knn", "bpr", 1e-6)
    assert short["peer epochs"] == 1


def test_the_book_shows_what_was_published(
    rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "BENCHMARKS", tmp_path / "book" / "benchmarks")
    assert tables.benchmark("small").empty
    assert publish_benchmarks(tmp_path / "build", tmp_path) == [
        tmp_path / "book" / "benchmarks" / "sequence_models.small.csv"
    ]
    known = tables.benchmark("small")
    table = tables.benchmark_table(known)
    assert table.index.tolist() == ["Item-based CF"]
    assert table["peer"].tolist() == ["BPR"]
    text = tables.benchmark_finding(known)
    assert text.startswith(f"Item-based CF {rows['verdict'].iloc[0]} BPR, which trained ")
    assert known["finished"].iloc[0][:10] in text


def test_without_a_benchmark_the_book_says_how_to_make_one() -> None:
    assert tables.benchmark_table(pd.DataFrame()).empty
    assert "make benchmarks" in tables.benchmark_finding(pd.DataFrame())
