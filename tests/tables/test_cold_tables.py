"""New users, new items and repetitions: what is said follows the numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from planted_runs import Plant

from reclib import tables
from reclib.conditions import Condition
from reclib.ledger import Run
from reclib.spec import Spec, conditioned
from reclib.study import Study

METRIC = "ndcg@10"
COLD = Condition.of("cold-users", known=[0, 1, 2], share=0.5)


def planted(
    study: Study, plant: Plant, means: Mapping[str, Mapping[int, float]]
) -> tuple[list[Spec], list[Run]]:
    """Plant a mean for every number of known interactions, on the users of the condition."""
    specs = conditioned(list(means), "leave-last-out", [COLD])
    split = study.split_of(specs[0])
    groups = split.groups[split.users()]
    noise = {name: 0.001 * place * (-1.0) ** np.arange(len(groups))
             for place, name in enumerate(means)}  # fmt: skip
    runs = [
        plant(name, {METRIC: np.array([by[int(n)] for n in groups]) + noise[name]},
              users=split.users(),
              groups={str(n): {METRIC: mean} for n, mean in by.items()})
        for name, by in means.items()
    ]  # fmt: skip
    return specs, runs


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({0: 0.1, 1: 0.2, 2: 0.3}, "Integrated beats popularity from 1 known on (+0.2"),
        ({0: 0.2, 1: 0.2, 2: 0.3}, "Integrated beats popularity from 0 known on (+0.2"),
        ({0: 0.2, 1: 0.1, 2: 0.3}, "Integrated beats popularity from 2 known on (+0.2"),
        ({0: 0.2, 1: 0.2, 2: 0.1}, "Integrated is level with popularity with 2 known"),
        ({0: 0.2, 1: 0.2, 2: 0.0}, "Integrated falls behind popularity with 2 known"),
    ],
)
def test_how_much_has_to_be_known_is_where_the_lead_begins_to_stay(
    study: Study, plant: Plant, model: dict[int, float], said: str
) -> None:
    means = {"popularity": {0: 0.1, 1: 0.1, 2: 0.1}, "integrated": model}
    specs, runs = planted(study, plant, means)
    text = tables.known_finding(study, specs, runs, METRIC, "integrated")
    assert said in text
    assert "Over 20 users" in text


def test_each_number_known_is_a_point_of_the_curve(study: Study, plant: Plant) -> None:
    _, runs = planted(study, plant, {"ease": {0: 0.1, 1: 0.2, 2: 0.3}})
    table = tables.by_known(runs, METRIC)
    assert table["level"].tolist() == [0, 1, 2]
    assert table["mean"].tolist() == [0.1, 0.2, 0.3]
    assert set(table["title"]) == {"EASE"}


def test_only_who_beats_chance_ranks_unseen_items(plant: Plant) -> None:
    random = np.random.default_rng(0).normal(0.1, 0.01, 80)
    runs = [plant("random", {METRIC: random}, **{METRIC: 0.1}),
            plant("ease", {METRIC: random}, **{METRIC: 0.1}),
            plant("integrated", {METRIC: 2 * random}, **{METRIC: 0.2})]  # fmt: skip
    said = tables.unseen_finding(runs, METRIC, "integrated")
    assert said.startswith("Integrated ranks unseen items better than chance")
    assert "Random 0.100, EASE 0.100 and Integrated 0.200" in said
    assert tables.unseen_finding(runs[:2], METRIC, "ease").startswith("Nobody ranks")


def test_folds_and_seeds_are_set_side_by_side(plant: Plant) -> None:
    folds = [plant(name, {METRIC: [0.0]}, fold=fold, **{METRIC: mean})
             for name, means in (("ease", (0.1, 0.3)), ("rnn", (0.4, 0.4)))
             for fold, mean in enumerate(means)]  # fmt: skip
    seeds = [plant("rnn", {METRIC: [0.0]}, **{METRIC: mean}) for mean in (0.4, 0.5)]
    table = tables.spread(folds, seeds, METRIC)
    assert table.loc["EASE", "sd over folds"] == pytest.approx(0.1 * 2**0.5)
    assert table.loc["RNN", ["folds", "seeds"]].tolist() == [2, 2]
    said = tables.spread_finding(table, "rnn")
    assert "RNN is ahead of EASE by 0.2000" in said
    assert "Over 2 seeds on one fold RNN moves by 0.0707, over 2 folds by 0.0000" in said
    assert "full edition" in tables.spread_finding(table, "ease")


def test_one_fold_has_no_spread(plant: Plant) -> None:
    runs = [
        plant(name, {METRIC: [0.0]}, **{METRIC: mean})
        for name, mean in (("ease", 0.1), ("rnn", 0.4))
    ]
    said = tables.spread_finding(tables.spread(runs, [], METRIC), "rnn")
    assert said.startswith("This edition has one fold")
    assert "RNN is ahead of EASE by 0.3000" in said
    assert "nan" not in said
