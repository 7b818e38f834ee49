"""What of a ledger is published user by user, and what of it stands beside a build."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ledger_rows import row
from small_data import dataset, random_frame

from reclib import per_user, published
from reclib.conditions import Condition
from reclib.datasets import Dataset
from reclib.experiment import run
from reclib.ledger import Ledger, append_row
from reclib.per_user import PublishedRun
from reclib.published import publish, published_runs
from reclib.splits import PROTOCOLS, make_split
from reclib.standing import newest

WIDE = dataset(random_frame(n_items=160))  # room for 100 negatives


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
def test_what_is_published_gives_the_metrics_again(protocol: str, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    done = run("popularity", make_split(WIDE, protocol), ledger=ledger)
    publish(ledger, "small", tmp_path / "book")
    (found,) = published_runs(tmp_path / "book")
    assert found.row == done.row
    assert found.per_user.index.tolist() == done.per_user.index.tolist()
    exact = protocol in per_user.ONE_TARGET
    columns = [c for c in done.per_user if "novelty" not in c] if exact else per_user.KEPT
    assert len(columns) == (18 if exact else 4)
    for metric in columns:
        np.testing.assert_allclose(
            found.per_user[metric],
            done.per_user[metric],
            rtol=0,
            atol=1e-12 if exact else 0.5001 / per_user.LEVELS,
        )


def test_every_protocol_with_one_target_a_user_is_known_as_such() -> None:
    for protocol in PROTOCOLS:
        targets = make_split(WIDE, protocol).relevant()
        alone = targets.getnnz(axis=1).max() == 1
        assert alone == (protocol in per_user.ONE_TARGET), protocol


def test_floor_and_ceiling_are_not_kept_a_user(small: Dataset, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    run("random", make_split(small, "holdout"), ledger=ledger)
    publish(ledger, "small", tmp_path / "book")
    (found,) = published_runs(tmp_path / "book")
    assert found.row["recommender"] == "random"
    assert found.per_user.empty


def test_a_run_whose_artefacts_are_gone_keeps_what_was_published(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    users = pd.Index([3, 8], name="user")
    values = pd.DataFrame({metric: [0.2, 0.6] for metric in per_user.KEPT}, users)
    entry = row("a", cutoffs=[10])
    ledger.add(entry, per_user=values, top=np.zeros((2, 1), np.int32))
    publish(ledger, "d", tmp_path)
    elsewhere = Ledger(tmp_path / "elsewhere")
    append_row(elsewhere.path, entry)
    append_row(elsewhere.path, row("b", seed=2))
    publish(elsewhere, "d", tmp_path)
    first, second = published_runs(tmp_path)
    assert first.per_user["map@10"].to_dict() == {3: 0.2, 8: 0.6}
    assert second.per_user.empty
    assert published_runs(tmp_path, without=["d"]) == []


def test_what_was_published_stays_until_it_is_made_again(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path / "first"), Ledger(tmp_path / "second")
    for entry in (row("a", seed=1, finished="2026-01-01"), row("b", seed=2, finished="2026-01-02")):
        append_row(first.path, entry)
    append_row(second.path, row("c", seed=1, finished="2026-01-03"))
    append_row(second.path, row("x", dataset="other"))
    publish(first, "d", tmp_path)
    path = publish(second, "d", tmp_path)
    assert [each["key"] for each in published.read_rows(path)] == ["b", "c"]
    publish(first, "d", tmp_path)
    keys = [each["key"] for each in published.read_rows(path)]
    assert keys == ["b", "c"], "an older answer does not come back"


def test_a_short_run_under_a_condition_is_not_published(tmp_path: Path) -> None:
    ledger, thin = Ledger(tmp_path / "ledger"), {"name": "thin", "seed": 1}
    brief = row("brief", seed=3, condition=thin, settings={"max_epochs": 1})
    for entry in (row("chosen"), row("in full", seed=2, condition=thin), brief):
        append_row(ledger.path, entry)
    kept = published.read_rows(publish(ledger, "d", tmp_path))
    assert {each["key"] for each in kept} == {"chosen", "in full"}


def test_a_published_ledger_without_values_a_user_can_be_read(tmp_path: Path) -> None:
    append_row(tmp_path / "d.jsonl", row("a"))
    (found,) = published_runs(tmp_path)
    assert isinstance(found, PublishedRun)
    assert found.per_user.empty


def test_every_published_result_has_its_values_a_user_in_a_small_file() -> None:
    for path in sorted(published.PUBLISHED.glob("*.parquet")):
        assert path.stat().st_size < 1_200_000
        stored = per_user.read_per_user(path)
        for each in newest(published.read_rows(path.with_suffix(".jsonl"))):
            if each["recommender"] in per_user.BOUNDS:
                continue
            values = PublishedRun(each, path, stored[each["key"]]).per_user
            assert len(values) == each["n_users"]
            for metric in ("ndcg@10", "recall@10"):
                assert values[metric].mean() == pytest.approx(each[metric], abs=5e-4)


def test_runs_under_conditions_are_published_user_by_user(tmp_path: Path) -> None:
    split, ledger = make_split(WIDE, "leave-last-out"), Ledger(tmp_path / "ledger")
    run("popularity", split, ledger=ledger)
    made = {}
    for name in ("thin", "cold-items"):
        condition = Condition.of(name)
        made[name] = run("popularity", condition(split), ledger=ledger, condition=condition.origin)
    publish(ledger, "small", tmp_path / "book")
    found = published.conditioned_on_record(None, "small", tmp_path / "book")
    assert {each.row["condition"]["name"] for each in found} == set(made)
    for each in found:
        mine = made[each.row["condition"]["name"]].per_user
        kept_metrics = list(each.per_user)
        pd.testing.assert_frame_equal(each.per_user, mine[kept_metrics], atol=1 / 240)
    assert published_runs(tmp_path / "book")[0].row["key"] not in {
        each.row["key"] for each in found
    }


def test_conditions_of_a_build_stand_beside_those_published(tmp_path: Path) -> None:
    split, elsewhere, here = make_split(WIDE, "leave-last-out"), *(
        Ledger(tmp_path / name) for name in ("elsewhere", "here")
    )  # fmt: skip
    made = {}
    for name, ledgers in {"thin": [elsewhere, here], "cold-items": [elsewhere]}.items():
        condition = Condition.of(name)
        for ledger in ledgers:
            made[name] = run(
                "popularity", condition(split), ledger=ledger, condition=condition.origin
            )
    publish(elsewhere, "small", tmp_path / "book")
    found = published.conditioned_on_record(here, "small", tmp_path / "book")
    own = {each.row["condition"]["name"]: not isinstance(each, PublishedRun) for each in found}
    assert own == {"thin": True, "cold-items": False}
    for each in found:
        expected = made[each.row["condition"]["name"]].per_user
        pd.testing.assert_frame_equal(each.per_user, expected[list(each.per_user)], atol=1 / 240)
    assert published.conditioned_on_record(here, "another", tmp_path / "book") == []


def test_the_branches_alone_of_what_stands_are_published_user_by_user(tmp_path: Path) -> None:
    """What was left out with settings since replaced is of no interest any more."""
    split, ledger = make_split(WIDE, "leave-last-out"), Ledger(tmp_path / "ledger")
    brief = {"max_epochs": 1, "embedding_size": 8, "hidden_size": 8, "cf_folds": 2}
    alone = {"branches": ["cf"]}
    for settings in (brief | {"dropout": 0.0} | alone, brief | alone, brief):
        run("integrated", split, ledger=ledger, settings=settings)
    publish(ledger, "small", tmp_path / "book")
    (found,) = published.parts_on_record(None, "small", tmp_path / "book")
    assert found.row["settings"].items() >= (brief | alone).items()
    assert found.row["settings"]["dropout"] > 0
    (mine,) = published.parts_on_record(ledger, "small", tmp_path / "book")
    assert not isinstance(mine, PublishedRun)
    expected = mine.per_user[list(found.per_user)]
    pd.testing.assert_frame_equal(found.per_user, expected, atol=1e-12)
    assert published.parts_on_record(ledger, "another", tmp_path / "book") == []
