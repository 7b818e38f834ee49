"""Training of the deep recommenders: early stopping, resumption, odd data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from planted import DEEP, board, cycle, dataset, everybody, ring, split_of, with_other_tests
from torch.utils import deterministic

from reclib.metrics import evaluate
from reclib.recommenders.deep import trained
from reclib.recommenders.deep.data import log_of
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.models import Integrated
from reclib.recommenders.deep.training import METRIC
from reclib.splits import Split

BRANCHES = ["ann", "cnn", "rnn", "attention", "side", "cf"]


def model(**changes: Any) -> Integrated:
    return Integrated(**DEEP | {"max_epochs": 4, "patience": 4, "averaging": 0.2} | changes)


def weights(found: Integrated) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in found.module.state_dict().items()}


def assert_same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close(one, two, rtol=0, atol=0)


# --- early stopping -----------------------------------------------------------------------------


def test_early_stopping_keeps_the_best_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """NDCG is scripted: the second of four epochs is the best, and patience is two."""
    script, states = [0.2, 0.5, 0.5, 0.1, 0.9], []

    def scripted(scores: torch.Tensor, *_: object) -> torch.Tensor:
        return torch.full((len(scores),), script[len(states)], dtype=torch.float64)

    def keep(self: IntegratedModule) -> None:
        states.append({name: value.clone() for name, value in self.state_dict().items()})

    monkeypatch.setattr(trained, "ndcg", scripted)
    monkeypatch.setattr(IntegratedModule, "on_train_epoch_end", keep)
    found = model(max_epochs=9, patience=2, averaging=0.0).fit(ring())
    assert found.curve[METRIC].tolist() == script[:4], "patience"
    assert_same(weights(found), states[1])


@pytest.mark.parametrize("split", [ring, board])
def test_validation_is_the_evaluators_ndcg_at_the_valid_stage(split: Any) -> None:
    valid = split().at("valid")
    found = model().fit(valid)
    best = found.curve[METRIC].max()
    assert evaluate(found, valid, (10,)).summary["ndcg@10"] == pytest.approx(best, abs=1e-6)


def test_training_stops_on_the_valid_part_at_the_test_stage_too() -> None:
    found = model().fit(ring())
    found.histories = log_of(ring().validation, "history", found.context).histories()
    value = evaluate(found, ring().validation, (10,)).summary["ndcg@10"]
    assert value == pytest.approx(found.curve[METRIC].max(), abs=1e-6)


def test_a_refit_trains_everything_for_as_many_epochs_as_the_valid_stage_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs: list[tuple[int, int]] = []
    real = Integrated._train

    def spy(self: Integrated, split: Split, *more: Any) -> Any:
        runs.append((len(split.train), more[2]))
        return real(self, split, *more)

    script = iter([0.2, 0.5, 0.1, 0.3])

    def scripted(scores: torch.Tensor, *_: object) -> torch.Tensor:
        return torch.full((len(scores),), next(script), dtype=torch.float64)

    monkeypatch.setattr(Integrated, "_train", spy)
    monkeypatch.setattr(trained, "ndcg", scripted)
    found = model(branches=("rnn",)).fit(board())
    assert found.found == {"epochs": 2}
    assert runs == [(len(board().validation.train), 4), (len(board().train), 2)]


def test_what_training_found_repeats_it_without_the_valid_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = model(branches=("cf", "rnn")).fit(board())
    assert set(first.found) == {"epochs", "cf_weight"}
    monkeypatch.setattr(Split, "validation", property(lambda _: pytest.fail("looks at valid")))
    again = model(branches=("cf", "rnn"), **first.found).fit(board())
    assert_same(weights(again), weights(first))


# --- the mean of weights ------------------------------------------------------------------------


def steps_of(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """Note the weights before the first step and after each."""
    noted: list[dict[str, torch.Tensor]] = []

    def note(self: IntegratedModule, *_: Any) -> None:
        noted.append({name: w.detach().double() for name, w in self.named_parameters()})

    monkeypatch.setattr(IntegratedModule, "on_train_start", note)
    monkeypatch.setattr(IntegratedModule, "on_train_batch_end", note)
    return noted


@pytest.mark.parametrize(("age", "power"), [(0.5, 0), (0.25, 2), (0.1, 8)])
def test_what_is_kept_is_the_mean_of_late_weights(
    monkeypatch: pytest.MonkeyPatch, age: float, power: int
) -> None:
    """The weights after step t count t (t + 1) ... (t + n - 1): t to the n-th power, risen."""
    noted = steps_of(monkeypatch)
    found = model(epochs=3, averaging=age).fit(ring())
    steps = np.arange(1, len(noted))
    rising = np.prod([steps + more for more in range(power)], axis=0, dtype=float)
    shares = np.broadcast_to(rising, steps.shape) / np.broadcast_to(rising, steps.shape).sum()
    assert (shares * (len(steps) - steps)).sum() / len(steps) == pytest.approx(
        age, abs=1 / len(steps)
    )
    for name, value in found.module.named_parameters():
        late = zip(shares, noted[1:], strict=True)
        mean = sum(share * step[name] for share, step in late)
        torch.testing.assert_close(value.detach().double(), mean, rtol=1e-4, atol=1e-6)


def test_without_an_age_the_last_weights_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = steps_of(monkeypatch)
    found = model(epochs=3, averaging=0.0).fit(ring())
    last = {name: value.detach().double() for name, value in found.module.named_parameters()}
    assert_same(last, noted[-1])


def test_averaging_changes_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = steps_of(monkeypatch)
    one, two = (model(max_epochs=3, averaging=age).fit(ring()) for age in (0.0, 0.3))
    half = len(noted) // 2
    assert_same(noted[half - 1], noted[-1])
    assert one.curve["train_loss"].tolist() == two.curve["train_loss"].tolist()
    assert not torch.equal(one.module.bias, two.module.bias)


@pytest.mark.parametrize("split", [ring, board])
def test_nothing_depends_on_the_test_part(split: Any) -> None:
    one, two = (model().fit(s) for s in (split(), with_other_tests(split())))
    assert_same(weights(one), weights(two))
    users = everybody(split())
    np.testing.assert_array_equal(one.scores(users), two.scores(users))


# --- resumption ---------------------------------------------------------------------------------

KILLED = """
import os, sys
sys.path.insert(0, {here!r})
from test_deep_training import IntegratedModule, model, ring
real = IntegratedModule.on_train_epoch_start
def start(self):
    if self.current_epoch == 3:
        os._exit(9)
    real(self)
IntegratedModule.on_train_epoch_start = start
model(max_epochs=5, folder={folder!r}).fit(ring())
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """Return what a training leaves that was killed as its fourth epoch began."""
    folder = tmp_path / "killed"
    code = KILLED.format(here=str(Path(__file__).parent), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    assert list(folder.glob("*/last.ckpt"))
    return folder


def assert_same_training(one: Integrated, two: Integrated) -> None:
    """Compare all epochs: the weights kept may be from before the interruption."""
    columns = ["epoch", "train_loss", METRIC]
    pd.testing.assert_frame_equal(one.curve[columns], two.curve[columns], check_exact=True)
    assert_same(weights(one), weights(two))


def epochs_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note every epoch that is begun."""
    begun: list[int] = []
    real = IntegratedModule.on_train_epoch_start

    def start(self: IntegratedModule) -> None:
        begun.append(self.current_epoch)
        real(self)

    monkeypatch.setattr(IntegratedModule, "on_train_epoch_start", start)
    return begun


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(
    killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = epochs_of(monkeypatch)
    resumed = model(max_epochs=5, folder=str(killed)).fit(ring())
    assert begun == [3, 4], "training began anew"
    begun.clear()
    whole = model(max_epochs=5, folder=str(tmp_path / "other")).fit(ring())
    assert begun == [0, 1, 2, 3, 4]
    assert resumed.curve["seconds"].is_monotonic_increasing
    assert not list(killed.glob("*/last.ckpt")), "checkpoints stay behind"
    assert_same_training(resumed, whole)


@pytest.mark.parametrize("changes", [{}, {"epochs": 4}], ids=["the best", "the last"])
def test_training_goes_on_after_an_error_in_the_middle_of_an_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Where the last mean is kept, it has to be taken up again too."""
    whole = model(**changes).fit(ring())
    real = IntegratedModule.training_step

    def step(self: IntegratedModule, batch: Any, index: int) -> torch.Tensor:
        if self.current_epoch == 2 and index == 3:
            raise RuntimeError("out of memory")
        return real(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(IntegratedModule, "training_step", step)
        with pytest.raises(RuntimeError, match="out of memory"):
            model(folder=str(tmp_path), **changes).fit(ring())
    begun = epochs_of(monkeypatch)
    resumed = model(folder=str(tmp_path), **changes).fit(ring())
    assert begun == [2, 3]
    assert_same_training(resumed, whole)


def test_a_killed_training_takes_its_checkpoint_up(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = epochs_of(monkeypatch)
    resumed = model(max_epochs=5, folder=str(killed)).fit(ring())
    assert begun == [3, 4], "training began anew"
    assert resumed.curve["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert resumed.curve["seconds"].is_monotonic_increasing


@pytest.mark.parametrize("changes", [{"seed": 3}, {"dropout": 0.2}, {"branches": ("cf", "rnn")}])
def test_another_training_does_not_take_the_checkpoint_up(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = epochs_of(monkeypatch)
    real = IntegratedModule.on_train_epoch_start

    def fail(self: IntegratedModule) -> None:
        real(self)
        if self.current_epoch == 1:
            raise RuntimeError("stop")

    with monkeypatch.context() as patch:
        patch.setattr(IntegratedModule, "on_train_epoch_start", fail)
        with pytest.raises(RuntimeError, match="stop"):
            model(max_epochs=2, folder=str(tmp_path)).fit(ring())
    begun.clear()
    model(max_epochs=2, folder=str(tmp_path), **changes).fit(ring())
    assert begun == [0, 1]


def test_training_leaves_global_state_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model(max_epochs=1).fit(ring())
    torch.testing.assert_close(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()
    assert deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    assert capfd.readouterr() == ("", ""), "Lightning writes onto the page"
    assert not list(tmp_path.iterdir())


# --- odd data -----------------------------------------------------------------------------------


def attributes() -> dict[str, Any]:
    """Return side features of the cycle's users and items, some of them unknown."""
    users = pd.DataFrame({
        "user_id": [f"u{u:03d}" for u in range(60)],
        "sex": np.where(np.arange(60) % 2, "f", "m"),
        "age": np.where(np.arange(60) % 7, np.arange(60) / 2, np.nan),
    })  # fmt: skip
    items = pd.DataFrame({
        "item_id": [f"i{i:03d}" for i in range(18)],  # two items are not listed
        "genre": [("Drama " if i % 3 else "") + "Crime" for i in range(18)],
    })  # fmt: skip
    kinds = {"sex": "token", "age": "float", "genre": "token_seq"}
    return {"users": users, "items": items, "kinds": kinds}


@pytest.mark.parametrize("columns", [[], ["rating"], ["timestamp"], ["rating", "timestamp"]])
@pytest.mark.parametrize("side", [False, True])
def test_all_branches_work_with_whatever_columns_there_are(columns: list[str], side: bool) -> None:
    data = cycle(rating=np.arange(480) % 5 + 1.0)
    frame = data.interactions[["user_id", "item_id", *columns]]
    data = type(data)("d", "D", frame, **(attributes() if side else {}))
    split = split_of(data, "leave-last-out" if "timestamp" in columns else "holdout")
    found = model(branches=tuple(BRANCHES), max_epochs=1).fit(split)
    assert np.isfinite(found.scores(everybody(split))).all()
    gated = 6 if "timestamp" in columns else 5  # out of sets, CF is added afterwards
    assert found.gate(everybody(split)).shape == (60, gated)


def test_a_rating_that_never_varies_is_no_feature() -> None:
    split = split_of(cycle(rating=np.full(480, 4.0)), "holdout")
    assert np.isfinite(model(max_epochs=1).fit(split).scores(everybody(split))).all()


@pytest.mark.parametrize("branch", BRANCHES)
def test_each_branch_works_alone(branch: str) -> None:
    found = model(branches=(branch,), max_epochs=1).fit(ring())
    assert np.isfinite(found.scores(everybody(ring()))).all()
    assert (found.gate(everybody(ring())) == 1).all(axis=None)


def test_gate_shares_sum_to_one_and_belong_to_the_users_asked_for() -> None:
    found = model(max_epochs=1).fit(ring())
    users = np.array([41, 3, 17], dtype=np.int32)
    shares = found.gate(users)
    assert list(shares.columns) == ["cf", "cnn", "rnn", "attention", "side"]
    assert shares.index.tolist() == users.tolist()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    whole = found.gate(everybody(ring())).loc[users]
    pd.testing.assert_frame_equal(shares, whole, check_exact=False, atol=1e-5)


def test_a_user_without_a_history_gets_the_popularity() -> None:
    """One user comes after the cut in time, so that nothing is known of him."""
    rows = cycle().interactions.assign(
        user=lambda f: f["user_id"].str[1:].astype(int),
        item=lambda f: f["item_id"].str[1:].astype(int),
    )
    late = pd.DataFrame({"user": 60, "item": [0, 1, 2], "timestamp": 1e6})
    split = split_of(dataset(pd.concat([rows, late], ignore_index=True)), "temporal")
    assert not (split.history["user"] == 60).any()
    found = model(max_epochs=1).fit(split)
    scores = found.scores(np.array([60, 2, 60], dtype=np.int32))
    counts = np.bincount(split.train["item"], minlength=split.n_items)
    np.testing.assert_allclose(scores[[0, 2]], np.log1p([counts, counts]), rtol=1e-6)
    assert not np.allclose(scores[1], np.log1p(counts))
    assert found.gate(np.array([60], dtype=np.int32)).notna().all(axis=None)


def test_long_histories_are_scored_from_their_end_and_cf_still_sees_all() -> None:
    """With ``max_len`` 2 the CF branch alone has to rank as it does with whole histories."""
    settings = {"branches": ("cf",), "max_epochs": 1, "cf_decays": (1.0,)}
    short, long = (model(max_len=n, **settings).fit(ring().at("valid")) for n in (2, 99))
    for found in (short, long):
        found.module.bias.data.zero_()
        found.module.cf_scale.data.fill_(2.0)
    users = everybody(ring())
    np.testing.assert_allclose(short.scores(users), long.scores(users), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ease", {"cf_decays": (1.0,), "cf_l2": 20.0, "cf_transition": 0.0}),
        ("transitions", {"cf_decays": (), "cf_transition": 0.9, "cf_transition_l2": 20.0}),
    ],
)
def test_cf_alone_ranks_as_its_closed_form_does(name: str, settings: dict[str, Any]) -> None:
    from reclib.recommenders import build

    split = ring()
    found = model(branches=("cf",), max_epochs=1, **settings).fit(split)
    found.module.bias.data.zero_()
    ours = found.scores(everybody(split))
    theirs = build(name, {"reg_weight": 20.0}).fit(split).scores(everybody(split))
    scale = np.exp(found.module.cf_scale[0].item())
    np.testing.assert_allclose(ours / scale, theirs, rtol=1e-3, atol=1e-4)


def test_what_is_learned_follows_the_protocol_and_the_data() -> None:
    seen = {}
    for protocol in ("holdout", "strong", "leave-last-out", "temporal"):
        seen[protocol] = model(max_epochs=1).fit(split_of(cycle(), protocol)).module.target
    assert seen == {
        "holdout": "gaps", "strong": "gaps", "leave-last-out": "next", "temporal": "next",
    }  # fmt: skip
    timeless = dataset(cycle().interactions.assign(
        user=lambda f: f["user_id"].str[1:].astype(int),
        item=lambda f: f["item_id"].str[1:].astype(int),
    )[["user", "item"]])  # fmt: skip
    assert model(max_epochs=1).fit(split_of(timeless, "holdout")).module.target == "set"


def test_training_leaves_the_precision_of_products_as_it_was() -> None:
    def stop(*_: Any) -> None:
        raise RuntimeError("stop")

    for fail in (False, True):
        network = model(max_epochs=1)
        if fail:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(IntegratedModule, "training_step", stop)
                with pytest.raises(RuntimeError, match="stop"):
                    network.fit(ring())
        else:
            network.fit(ring())
        assert torch.get_float32_matmul_precision() == "highest"
