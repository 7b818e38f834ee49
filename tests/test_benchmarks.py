"""The benchmark against named peers, and its way into the book."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from small_data import random_frame, write_dataset

from benchmarks import __main__ as main
from benchmarks import ddp, matmul_share, metrics, neighbours, sequence_models
from benchmarks.timing import best_of
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


def test_the_share_of_the_peak_is_work_over_time_over_peak(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matmul_share, "BUILD", tmp_path / "build")
    monkeypatch.setattr(matmul_share, "SIZE", 64)
    monkeypatch.setattr(matmul_share, "N_BATCHES", 1)
    monkeypatch.setattr(matmul_share, "WAYS", ("rnn", "side"))
    rows = matmul_share.measure_all(study.name, 1)
    assert rows["branches"].tolist() == ["rnn", "side", "rnn side"]
    expected = rows["gflop"] / rows["seconds"] / rows["peak"]
    pd.testing.assert_series_equal(rows["share"], expected, check_names=False)
    assert rows["gflop"].iloc[2] > rows["gflop"].iloc[:2].max()


def test_the_work_of_a_product_is_counted(tmp_path: Path) -> None:
    """The loss of n positions takes three products of n, the items and the width."""
    study = Study.open("ml-100k", build_dir=str(tmp_path))
    found = matmul_share.measure(study, ("cf",))
    width, n_items = 64, study.dataset.n_items
    expected = 3 * 2 * found["interactions"] * width * n_items / 1e9
    assert found["gflop"] == pytest.approx(expected, rel=0.1)


def test_the_book_says_how_near_the_peak_a_step_comes() -> None:
    rows = pd.DataFrame({
        "branches": ["cf", "rnn", "cf rnn"], "interactions": 1000, "seconds": [1.0, 1.0, 2.0],
        "gflop": [10.0, 20.0, 25.0], "peak": 100.0, "share": [0.1, 0.2, 0.125], "threads": 1,
        "finished": "2026-01-02T03:04", "device": "x86", "commit": "abc",
    })  # fmt: skip
    table = tables.matmul_table(rows)
    assert table.index.tolist() == ["cf", "rnn", "all"]
    assert table["share of the peak"].tolist() == ["10%", "20%", "12%"]
    assert table["MFLOP an interaction"].tolist() == [10.0, 20.0, 25.0]
    assert "whole model 12% of that, of a branch alone 10% (cf) to 20% (rnn). Measured on " in (
        tables.matmul_finding(rows)
    )
    assert tables.matmul_table(pd.DataFrame()).empty
    assert "make benchmarks" in tables.matmul_finding(pd.DataFrame())


def test_neighbours_of_all_three_give_the_same_lists(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "CUTOFFS", (5, 10, 100))
    rows = pd.DataFrame(neighbours.compare(study.split("holdout"), 29, 1, repeats=1))
    assert rows["peer"].tolist() == [name for name in neighbours.PEERS.values() for _ in range(2)]
    assert rows["k"].tolist() == [5, 10] * 3, "no list is longer than the catalogue"
    same = rows[rows["peer"] != "implicit"]
    assert same["overlap"].gt(0.98).all(), "equal scores aside, the lists are the same"
    assert np.allclose(same["ndcg"], same["peer ndcg"], atol=0.01)
    sums = rows[["peer fit seconds", "peer rank seconds"]].sum(axis=1)
    ours = rows[["fit seconds", "rank seconds"]].sum(axis=1)
    assert np.allclose(rows["ratio"], sums / ours, rtol=0.25), "milliseconds are rounded"


def test_overlap_counts_shared_items_in_any_order() -> None:
    one, other = np.array([[1, 2, 3], [4, 5, -1]]), np.array([[3, 1, 9], [4, 5, -1]])
    assert neighbours.overlap(one, other) == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.slow  # ranx compiles itself for a minute when it is first used
def test_the_metrics_of_all_three_are_the_same() -> None:
    random = np.random.default_rng(0)
    items = np.argsort(random.random((40, 30)), axis=1)[:, :20].astype(np.int32)
    relevant = random.random((40, 30)) < 0.1
    relevant[:, 0] = True
    lists = metrics.Lists(items, sp.csr_matrix(relevant))
    rows = pd.DataFrame(metrics.compare(lists, 1, repeats=1, afresh=False))
    assert rows["peer"].tolist() == list(metrics.PEERS.values())
    assert rows["largest difference"].max() < 1e-9
    assert rows["values"].tolist() == [18] * 4
    ratio = rows["peer seconds"] / rows["seconds"]
    assert np.allclose(rows["ratio"], ratio, rtol=0.2)


def test_a_value_that_differs_is_seen() -> None:
    lists = metrics.Lists(np.array([[0, 1, 2]], np.int32), sp.csr_matrix([[True, False, True]]))
    ours = lists.ours()
    row = metrics._row(lists, "recbole", dict.fromkeys(
        ("ours", "ours, given the hits", "recbole"), 1.0
    ), {"ours": ours, "recbole": ours | {"recall@5": ours["recall@5"] - 0.25}})  # fmt: skip
    assert row["largest difference"] == pytest.approx(0.25)


def test_calls_take_turns_and_their_best_time_counts() -> None:
    seen: list[str] = []
    seconds, results = best_of(2, {"a": lambda: seen.append("a"), "b": lambda: seen.append("b")})
    assert seen == ["a", "b", "a", "b"]
    assert set(seconds) == set(results) == {"a", "b"}


def test_every_table_names_a_module_of_the_package() -> None:
    folder = Path(main.__file__).parent
    assert all((folder / f"{name}.py").is_file() for name in main.TABLES)


def test_the_larger_dataset_is_taken_only_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECLIB_DATA", str(tmp_path))
    assert main.largest_at_hand() == "ml-100k"
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ml-1m.inter").touch()
    assert main.largest_at_hand() == "ml-1m"


@pytest.mark.slow
def test_two_processes_are_timed_against_one_that_learns_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ddp, "BUILD", tmp_path / "build")
    shop = write_dataset(tmp_path / "shop", random_frame())
    small = {"embedding_size": 8, "hidden_size": 8, "max_epochs": 2, "branches": "[rnn]"}
    monkeypatch.setattr(ddp, "BATCHES", (8,))
    rows = ddp.compare_all(str(shop), "rnn", **small)
    assert rows["processes"].tolist() == [1, 2]
    one, two = rows["train loss"]
    assert two == pytest.approx(one, rel=1e-4)
    seconds = rows["seconds an epoch"]
    assert rows["speed-up"].tolist() == pytest.approx([1.0, seconds[0] / seconds[1]])
    assert rows["reached"].tolist() == [False, bool(seconds[0] / seconds[1] >= ddp.REACH)]
    again = pd.read_csv(tmp_path / "build" / "benchmarks" / "ddp.shop.csv")
    assert again["processes"].tolist() == [1, 2]
