from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_data import Fixed
from threadpoolctl import threadpool_info

from reclib import scaling
from reclib.scaling import amdahl, limited_threads, measure_threads, measure_workers, speed_ups
from reclib.study import Study


def threads() -> list[int]:
    return [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_threads_are_limited_within_the_block_and_restored_after_an_error() -> None:
    before = threads()
    within: list[int] = []

    def work() -> None:
        with limited_threads(1):
            within.extend(threads())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert set(within) == {1}
    assert threads() == before
    assert torch.get_num_threads() == 2


def test_threads_are_timed_as_often_as_asked(study: Study) -> None:
    timed = measure_threads(study, ["popularity", "random"], (1, 2), repeats=1)
    assert timed[["title", "threads"]].to_numpy().tolist() == [
        ["Popularity", 1], ["Popularity", 2], ["Random", 1], ["Random", 2],
    ]  # fmt: skip
    assert timed["same scores"].all()


def test_lists_that_change_with_the_threads_are_seen(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).normal(size=(40, 30))
    monkeypatch.setattr(
        scaling.parallel, "fitted", lambda *_: Fixed(values * (-1) ** torch.get_num_threads())
    )
    timed = measure_threads(study, ["popularity"], (1, 2, 3), repeats=1)
    assert timed["same scores"].tolist() == [True, False, True]


def test_workers_make_the_same_lists_and_leave_the_ledger_alone(study: Study) -> None:
    timed = measure_workers(study, ["item-knn", "popularity"], (1, 2), folds=2, repeats=1)
    assert timed["workers"].tolist() == [1, 2]
    assert timed["runs"].tolist() == [4, 4]
    assert timed["same lists"].all()
    assert timed["lists"].iloc[0] == 2 * sum(
        len(study.split("holdout", fold).users()) for fold in range(2)
    )
    assert not study.ledger.rows()


def table(share: float, numbers: tuple[int, ...], title: str = "A") -> pd.DataFrame:
    seconds = [10 * (share + (1 - share) / n) for n in numbers]
    return pd.DataFrame({"title": title, "threads": numbers, "seconds": seconds})


@given(share=st.floats(0, 1))
def test_a_planted_serial_share_is_found(share: float) -> None:
    found = speed_ups(table(share, (1, 2, 4, 8)), "threads", "seconds")
    assert amdahl(found)["serial share"][0] == pytest.approx(share, abs=1e-9)


def test_speed_up_and_efficiency_by_hand() -> None:
    frame = pd.concat([table(0.0, (1, 2)), table(1.0, (1, 2), "B")])
    found = speed_ups(frame, "threads", "seconds")
    assert found["speed-up"].tolist() == [1, 2, 1, 1]
    assert found["efficiency"].tolist() == [1, 1, 1, 0.5]
    law = amdahl(found)
    assert law["serial share"].tolist() == [0, 1]
    assert law["limit"].tolist() == [np.inf, 1]


def test_what_lies_outside_the_law_is_kept_at_its_ends() -> None:
    faster = pd.DataFrame({"title": "A", "n": [1, 2], "speed-up": [1, 2.5]})
    slower = pd.DataFrame({"title": "B", "n": [1, 2], "speed-up": [1, 0.5]})
    assert amdahl(pd.concat([faster, slower]))["serial share"].tolist() == [0, 1]
