"""Runs under a condition go through the same ledger, and stand for nothing but themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_data import random_split

from reclib import datasets, recommenders, spec
from reclib.conditions import AS_IS, Condition
from reclib.experiment import key_of, origin_of
from reclib.standing import last_of_each, newest
from reclib.study import Spec, Study, ablated, conditioned, for_unseen

THIN = Condition.of("thin", share=0.2)


def never(*_: object, **__: object) -> None:
    pytest.fail("fitted again")


def test_a_condition_is_in_the_row_and_in_the_key_of_its_run_alone(study: Study) -> None:
    plain, thinned = study.run_all(conditioned(["bias"], "holdout", [None, THIN]))
    assert "condition" not in plain.row
    assert thinned.row["condition"] == json.loads(json.dumps(THIN.origin))
    assert plain.row["key"] != thinned.row["key"]
    assert plain.row["dataset_checksum"] == thinned.row["dataset_checksum"]
    assert plain.row["split_checksum"] != thinned.row["split_checksum"]
    assert plain.per_user["ndcg@10"].mean() != thinned.per_user["ndcg@10"].mean()


def test_keys_of_runs_without_a_condition_are_what_they_were() -> None:
    """They are made from these entries and no other: published runs keep their names."""
    origin = origin_of("popularity", random_split(), {}, 1, (5,))
    assert sorted(origin) == ["code", "cutoffs", "dataset", "dataset_checksum", "fold", "protocol",
                              "recommender", "seed", "settings", "split_checksum", "stage",
                              "versions"]  # fmt: skip
    assert key_of(origin) != key_of(origin | {"condition": THIN.origin})


def test_the_second_time_it_comes_from_the_ledger(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = conditioned(["popularity", "bias"], "leave-last-out", [THIN, AS_IS])
    first = study.run_all(specs)
    monkeypatch.setattr(recommenders, "build", never)
    assert [run.row for run in study.run_all(specs)] == [run.row for run in first]


def test_a_run_under_a_condition_is_no_result_and_replaces_none(study: Study) -> None:
    runs = study.run_all(conditioned(["bias"], "holdout", [None, THIN, AS_IS]))
    rows = [run.row for run in runs]
    assert [row["key"] for row in newest(rows)] == [rows[0]["key"]]
    assert len(last_of_each(rows)) == 3


def test_a_run_with_limits_is_made_under_a_condition_whatever_happens() -> None:
    limits = {"rnn": {"epochs": 1}}
    specs = conditioned(["rnn", "ease"], "holdout", [None, THIN], limits=limits, seeds=(1, 2))
    found = [(each.recommender, each.condition, dict(each.settings)) for each in specs]
    assert found == [
        ("rnn", AS_IS, {"epochs": 1}), ("rnn", AS_IS, {"epochs": 1}), ("ease", None, {}),
        ("rnn", THIN, {"epochs": 1}), ("rnn", THIN, {"epochs": 1}), ("ease", THIN, {}),
    ]  # fmt: skip
    assert [each.seed for each in specs] == [1, 2, 1] * 2


def test_an_ablation_has_each_branch_off_and_alone_for_every_seed() -> None:
    parts = ablated("integrated", "holdout", ["cf", "rnn", "side"], (1, 2))
    branches = [tuple(each.settings["branches"]) for each in parts[::2]]
    off = [("rnn", "side"), ("cf", "side"), ("cf", "rnn")]
    assert branches == [*off, ("cf",), ("rnn",), ("side",)]
    assert [each.seed for each in parts] == [1, 2] * 6
    assert all(set(each.settings) == {"branches"} for each in parts), "the rest is unchanged"


def test_nothing_is_ranked_under_two_protocols_at_once(study: Study) -> None:
    assert spec.shares_fit(Spec("bpr", "holdout"))
    under = Spec("bpr", "rated-only", condition=THIN)
    assert not spec.shares_fit(under)
    assert spec.base_of(under) == "rated-only"
    assert study._twins(under, "rated-only") == []


def test_the_split_of_a_run_is_at_its_stage_and_under_its_condition(study: Study) -> None:
    found = study.split_of(Spec("ease", "holdout", fold=1, stage="valid", condition=THIN))
    assert (found.stage, found.fold) == ("valid", 1)
    assert len(found.train) < len(study.split("holdout", 1).at("valid").train)


def test_what_a_condition_finds_out_is_in_the_row(study: Study) -> None:
    attack = Condition.of("shilling", share=0.1)
    (run,) = study.run_all(conditioned(["popularity"], "leave-last-out", [attack]))
    assert set(run.row["pushed"]) == {"5", "10", "20"}
    cold = Condition.of("cold-users", known=[0, 1])
    (run,) = study.run_all(conditioned(["popularity"], "leave-last-out", [cold]))
    split = study.split_of(Spec("popularity", "leave-last-out", condition=cold))
    own = split.groups[run.per_user.index] == 1
    mean = run.per_user["ndcg@10"][own].mean()
    assert run.row["groups"]["1"]["ndcg@10"] == pytest.approx(mean, abs=1e-6)
    assert list(run.row["groups"]) == ["0", "1"]


def test_networks_fit_under_every_condition(study: Study) -> None:
    short = {"epochs": 1, "max_epochs": 1, "branches": ["cf", "rnn", "side"], "hidden_size": 8,
             "embedding_size": 8}  # fmt: skip
    names = ["thin", "noise", "shilling", "cold-users", "cold-items", "context"]
    conditions = [Condition.of(name) for name in names]
    specs = conditioned(["integrated"], "leave-last-out", conditions, limits={"integrated": short})
    for run in study.run_all(specs):
        assert np.isfinite(run.per_user.to_numpy()).all()


def test_item_vectors_are_silenced_where_a_network_knows_how(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits: dict[str, dict[str, Any]] = {"integrated": {"epochs": 1}}
    monkeypatch.setattr(spec, "OPTIONAL", {"deep": ("epochs",)})
    assert for_unseen(["ease", "integrated"], limits) == limits
    monkeypatch.setattr(spec, "OPTIONAL", {"deep": ("epochs", "item_dropout")})
    silenced = {"item_dropout": 0.5}
    assert for_unseen(["ease", "integrated"], limits) == {"integrated": silenced | {"epochs": 1}}
    assert for_unseen(["rnn"], {}) == {"rnn": silenced}


def test_temporal_is_left_out_where_times_are_not_true(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocols = ["holdout", "leave-last-out", "temporal"]
    assert study.honest(protocols) == protocols
    entry = replace(datasets.CATALOGUE["lastfm"], dishonest={"temporal": "its times are made up"})
    monkeypatch.setitem(datasets.CATALOGUE, "small", entry)
    assert study.honest(protocols) == protocols[:2]


def test_fold_and_seed_reach_the_run(study: Study) -> None:
    (run,) = study.run_all(conditioned(["random"], "holdout", [THIN], folds=[2], seeds=[7]))
    assert (run.row["fold"], run.row["seed"]) == (2, 7)
