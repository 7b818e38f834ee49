from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_data import random_frame, write_dataset

from reclib import experiment, recommenders, search, workers
from reclib.errors import DataError, UnknownName
from reclib.spec import base_of
from reclib.splits import Split
from reclib.study import Spec, Study, grid

TRIALS = 4


def never(*_: object, **__: object) -> None:
    pytest.fail("fitted again")


def test_a_study_has_dataset_splits_and_ledger_in_its_build_folder(study: Study) -> None:
    assert (study.dataset.n_users, study.dataset.n_items) == (40, 30)
    split = study.split("holdout", fold=2)
    assert split.checksum == study.split("holdout", fold=2).checksum
    build = Path(study.build_dir)
    assert {path.name for path in build.iterdir()} == {"splits"}
    assert study.ledger.folder == build / "ledger"


def test_paths_become_absolute_so_that_workers_find_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = Study.open("ml-100k", build_dir="build", data_dir="data")
    assert opened.build_dir == str(tmp_path / "build")
    assert opened.data_dir == str(tmp_path / "data")
    assert Study(**asdict(opened)) == opened


def test_an_unknown_dataset_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ml-100k'"):
        _ = Study.open("ml-100").dataset


def test_inclusion_is_part_of_the_study(study: Study) -> None:
    stricter = replace(study, min_user=12)
    counts = stricter.dataset.interactions["user_id"].value_counts()
    assert 0 < len(counts) < 40
    assert counts.min() >= 12


@pytest.mark.parametrize(("name", "n_items"), [("ml-1m", 7), ("ml-1m-5core", 6)])
def test_a_core_dataset_shares_files_and_leaves_rare_items_out(
    tmp_path: Path, name: str, n_items: int
) -> None:
    pairs = [(user, item) for user in range(6) for item in range(6) if user != item]
    rows = [f"u{user}\ti{item}" for user, item in pairs] + ["u0\trare"]
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    text = "\n".join(["user_id:token\titem_id:token", *rows, ""])
    (folder / "ml-1m.inter").write_text(text)
    data = Study.open(name, data_dir=str(tmp_path)).dataset
    assert (data.name, data.n_users, data.n_items) == (name, 6, n_items)


def test_protocols_that_the_data_cannot_support_are_left_out(tmp_path: Path) -> None:
    frame = random_frame().drop(columns="timestamp")
    study = Study.open(str(write_dataset(tmp_path / "plain", frame)), build_dir=tmp_path / "b")
    names = ["temporal", "rated-only", "sampled", "holdout"]
    assert study.supported(names) == ["rated-only", "holdout"]


def test_a_cutoff_above_the_catalogue_is_refused_before_anything_is_fitted(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommenders, "build", never)
    with pytest.raises(DataError, match="k = 31 does not fit a catalogue of 30 items"):
        replace(study, cutoff=31).run(Spec("popularity", "holdout"))
    assert replace(study, cutoff=30).cutoffs == (5, 10, 20, 30)
    assert replace(study, cutoff=10).cutoffs == (5, 10, 20)


def test_the_grid_repeats_only_what_depends_on_a_seed() -> None:
    specs = grid(["random", "bias"], ["holdout", "strong"], folds=(0, 1), seeds=(1, 2))
    counts = pd.Series([spec.recommender for spec in specs]).value_counts()
    assert counts.to_dict() == {"random": 8, "bias": 4}
    assert len({(s.recommender, s.protocol, s.fold, s.seed) for s in specs}) == 12


def test_runs_come_back_in_the_order_given_and_the_second_time_from_the_ledger(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = grid(["popularity", "random"], ["holdout"], folds=(1, 0))
    first = study.run_all(specs)
    assert [(run.row["recommender"], run.row["fold"]) for run in first] == [
        ("popularity", 1), ("popularity", 0), ("random", 1), ("random", 0),
    ]  # fmt: skip
    monkeypatch.setattr(recommenders, "build", never)
    assert [run.row for run in study.run_all(specs)] == [run.row for run in first]
    assert study.run_all([]) == []


def test_a_run_that_is_asked_for_in_two_ways_is_made_once(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def spy(function: Any, calls: Any, **options: Any) -> Any:
        asked.append(len(calls))
        return workers.call_all(function, calls, **options)

    monkeypatch.setattr("reclib.study.call_all", spy)
    specs = [Spec("random", "holdout"), Spec("random", "holdout", seed=study.seed)]
    one, two = study.run_all(specs)
    assert one.row == two.row
    assert asked == [1], "two workers would make it at the same time"
    other, zero = study.run_all([specs[0], Spec("random", "holdout", seed=0)])
    assert (other.row["seed"], zero.row["seed"]) == (study.seed, 0)


@pytest.mark.slow
def test_a_worker_gives_what_the_process_itself_gives(study: Study, tmp_path: Path) -> None:
    specs = grid(["random", "bias", "popularity"], ["holdout"])
    here = study.run_all(specs)
    apart = replace(study, workers=2, build_dir=str(tmp_path / "apart")).run_all(specs)
    for one, two in zip(here, apart, strict=True):
        assert one.row["key"] == two.row["key"]
        assert one.folder != two.folder
        pd.testing.assert_frame_equal(one.per_user, two.per_user)
        np.testing.assert_array_equal(one.top, two.top)


def test_the_search_writes_the_best_settings_of_the_valid_part(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, values = experiment.evaluate, iter([0.2, 0.1, 0.4, 0.3])

    def planted(*arguments: Any) -> Any:
        done = honest(*arguments)
        done.summary[search.METRIC] = next(values)
        return done

    monkeypatch.setattr(experiment, "evaluate", planted)
    study.search_all(["bias"], ["holdout"], TRIALS)
    trials = study.ledger.frame()
    assert trials[search.METRIC].tolist() == [0.2, 0.1, 0.4, 0.3]
    assert set(trials["stage"]) == {"valid"}
    assert set(trials["kind"]) == {"trial"}
    best = list(search.candidates("bias", TRIALS, study.seed))[2]
    assert search.read_settings("small") == {"holdout": {"bias": best}}
    assert study.settings("bias", "holdout") == best


def test_short_histories_are_searched_as_such(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = study.dataset.interactions.groupby("user_id").size().median()
    for limit, short in ((usual, False), (usual + 1, True)):
        monkeypatch.setattr("reclib.searches.SHORT_HISTORY", limit)
        expected = search.candidates("rnn", 3, study.seed, short=short)
        assert study.candidates("rnn", 3) == list(expected)


def test_what_training_found_is_kept_where_nothing_is_left_to_find_it_on(study: Study) -> None:
    study.search_all(["bpr"], ["holdout", "leave-last-out"], 1)
    found = search.read_settings("small")
    epochs = study.ledger.frame().set_index("protocol")["found"].map(lambda row: row["epochs"])
    assert found["holdout"]["bpr"]["epochs"] == epochs["holdout"]
    assert "epochs" not in found["leave-last-out"]["bpr"], "its valid part is never trained on"
    done = study.run(Spec("bpr", "holdout"))
    assert len(done.curve) == epochs["holdout"]


def test_finished_trials_are_not_repeated(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.search_all(["bias"], ["holdout"], TRIALS)
    built: list[Any] = []
    honest = recommenders.build

    def counted(name: str, settings: Any, **options: Any) -> Any:
        built.append(settings)
        return honest(name, settings, **options)

    monkeypatch.setattr(recommenders, "build", counted)
    study.search_all(["bias"], ["holdout"], TRIALS)
    assert built == []
    study.search_all(["bias"], ["holdout"], TRIALS + 2)
    assert len(built) == 2, "more trials go on where the fewer ended"


def test_the_search_never_looks_at_the_test_part(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    honest = experiment.evaluate

    def watched(recommender: Any, split: Split, *options: Any) -> Any:
        seen.append(split.stage)
        return honest(recommender, split, *options)

    monkeypatch.setattr(experiment, "evaluate", watched)
    study.search_all(["bias", "popularity"], ["holdout", "temporal"], TRIALS)
    assert set(seen) == {"valid"}
    assert len(seen) == 2 * (TRIALS + 1), "popularity has nothing to choose: one trial"


def test_a_trial_takes_its_settings_as_they_are(study: Study) -> None:
    search.write_settings("small", "holdout", "bias", {"item_damping": 33.0, "user_damping": 3.0})
    spec = Spec("bias", "holdout", settings={"item_damping": 2.0})
    trial, run = study.run(spec, kind="trial"), study.run(spec)
    assert trial.row["settings"] == {"item_damping": 2.0, "user_damping": 10.0}
    assert run.row["settings"] == {"item_damping": 2.0, "user_damping": 3.0}


def test_networks_are_fitted_anew_where_ratings_are_learned_and_others_are_not(
    study: Study,
) -> None:
    for name, twins in (("bpr", ["rated-only"]), ("ensemble", ["rated-only"]), ("rnn", [])):
        spec = Spec(name, "holdout")
        assert study._twins(spec, "holdout") == twins
        rated = replace(spec, protocol="rated-only")
        assert base_of(rated) == ("holdout" if twins else "rated-only")


def test_protocols_that_differ_in_the_candidates_share_settings(study: Study) -> None:
    search.write_settings("small", "holdout", "bias", {"item_damping": 33.0})
    assert study.settings("bias", "rated-only") == {"item_damping": 33.0}
    search.write_settings("small", "rated-only", "bias", {"item_damping": 5.0})
    assert study.settings("bias", "rated-only") == {"item_damping": 5.0}
    assert study.settings("bias", "strong") == {}


def test_what_networks_found_for_another_target_is_no_setting_of_theirs(study: Study) -> None:
    search.write_settings("small", "holdout", "rnn", {"epochs": 3, "cf_weight": 48.0})
    assert study.settings("rnn", "holdout") == {"epochs": 3, "cf_weight": 48.0}
    assert study.settings("rnn", "rated-only") == {}


def trial_settings(trials: pd.DataFrame) -> Sequence[dict[str, float]]:
    return trials.sort_values("trial")["settings"].tolist()


def test_the_quick_edition_shows_trials_on_record_and_makes_none(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reclib.ledger.PUBLISHED", Path(study.build_dir) / "none")
    assert study.trials(["bias"], ["holdout"], TRIALS).empty
    full = replace(study, edition="full").trials(["bias"], ["holdout"], TRIALS)
    assert full["trial"].tolist() == list(range(TRIALS))
    assert trial_settings(full) == list(search.candidates("bias", TRIALS, study.seed))
    assert set(full["title"]) == {"Bias only"}
    monkeypatch.setattr(recommenders, "build", never)
    shown = study.trials(["bias"], ["holdout"], TRIALS)
    assert trial_settings(shown) == trial_settings(full)


@pytest.mark.slow
def test_dask_workers_make_the_same_rows(study: Study, tmp_path: Path) -> None:
    from distributed import LocalCluster

    specs = grid(["random", "bias"], ["holdout"], folds=(0, 1), seeds=(1, 2))
    here = study.run_all(specs)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(processes=True, **options) as cluster:
        address = cluster.scheduler_address
        apart = replace(study, scheduler=address, build_dir=str(tmp_path / "apart"))
        there = apart.run_all(specs)
        with pytest.raises(UnknownName, match="Did you mean 'item_damping'"):
            apart.run_all([Spec("bias", "holdout", settings={"item_dampin": 1.0})])
    varies = {"fit_seconds", "rank_seconds", "peak_memory_mb", "finished"}
    for one, two in zip(here, there, strict=True):
        assert one.folder != two.folder
        assert {k: v for k, v in one.row.items() if k not in varies} == {
            k: v for k, v in two.row.items() if k not in varies
        }
        pd.testing.assert_frame_equal(one.per_user, two.per_user)
        np.testing.assert_array_equal(one.top, two.top)


def test_a_scheduler_that_does_not_answer_is_named(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = "tcp://127.0.0.1:9"
    monkeypatch.setattr("reclib.workers.PATIENCE", "0.3s")
    with pytest.raises(DataError, match=f"no Dask scheduler answers at {nobody}"):
        replace(study, scheduler=nobody).run_all([Spec("bias", "holdout")])


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLIB_SCHEDULER", "tcp://10.0.0.1:8786")
    assert Study.open("ml-100k").scheduler == "tcp://10.0.0.1:8786"
    assert Study.open("ml-100k", scheduler="tcp://b:1").scheduler == "tcp://b:1"
    monkeypatch.delenv("RECLIB_SCHEDULER")
    assert Study.open("ml-100k").scheduler is None
