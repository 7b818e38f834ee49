"""Verdicts follow the numbers: plant a result, and the claim goes the way its rule says."""

from __future__ import annotations

import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_checkout import FIRST

from reclib import published
from reclib.claims import CLAIMS, Claim, Evidence, judge_all
from reclib.ledger import Ledger, Run
from reclib.recommenders.deep.settings import Settings
from reclib.report import facts, rules
from reclib.tables import costs, image_table

USERS = 200
METRICS = ("precision@10", "recall@10", "map@10", "ndcg@10")


def run(folder: Path, name: str, protocol: str, mean: float, **row: object) -> Run:
    """Return a run whose users scatter a little around a mean."""
    key = f"{name}-{protocol}-{mean}-{row}"
    noise = np.random.default_rng(zlib.crc32(key.encode())).normal(0, 0.01, USERS)
    per_user = pd.DataFrame({metric: mean + noise - noise.mean() for metric in METRICS})
    entry = {
        "key": key, "kind": "run", "stage": "test", "dataset": "ml-100k", "protocol": protocol,
        "recommender": name, "fold": 0, "seed": 1, "settings": {}, "dataset_checksum": "d",
        "split_checksum": "s" * 20, "commit": "c", "fit_seconds": 1.0,
    }  # fmt: skip
    return Ledger(folder).add(entry | row, per_user=per_user, top=np.zeros((USERS, 1), np.int32))


def claim(name: str) -> Claim:
    return next(each for each in CLAIMS if each.name.startswith(name))


def evidence(*runs: Run) -> Evidence:
    return Evidence({"MovieLens 100K": runs})


@pytest.mark.parametrize(("gain", "verdict"), [(0.20, rules.SUPPORTED), (0.05, rules.REFUTED)])
def test_a_gain_counts_from_the_lower_end_of_the_paper_on(
    tmp_path: Path, gain: float, verdict: str
) -> None:
    runs = [run(tmp_path, name, "holdout", 0.3) for name in ("user-knn", "item-knn")]
    found = evidence(*runs, run(tmp_path, "integrated", "holdout", 0.3 + gain))
    judged = claim("Precision").judge(found)
    assert judged.verdict == verdict
    assert f"{100 * gain:+.1f} points" in judged.evidence


def test_the_kindest_protocol_decides(tmp_path: Path) -> None:
    runs = [
        run(tmp_path, name, protocol, 0.3 + gain * (name == "integrated"))
        for protocol, gain in (("holdout", 0.01), ("temporal", 0.3))
        for name in ("user-knn", "item-knn", "integrated")
    ]
    judged = claim("Precision").judge(evidence(*runs))
    assert judged.verdict == rules.SUPPORTED
    assert "`temporal`" in judged.evidence


def test_where_ratings_decide_neighbours_that_read_them_have_to_be_beaten(tmp_path: Path) -> None:
    means = {"user-knn": 0.3, "item-knn": 0.3, "user-knn-ratings": 0.6, "item-knn-ratings": 0.6,
             "integrated": 0.6}  # fmt: skip
    runs = [run(tmp_path, name, "rated-only", mean) for name, mean in means.items()]
    assert claim("Precision").judge(evidence(*runs)).verdict == rules.REFUTED
    assert claim("Precision").judge(evidence(*runs[:2], runs[-1])).verdict == rules.SUPPORTED


@pytest.mark.parametrize(
    ("cnn", "verdict"), [(0.1, rules.SUPPORTED), (0.3, rules.REFUTED), (0.2, rules.OPEN)]
)
def test_recurrence_has_to_beat_every_network(tmp_path: Path, cnn: float, verdict: str) -> None:
    runs = [
        run(tmp_path, "rnn", "leave-last-out", 0.2),
        run(tmp_path, "cnn", "leave-last-out", cnn),
    ]
    assert claim("Recurrence").judge(evidence(*runs)).verdict == verdict


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        ([("item-knn", "leave-last-out")], "has times and runs of networks"),
        ([("rnn", "holdout"), ("item-knn", "leave-last-out")], "No network on record was run"),
        ([("rnn", "leave-last-out"), ("cnn", "holdout")], "another network beside the RNN"),
        (
            [("integrated", "leave-last-out"), ("rnn", "holdout"), ("ease", "leave-last-out")],
            "no run of the RNN alone under `leave-last-out`; of the networks, there is Integrated.",
        ),
    ],
)
def test_recurrence_says_which_run_is_missing(
    tmp_path: Path, runs: list[tuple[str, str]], reason: str
) -> None:
    found = evidence(*(run(tmp_path, name, protocol, 0.2) for name, protocol in runs))
    judged = claim("Recurrence").judge(found)
    assert judged.verdict == rules.OPEN
    assert reason in judged.evidence


def test_robustness_needs_folds(tmp_path: Path) -> None:
    def folds(n: int) -> Evidence:
        return evidence(
            *(
                run(tmp_path, name, "holdout", mean, fold=fold)
                for fold in range(n)
                for name, mean in (("item-knn", 0.3), ("integrated", 0.4))
            )
        )

    too_few = claim("It is robust").judge(folds(1))
    assert too_few.verdict == rules.OPEN
    assert "on 1 fold of the dataset with the fewest" in too_few.evidence
    assert claim("It is robust").judge(folds(3)).verdict == rules.SUPPORTED


def test_without_runs_nothing_is_supported_or_refuted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = partial(image_table, tmp_path)  # pictures are read from the published ledger
    monkeypatch.setattr("reclib.report.condition_rules.image_table", nothing)
    verdicts = {judgement.verdict for _, judgement in judge_all(evidence())}
    assert verdicts == {rules.OPEN, rules.UNTESTABLE}


def test_ablations_trials_and_old_runs_are_left_out(tmp_path: Path) -> None:
    every = {"branches": list(Settings.branches)}
    fewer = {"branches": ["cf"]}
    run(tmp_path, "integrated", "holdout", 0.1, settings=every)
    run(tmp_path, "integrated", "holdout", 0.2, settings=every)
    run(tmp_path, "integrated", "holdout", 0.3, settings=fewer)
    run(tmp_path, "integrated", "holdout", 0.4, settings=every, kind="trial")
    run(tmp_path, "integrated", "holdout", 0.5, settings=every, stage="valid")
    found = facts.gather(tmp_path, [FIRST])
    (only,) = found.runs["MovieLens 100K"]
    assert only.per_user["ndcg@10"].mean() == pytest.approx(0.2, abs=0.01)


def test_a_number_says_where_it_comes_from(tmp_path: Path) -> None:
    text = facts.number([run(tmp_path, "item-knn", "holdout", 0.3)], "precision@10")
    assert text.startswith("{abbr}`0.3")
    assert "item-knn on ml-100k, holdout; folds [0], seeds [1]; split ssssssssssss" in text


def test_the_page_of_claims_prints_rule_and_evidence_of_each() -> None:
    judged = judge_all(evidence())
    page = facts.claims_page(judged)
    for each, judgement in judged:
        assert each.rule in page
        assert judgement.evidence in page


def publish(folder: Path, ledger: Path, dataset: str = "ml-100k") -> Path:
    published.publish(Ledger(ledger), dataset, folder)
    return folder


def test_claims_are_judged_by_this_build_and_by_what_was_published(tmp_path: Path) -> None:
    here, there, book = tmp_path / "here", tmp_path / "there", tmp_path / "book"
    book.mkdir()
    for name in ("item-knn", "integrated"):
        run(there, name, "holdout", 0.1, fold=0, cutoffs=[10])
        run(there, name, "holdout", 0.2, fold=1, cutoffs=[10])
        run(there, name, "holdout", 0.4, dataset="ml-1m", cutoffs=[10])
        publish(publish(book, there), there, "ml-1m")
        run(here, name, "holdout", 0.3, fold=0, cutoffs=[10])
    found = facts.on_record(here, [FIRST], book)
    assert list(found.runs) == ["MovieLens 100K", "MovieLens 1M"]
    means = {(each.row["recommender"], each.row["fold"]): float(each.per_user["ndcg@10"].mean())
             for each in found.runs["MovieLens 100K"]}  # fmt: skip
    # this build's fold 0 stands before the published one; the other fold is added to it
    assert means == {
        (name, fold): pytest.approx(value, abs=0.01)
        for name in ("item-knn", "integrated") for fold, value in ((0, 0.3), (1, 0.2))
    }  # fmt: skip
    assert list(facts.on_record(tmp_path / "nowhere", [], book).runs) == list(found.runs)


def test_published_runs_without_values_a_user_judge_nothing(tmp_path: Path) -> None:
    run(tmp_path / "there", "item-knn", "holdout", 0.1, cutoffs=[10])
    publish(tmp_path, tmp_path / "there").joinpath("ml-100k.parquet").unlink()
    assert facts.on_record(tmp_path / "nowhere", [], tmp_path).runs == {}


def conditioned(folder: Path, name: str, mean: float, condition: str, **more: object) -> Run:
    origin = {"name": condition, "code": "c", **more}
    return run(folder, name, "leave-last-out", mean, condition=origin)


def cold(folder: Path, *, users: float, sparse: float, items: float) -> Evidence:
    """Plant the lead of the integrated approach for new users, on sparse data, on new items."""
    plain = [
        run(folder, name, "strong", 0.2 + users * (name == "integrated"))
        for name in ("popularity", "user-knn", "item-knn", "integrated")
    ]
    under = [
        conditioned(folder, name, 0.2 + lead * (name == "integrated"), "thin", share=share)
        for share, lead in ((0.1, sparse), (0.9, -0.1))
        for name in ("user-knn", "item-knn", "integrated")
    ]
    under += [
        conditioned(folder, name, 0.2 + items * (name == "integrated"), "cold-items")
        for name in ("random", "integrated")
    ]
    return Evidence({"MovieLens 100K": plain}, conditioned={"MovieLens 100K": under})


def test_cold_start_has_to_hold_for_users_sparse_data_and_items(tmp_path: Path) -> None:
    judge = claim("It handles sparsity").judge
    good = judge(cold(tmp_path, users=0.1, sparse=0.1, items=0.1))
    assert good.verdict == rules.SUPPORTED, "a share above a half is not sparse"
    assert "beats User-based CF with 10 % of MovieLens 100K (+0.100" in good.evidence
    assert "For items unseen in training the integrated approach beats Random" in good.evidence
    for part in ("users", "sparse", "items"):
        lead = {"users": 0.1, "sparse": 0.1, "items": 0.1} | {part: -0.1}
        assert judge(cold(tmp_path / part, **lead)).verdict == rules.REFUTED


def test_cold_start_stays_open_without_runs_under_conditions(tmp_path: Path) -> None:
    whole = cold(tmp_path, users=0.1, sparse=0.1, items=0.1)
    judged = claim("It handles sparsity").judge(Evidence(whole.runs))
    assert judged.verdict == rules.OPEN
    assert "No run with the chosen settings is about sparse data and items" in judged.evidence


@pytest.mark.parametrize(
    ("values", "verdict"),
    [((0.3, 0.2, 0.2), rules.OPEN), ((0.3, 0.2, 0.3), rules.REFUTED), (None, rules.OPEN)],
)
def test_pictures_have_to_beat_none_and_wrong_ones(
    monkeypatch: pytest.MonkeyPatch, values: tuple[float, ...] | None, verdict: str
) -> None:
    columns = ["as they are", "without pictures", "pictures shuffled"]
    table = pd.DataFrame([] if values is None else [values], columns=columns)
    monkeypatch.setattr("reclib.report.condition_rules.image_table", lambda **_: table)
    assert claim("Convolution").judge(evidence()).verdict == verdict


def test_runs_under_conditions_are_gathered_apart(tmp_path: Path) -> None:
    run(tmp_path, "ease", "leave-last-out", 0.2)
    conditioned(tmp_path, "ease", 0.1, "thin", share=0.1)
    found = facts.gather(tmp_path, [FIRST], tmp_path / "nothing")
    assert [each.row.get("condition") for each in found.runs["MovieLens 100K"]] == [None]
    (only,) = found.under("MovieLens 100K", "thin")
    assert only.per_user["ndcg@10"].mean() == pytest.approx(0.1, abs=0.01)
    assert found.under("MovieLens 100K", "noise") == []


def test_a_quick_build_does_not_hide_what_is_published_under_conditions(tmp_path: Path) -> None:
    here, elsewhere, book = (tmp_path / name for name in ("here", "elsewhere", "book"))
    thin = {"name": "thin", "share": 0.1, "code": "c"}
    for folder, name in ((here, "ease"), (elsewhere, "integrated")):
        run(folder, name, "holdout", 0.2, cutoffs=[10])
        run(folder, name, "holdout", 0.1, cutoffs=[10], condition=thin)
    publish(book, elsewhere)
    for found in (facts.gather(here, [FIRST], book), facts.on_record(here, [FIRST], book)):
        some = found.under("MovieLens 100K", "thin")
        assert {each.row["recommender"] for each in some} == {"ease", "integrated"}


def trained(folder: Path, speed_up: float, ndcg: float) -> None:
    """With small batches two processes win little, and one of them learns as well as it can."""
    frame = pd.DataFrame({
        "recommender": "integrated", "processes": [1, 2, 1, 2],
        "histories a batch": [16, 16, 64, 64], "speed-up": [1.0, 1.2, 1.0, speed_up],
        "ndcg@10": [0.1, 0.1, ndcg, ndcg], "finished": "2026-01-02T03:04",
        "device": "x", "commit": "c",
    })  # fmt: skip
    frame.to_csv(folder / "ddp.ml-100k.csv", index=False)


@pytest.mark.parametrize(
    ("speed_up", "ndcg", "rows", "verdict"),
    [
        (1.7, 0.1, 200e6, rules.SUPPORTED),
        (1.7, 0.1, 1e6, rules.OPEN),
        (1.7, 0.1, 0, rules.OPEN),
        (1.5, 0.1, 200e6, rules.REFUTED),
        (1.7, 0.09, 200e6, rules.REFUTED),
    ],
)
def test_scale_needs_speed_without_loss_and_much_data(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    speed_up: float,
    ndcg: float,
    rows: float,
    verdict: str,
) -> None:
    monkeypatch.setattr(costs, "BENCHMARKS", tmp_path)
    found = evidence(run(tmp_path, "ease", "holdout", 0.3))
    assert claim("It scales").judge(found).verdict == rules.OPEN, "nothing is on record"
    trained(tmp_path, speed_up, ndcg)
    if rows:
        size = pd.DataFrame({"tool": ["ours"], "rows": [int(rows)], "seconds": [9.0]})
        size.to_csv(tmp_path / "preparation.csv", index=False)
    judged = claim("It scales").judge(found)
    assert judged.verdict == verdict
    assert f"{speed_up:.2f} times as fast as one" in judged.evidence
