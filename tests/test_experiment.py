from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reclib import experiment, provenance, recommenders
from reclib.datasets import Dataset
from reclib.experiment import measure_run, origin_of, run, run_with_twins
from reclib.ledger import Ledger
from reclib.splits import Split, make_split


@pytest.fixture
def split(small: Dataset) -> Split:
    return make_split(small, "holdout")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def key(split: Split, name: str = "random", **options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"settings": {}, "seed": 2026, "cutoffs": (5, 10)}
    return origin_of(name, split, **(defaults | options))


def test_a_second_run_comes_from_the_ledger(
    split: Split, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run("bias", split, ledger=ledger)
    monkeypatch.setattr(recommenders, "build", lambda *_, **__: pytest.fail("fitted again"))
    again = run("bias", split, ledger=ledger)
    assert again.row == first.row
    pd.testing.assert_frame_equal(again.per_user, first.per_user)
    assert len(ledger.rows()) == 1


def test_the_row_says_what_was_measured_and_where(split: Split, ledger: Ledger) -> None:
    done = run("bias", split, ledger=ledger, settings={"item_damping": 5.0}, cutoffs=(5, 10))
    row = done.row
    for metric in done.per_user:
        assert row[metric] == pytest.approx(done.per_user[metric].mean(), abs=1e-6)
    assert row["settings"] == {"item_damping": 5.0, "user_damping": 10.0}
    assert row["n_users"] == len(split.users()) == len(done.top)
    assert row["fit_seconds"] >= 0
    assert row["rank_seconds"] >= 0
    assert row["peak_memory_mb"] >= 1
    assert row["split_checksum"] == split.checksum
    assert (row["kind"], row["stage"], row["protocol"]) == ("run", "test", "holdout")


@pytest.mark.parametrize(
    "change",
    [{"seed": 7}, {"cutoffs": (5,)}, {"name": "popularity"}, {"settings": {"last_n": 20}}],
)
def test_whatever_the_result_depends_on_is_in_the_key(split: Split, change: Any) -> None:
    assert key(split, **change) != key(split)


def test_fold_stage_seed_and_data_of_the_split_are_in_the_key(small: Dataset, split: Split) -> None:
    other = small.with_interactions(small.interactions.iloc[1:])
    splits = [split, split.at("valid"), make_split(small, "holdout", fold=1),
              make_split(small, "holdout", seed=1), make_split(other, "holdout"),
              make_split(small, "rated-only")]  # fmt: skip
    origins = [key(each) for each in splits]
    assert all(a != b for n, a in enumerate(origins) for b in origins[:n])


def test_settings_that_repeat_the_defaults_make_no_other_run(split: Split) -> None:
    assert key(split, "bias", settings={"item_damping": 10.0}) == key(split, "bias")
    assert key(split, "bias", settings={"item_damping": 9.0}) != key(split, "bias")


def test_a_closed_form_is_not_run_again_for_another_seed(split: Split) -> None:
    assert key(split, "bias", seed=1) == key(split, "bias", seed=2)


@pytest.mark.parametrize("part", ["fingerprint", "versions"])
def test_changed_code_or_libraries_make_another_run(
    split: Split, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    first = run("popularity", split, ledger=ledger)
    monkeypatch.setattr(provenance, part, lambda *_: "changed")
    second = run("popularity", split, ledger=ledger)
    assert second.row["key"] != first.row["key"]
    assert len(ledger.rows()) == 2


def test_the_key_covers_the_evaluator_and_the_recommenders_own_files(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(provenance, "fingerprint", lambda *paths: asked.append(paths) or "x")
    key(split, "ease")
    assert {"ranking.py", "metrics.py", *recommenders.CATALOGUE["ease"].modules} <= set(asked[0])


def test_the_key_covers_the_recommenders_own_libraries_and_nobody_elses(split: Split) -> None:
    def versions(name: str) -> dict[str, str]:
        return experiment.origin_of(name, split, {}, 1, [10])["versions"]

    assert versions("ials").keys() - versions("ease").keys() == {"implicit"}
    assert versions("ease") == provenance.versions()


def test_every_file_that_a_key_is_made_from_exists() -> None:
    patterns = {path for entry in recommenders.CATALOGUE.values() for path in entry.modules}
    for pattern in {*patterns, *experiment.EVALUATOR}:
        assert list(provenance.PACKAGE.glob(pattern)), f"{pattern} matches no file"


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    split: Split, tmp_path: Path
) -> None:
    one, two, other = (
        run("random", split, ledger=Ledger(tmp_path / place), seed=seed)
        for place, seed in (("one", 1), ("two", 1), ("other", 2))
    )
    np.testing.assert_array_equal(one.top, two.top)
    assert one.row["key"] == two.row["key"] != other.row["key"]
    assert (one.top != other.top).any()


def test_measuring_writes_nothing_down(split: Split, tmp_path: Path) -> None:
    done = measure_run("popularity", split, cutoffs=(5,))
    assert done.summary == done.evaluation.summary
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_no_row(
    split: Split, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(experiment, "evaluate", broken)
        with pytest.raises(KeyboardInterrupt):
            run("popularity", split, ledger=ledger)
    assert ledger.rows() == []
    assert list((ledger.folder / "runs").iterdir()) == []
    assert run("popularity", split, ledger=ledger).row["n_users"] > 0


def test_one_fit_is_ranked_under_every_protocol_with_the_same_parts(
    small: Dataset, split: Split, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    rated, built = make_split(small, "rated-only"), []
    real = recommenders.build
    monkeypatch.setattr(recommenders, "build", lambda *a, **k: built.append(a) or real(*a, **k))
    both = run_with_twins("popularity", split, ledger=ledger, twins=[rated], cutoffs=(3,))
    assert len(built) == 1
    assert [each.row["protocol"] for each in both] == ["holdout", "rated-only"]
    for each, here in zip(both, (split, rated), strict=True):
        alone = measure_run("popularity", here, cutoffs=(3,))
        pd.testing.assert_frame_equal(each.per_user, alone.evaluation.per_user)
        np.testing.assert_array_equal(each.top, alone.evaluation.top)
        assert each.row["ndcg@3"] == pytest.approx(alone.summary["ndcg@3"], abs=1e-6)
    assert both[0].row["ndcg@3"] != both[1].row["ndcg@3"]
    built.clear()
    again = run_with_twins("popularity", split, ledger=ledger, twins=[rated], cutoffs=(3,))
    assert [each.row for each in again] == [each.row for each in both]
    assert built == []


def test_a_twin_says_where_it_was_fitted_and_makes_no_other_run_of_the_split(
    small: Dataset, split: Split, ledger: Ledger
) -> None:
    rated = make_split(small, "rated-only")
    alone = run("popularity", split, ledger=ledger)
    whole, part = run_with_twins("popularity", split, ledger=ledger, twins=[rated])
    assert whole.row["key"] == alone.row["key"]
    assert "fitted_under" not in whole.row
    assert part.row["fitted_under"] == "holdout"
    assert run("popularity", rated, ledger=ledger).row["key"] != part.row["key"]
    assert run("popularity", split, ledger=ledger, twins=[rated]).row["protocol"] == "holdout"


def test_every_row_has_its_kind_and_the_curve_of_the_fit(
    small: Dataset, split: Split, ledger: Ledger
) -> None:
    twins = [make_split(small, "rated-only").at("valid")]
    settings = {"embedding_size": 4, "max_epochs": 2, "train_batch_size": 64}
    options = {"settings": settings, "kind": "trial", "twins": twins}
    for done in run_with_twins("bpr", split.at("valid"), ledger=ledger, **options):
        assert (done.row["kind"], done.row["stage"]) == ("trial", "valid")
        assert done.curve is not None
        assert len(done.curve) == 2


def test_the_row_keeps_what_training_found_on_valid(split: Split, ledger: Ledger) -> None:
    settings = {"embedding_size": 4, "max_epochs": 2, "train_batch_size": 64}
    done = run("bpr", split.at("valid"), ledger=ledger, settings=settings)
    assert done.row["found"]["epochs"] in (1, 2)
    assert run("bias", split, ledger=ledger).row["found"] == {}


TINY = {"embedding_size": 4, "hidden_size": 4, "n_layers": 1, "max_epochs": 1}


def test_the_gate_of_a_network_is_kept_for_every_ranked_user(
    small: Dataset, ledger: Ledger
) -> None:
    last = make_split(small, "leave-last-out")
    done = run("integrated", last, ledger=ledger, settings=TINY)
    assert done.gate is not None
    assert done.gate.index.tolist() == done.per_user.index.tolist() == last.users().tolist()
    assert list(done.gate) == ["cf", "cnn", "rnn", "attention", "side"]
    np.testing.assert_allclose(done.gate.sum(axis=1), 1, atol=1e-5)
    again = ledger.find(done.row["key"])
    assert again is not None
    pd.testing.assert_frame_equal(again.gate, done.gate)


def test_where_nothing_is_weighed_no_gate_is_kept(small: Dataset, ledger: Ledger) -> None:
    last = make_split(small, "leave-last-out")
    assert run("rnn", last, ledger=ledger, settings=TINY).gate is None
    assert run("popularity", last, ledger=ledger).gate is None
