"""Several networks that speak as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from planted import DEEP, board, ring, split_of

from reclib.errors import DataError
from reclib.recommenders.deep import trained
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.members import Member, seeds, together
from reclib.recommenders.deep.models import Integrated
from reclib.recommenders.deep.training import METRIC


def never_better(scores: torch.Tensor, *_: object) -> torch.Tensor:
    return torch.full((len(scores),), 0.5, dtype=torch.float64)


USERS = np.arange(5, dtype=np.int32)


def model(**changes: Any) -> Integrated:
    return Integrated(**DEEP | {"max_epochs": 2, "patience": 2} | changes)


@pytest.mark.parametrize("protocol", ["leave-last-out", "holdout"])
def test_members_score_the_mean_of_what_each_says_alone(protocol: str) -> None:
    split = split_of(ring().dataset, protocol)
    two = model(members=2, seed=3).fit(split)
    alone = [model(seed=seed).fit(split) for seed in seeds(3, 2)]
    assert not np.allclose(alone[0].scores(USERS), alone[1].scores(USERS))
    expected = (alone[0].scores(USERS) + alone[1].scores(USERS)) / 2
    np.testing.assert_array_equal(two.scores(USERS), expected)
    expected = (alone[0].gate(USERS) + alone[1].gate(USERS)) / 2
    pd.testing.assert_frame_equal(two.gate(USERS), expected)


def test_the_seeds_of_members_are_those_of_no_other_run() -> None:
    runs = [seeds(seed, 5) for seed in range(2026, 2036)]
    assert [run[0] for run in runs] == list(range(2026, 2036)), "one member is the model itself"
    assert len({seed for run in runs for seed in run}) == 50


def test_no_member_is_refused() -> None:
    with pytest.raises(DataError, match="Set members to 1 or more"):
        model(members=0)


def test_curves_are_drawn_together_and_the_seconds_add_up() -> None:
    def member(values: list[float], seconds: list[float], **found: Any) -> Member:
        curve = pd.DataFrame({"epoch": range(len(values)), "train_loss": 1.0, METRIC: values,
                              "seconds": seconds})  # fmt: skip
        return Member(None, curve, found)  # type: ignore[arg-type]

    first = member([0.1, 0.3], [1.0, 2.0], epochs=2, cf_weight=8.0)
    second = member([0.2, 0.4, 0.3], [2.0, 3.0, 5.0], epochs=2, cf_weight=24.0)
    third = member([0.3], [1.0], epochs=1, cf_weight=16.0)
    curve, found = together([first, second, third])
    np.testing.assert_allclose(curve[METRIC], [0.2, 0.35, 0.3])
    assert curve["seconds"].tolist() == [4.0, 6.0, 8.0]
    assert curve["epoch"].tolist() == [0, 1, 2]
    assert found == {"epochs": 2, "cf_weight": 16.0}
    assert isinstance(found["epochs"], int)


@pytest.mark.parametrize(
    "changes",
    [{}, {"epochs": 2}, {"max_epochs": 5, "patience": 1}],
    ids=["validated", "not validated", "stopped early"],
)
def test_a_member_that_has_ended_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    changes = changes | {"members": 2, "averaging": 0.2}
    monkeypatch.setattr(trained, "ndcg", never_better)
    whole = model(**changes).fit(board())
    first, second = seeds(DEEP.get("seed", 2026), 2)
    real = IntegratedModule.on_train_epoch_start

    def start(self: IntegratedModule) -> None:
        begun.append((self.settings.seed, self.current_epoch))
        real(self)

    def stop(self: IntegratedModule) -> None:
        start(self)
        if begun[-1] == (second, 1):
            raise RuntimeError("killed")

    begun: list[tuple[int, int]] = []
    with monkeypatch.context() as patch:
        patch.setattr(IntegratedModule, "on_train_epoch_start", stop)
        with pytest.raises(RuntimeError, match="killed"):
            model(folder=str(tmp_path), **changes).fit(board())
    assert begun[0] == (first, 0)
    begun.clear()
    monkeypatch.setattr(IntegratedModule, "on_train_epoch_start", start)
    resumed = model(folder=str(tmp_path), **changes).fit(board())
    assert begun[0] == (second, 1)
    assert {seed for seed, _ in begun} == {second}
    np.testing.assert_array_equal(resumed.scores(USERS), whole.scores(USERS))
    columns = ["epoch", "train_loss", METRIC]
    pd.testing.assert_frame_equal(resumed.curve[columns], whole.curve[columns])
    assert not list(tmp_path.glob("*/*.ckpt")), "checkpoints stay behind"
