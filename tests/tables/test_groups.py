"""Who is served well, and by which branch: groups and values that a person can check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted_runs import Plant
from small_data import write_dataset

from reclib import tables
from reclib.datasets import Dataset
from reclib.ledger import Ledger, Run
from reclib.recommenders.deep.settings import BRANCHES
from reclib.splits import make_split
from reclib.study import Study
from reclib.tables.groups import GAP, LENGTH, NO_ORDER, POPULARITY, duration, quarters, thirds

# user, items in order of time, and the seconds between the last two of them
HISTORIES = {"u0": "aab", "u1": "aaac", "u2": "aaaad", "u3": "aaaaab"}
GAPS = {"u0": 0, "u1": 30, "u2": 120, "u3": 90_000}


def histories(start: float = 1e9) -> pd.DataFrame:
    """Return four users whose held-out items, lengths and gaps are known.

    Times count from ``start``; from zero they are of no clock. Each user has items of its own
    between, so that no item is taken twice.
    """
    rows = []
    for user, pattern in HISTORIES.items():
        times = [start + 10.0 * place for place in range(1, len(pattern))]
        times.append(times[-1] + GAPS[user])
        items = [f"{item}{place}" for place, item in enumerate(pattern[:-1])] + [pattern[-1]]
        rows += [{"user_id": user, "item_id": item, "timestamp": time, "rating": 4.0}
                 for item, time in zip(items, times, strict=True)]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def four(tmp_path: Path) -> Study:
    folder = write_dataset(tmp_path / "four", histories())
    return Study.open(str(folder), build_dir=tmp_path / "build", workers=1)


def test_users_are_grouped_by_their_history_and_what_came_next(four: Study) -> None:
    found = tables.traits(four, "leave-last-out")
    ids = four.split("leave-last-out").user_ids[found.index]
    assert found[LENGTH].tolist() == [str(len(HISTORIES[user]) - 1) for user in ids]
    assert found[GAP].tolist() == [duration(GAPS[user]) for user in ids]
    assert found[GAP].cat.categories.tolist() == ["0 s", "30 s", "2 min", "1 d"]
    assert set(found[POPULARITY]) == {"tail"}, "the held-out items were never taken before"


def test_gaps_between_times_of_no_clock_have_no_unit(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "four", histories(start=0))
    study = Study.open(str(folder), build_dir=tmp_path / "build", workers=1)
    found = tables.traits(study, "leave-last-out")
    assert found[GAP].cat.categories.tolist() == ["0", "30", "120", "9e+04"]


def test_thirds_hold_a_third_of_the_interactions_each(small: Dataset) -> None:
    split = make_split(small, "leave-last-out")
    third = pd.Series(thirds(split))
    counts = np.bincount(split.train["item"], minlength=split.n_items)
    shares = pd.Series(counts).groupby(third).sum() / counts.sum()
    np.testing.assert_allclose(shares, 1 / 3, atol=counts.max() / counts.sum())
    assert counts[third == "head"].min() >= counts[third == "middle"].max()
    assert counts[third == "middle"].min() >= counts[third == "tail"].max()


def test_an_item_stands_in_the_third_in_which_its_interactions_begin(four: Study) -> None:
    split = four.split("leave-last-out")  # 4, 2 and 1 interactions train on a0, a1 and a2
    found = dict(zip(split.item_ids, thirds(split), strict=True))
    assert {item: found[item] for item in ("a0", "a1", "a2", "b")} == {
        "a0": "head", "a1": "middle", "a2": "tail", "b": "tail",
    }  # fmt: skip


def test_only_one_last_item_can_be_grouped_by(four: Study) -> None:
    none = tables.traits(four, "holdout")
    assert none.empty
    assert tables.group_finding([], none, "ndcg@10", "integrated", "item-knn") == NO_ORDER


def test_equal_values_stay_in_one_quarter() -> None:
    values = pd.Series([0] * 6 + [1, 2, 3, 4, 5, 6])
    found = quarters(values, str)
    assert found.value_counts(sort=False).to_dict() == {
        "0": 6,
        "1 to 2": 2,
        "3 to 4": 2,
        "5 to 6": 2,
    }
    assert quarters(pd.Series([5, 5]), str).tolist() == ["5", "5"]
    even = quarters(pd.Series(range(8)), str).value_counts(sort=False)
    assert even.to_dict() == {"0 to 1": 2, "2 to 3": 2, "4 to 5": 2, "6 to 7": 2}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (172_800, "2 d")]
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


GROUPS = pd.DataFrame(
    {"Activity": pd.Categorical(["low"] * 30 + ["high"] * 30, ["low", "high"], ordered=True)}
)


def in_groups(low: float, high: float) -> dict[str, list[float]]:
    noise = np.random.default_rng(round(100 * low)).normal(0, 0.01, 60)
    return {"ndcg@10": (np.repeat([low, high], 30) + noise).tolist()}


def test_the_sentence_says_who_leads_where(plant: Plant) -> None:
    still = {"ndcg@10": [0.3] * 60}
    runs = [
        plant("item-knn", still), plant("rnn", in_groups(0.4, 0.1)),
        plant("cnn", in_groups(0.2, 0.2)), plant("integrated", in_groups(0.6, 0.3)),
    ]  # fmt: skip
    table = tables.quality_by_group(runs, GROUPS, "ndcg@10")
    low = table[(table["group"] == "low") & (table["title"] == "RNN")].iloc[0]
    assert (low["trait"], low["users"]) == ("Activity", 30)
    assert low["mean"] == pytest.approx(0.4, abs=0.01)
    text = tables.group_finding(runs, GROUPS, "ndcg@10", "integrated", "item-knn")
    assert "of the single branches RNN in 1 and CNN in 1." in text
    assert "beats Item-based CF in 1 of 2 and falls behind in 0" in text
    assert "furthest ahead at activity: low (+0." in text
    assert "least at activity: high (" in text
    swapped = tables.group_finding(runs, GROUPS, "ndcg@10", "rnn", "integrated")
    assert swapped.startswith("RNN is highest in 0 of 2 groups")
    assert "beats Integrated in 0 of 2 and falls behind in 2" in swapped


def gated(folder: Path, plant: Plant, shares: pd.DataFrame | None) -> Run:
    """Return a run with this gate beside it."""
    row = plant("integrated", in_groups(0.1, 0.2)).row
    users = pd.DataFrame(in_groups(0.1, 0.2)).rename_axis("user")
    return Ledger(folder).add(row, per_user=users, top=np.zeros((60, 1), np.int32), gate=shares)


def test_the_gate_is_averaged_over_the_users_of_a_group(plant: Plant, tmp_path: Path) -> None:
    cf = np.repeat([0.2, 0.6], 30)
    shares = pd.DataFrame({"cf": cf, "rnn": 0.7 - cf / 2, "side": 0.3 - cf / 2})
    shares = shares.rename_axis("user")
    run = gated(tmp_path / "gate", plant, shares)
    table = tables.gate_by_group(run, GROUPS).set_index(["title", "group"])["mean"]
    assert table.to_dict() == pytest.approx(
        {("CF", "low"): 0.2, ("CF", "high"): 0.6, ("RNN", "low"): 0.6, ("RNN", "high"): 0.4,
         ("Side features", "low"): 0.2, ("Side features", "high"): 0.0}
    )  # fmt: skip
    assert tables.gate_finding(run, GROUPS) == (
        "On average over users the gate gives RNN 50 %, CF 40 % and Side features 10 %. The share "
        "that changes most is that of CF with the activity: from 20 % (low) to 60 % (high)."
    )
    assert NO_ORDER in tables.gate_finding(run, GROUPS.iloc[:0])


def test_every_branch_that_a_network_can_have_is_told_by_name(plant: Plant, tmp_path: Path) -> None:
    users = pd.RangeIndex(60, name="user")
    shares = pd.DataFrame(1 / len(BRANCHES), users, columns=list(BRANCHES))
    run = gated(tmp_path / "gate", plant, shares)
    titles = set(tables.gate_by_group(run, GROUPS)["title"])
    assert len(titles) == len(BRANCHES)
    assert {"Friends", "Pictures"} < titles
    assert all(f"{title} 12 %" in tables.gate_finding(run, GROUPS) for title in titles)


def test_a_run_from_before_gates_were_kept_is_said_to_be_one(plant: Plant, tmp_path: Path) -> None:
    run = gated(tmp_path / "none", plant, None)
    assert tables.gate_by_group(run, GROUPS).empty
    assert "before gates were kept" in tables.gate_finding(run, GROUPS)


def test_examples_are_users_whom_only_one_list_serves(four: Study, tmp_path: Path) -> None:
    split = four.split("leave-last-out")
    users, target = split.users(), split.targets.set_index("user")["item"]
    wrong = np.full((len(users), 2), 0, np.int32)
    right = wrong.copy()
    right[0, 1], right[2, 0] = target[users[0]], target[users[2]]

    def run(name: str, top: np.ndarray) -> Run:
        values = pd.DataFrame({"ndcg@10": np.zeros(len(users))}, pd.Index(users, name="user"))
        return Ledger(tmp_path / "lists").add(
            {"key": name, "recommender": name}, per_user=values, top=top
        )

    model, other = run("integrated", right), run("item-knn", wrong)
    found = tables.told_apart(four, "leave-last-out", model, other)
    assert found["place, Integrated"].tolist() == ["1", "2"], "the best place comes first"
    assert found["place, Item-based CF"].tolist() == ["beyond 2", "beyond 2"]
    assert found["taken next"].tolist() == [HISTORIES["u2"][-1], HISTORIES["u0"][-1]]
    assert found["taken last"].iloc[0] == "a3"
    assert tables.told_apart_finding(four, "leave-last-out", model, other) == (
        "Of 4 users, 0 find the next item among the first 10 of both, 2 only with Integrated, 0 "
        "only with Item-based CF, and 2 with neither."
    )
    two = tables.told_apart(four, "leave-last-out", model, other, last=2)
    assert two["taken last"].iloc[0] == "a2; a3"
    first = tables.told_apart(four, "leave-last-out", model, other, k=1)
    assert found["taken next"].tolist()[:1] == first["taken next"].tolist()
    assert tables.told_apart(four, "holdout", model, other).empty
    assert "needs a protocol" in tables.told_apart_finding(four, "holdout", model, other)
