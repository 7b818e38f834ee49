"""Verdicts follow the numbers: plant a result, and the claim goes the way its rule says."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_checkout import FIRST

from reclib.claims import CLAIMS, Claim, Evidence, judge_all
from reclib.ledger import Ledger, Run
from reclib.recommenders.deep.settings import Settings
from reclib.report import facts, rules

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
        ([("rnn", "holdout"), ("item-knn", "leave-last-out")], "No network of this build was run"),
        ([("rnn", "leave-last-out"), ("cnn", "holdout")], "another network beside the RNN"),
        (
            [("integrated", "leave-last-out"), ("rnn", "holdout"), ("ease", "leave-last-out")],
            "no run of the RNN alone under `leave-last-out`; of the networks, it has Integrated.",
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

    assert claim("It is robust").judge(folds(1)).verdict == rules.OPEN
    assert claim("It is robust").judge(folds(3)).verdict == rules.SUPPORTED


def test_without_runs_nothing_is_supported_or_refuted() -> None:
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
