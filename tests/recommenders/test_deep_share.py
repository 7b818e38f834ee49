"""Several processes learn what one would: shares of a batch, and real processes on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import batch_of, module
from planted import DEEP, board, rated_in_time, ring
from torch import Tensor

from reclib.errors import DataError, UnknownName
from reclib.recommenders.deep.models import Integrated
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.share import Place, launched, taken, uniform_like

HERE = Path(__file__).parent
CLOSE = 1e-4
"""Of losses and scores of the order of 1 to 10, after some epochs: sums are added in another order,
which is a change of 1e-7 a step."""


def gradients(network: Any, batch: Any, world: int) -> tuple[float, list[Tensor]]:
    """Return loss and gradients as the mean over processes that are played one after another."""
    losses, sums = [], [torch.zeros_like(p) for p in network.parameters()]
    network.log = lambda *_, **__: None
    for rank in range(world):
        torch.manual_seed(5)
        network.zero_grad()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(network), "rank", rank)
            patch.setattr(type(network), "world", world)
            loss = network.training_step(batch, 0)
        loss.backward()
        losses.append(loss.item())
        for total, p in zip(sums, network.parameters(), strict=True):
            if p.grad is not None:
                total += p.grad.to_dense() / world
    return float(np.mean(losses)), sums


@pytest.mark.parametrize("world", [2, 3, 11])
@pytest.mark.parametrize(
    ("split", "target", "changes"),
    [
        (ring, "next", {}),
        (ring, "next", {"n_negatives": 3, "sparse": True}),
        (ring, "next", {"n_negatives": 3, "loss": "gbce"}),
        (board, "gaps", {}),
        (board, "set", {}),
        (rated_in_time, "ratings", {}),
    ],
)
def test_the_mean_of_the_shares_is_the_whole_batch(
    split: Any, target: str, changes: Any, world: int
) -> None:
    """Also where a batch of 8 has fewer rows than there are processes."""
    branches = ("cf", "cnn", "rnn", "attention", "side")
    network = module(split(), target, dropout=0.3, branches=branches, **changes).train()
    batch = batch_of(split(), target)
    (one, whole), (many, shared) = (gradients(network, batch, n) for n in (1, world))
    assert many == pytest.approx(one, rel=1e-5)
    largest = max(float(g.abs().max()) for g in whole if g.numel())
    for name, one_, other in zip(dict(network.named_parameters()), whole, shared, strict=True):
        torch.testing.assert_close(one_, other, rtol=1e-4, atol=1e-5 * largest, msg=name)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (0, 2, 1)])
def test_a_share_drops_what_the_whole_batch_would(order: tuple[int, ...]) -> None:
    batch = batch_of(ring())
    x = torch.zeros(8, 5, 3).permute(order).contiguous().permute(*np.argsort(order).tolist())
    torch.manual_seed(2)
    whole, then = uniform_like(x), torch.rand(1)
    for rank in range(3):
        torch.manual_seed(2)
        with taken(batch, rank, 3) as mine:
            found = uniform_like(x[rank::3])
            assert mine.users.tolist() == batch.users[rank::3].tolist()
        assert torch.equal(found, whole[rank::3])
        assert torch.equal(torch.rand(1), then), "what is drawn afterwards"


def test_rows_of_a_batch_take_their_bags_along() -> None:
    batch = batch_of(ring(), max_len=3)
    assert len(batch.bag)
    rows = torch.tensor([6, 1, 4])
    some, seen = batch.rows(rows), batch.seen(20)
    assert torch.equal(some.seen(20), seen[rows])
    assert torch.equal(some.targets, batch.targets[rows])
    assert some.owners.tolist() == [0, 1, 2]


def test_the_place_comes_from_torchrun_or_slurm() -> None:
    elastic = {"TORCHELASTIC_RUN_ID": "x", "RANK": "5", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
    slurm = {"SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_NNODES": "2"}
    assert launched(elastic) == Place(5, 8, 2)
    assert launched(slurm) == Place(3, 4, 2)
    assert launched({"RANK": "1", "SLURM_NTASKS": "4"}) is None, "a shell inside an allocation"


def test_ddp_without_processes_says_how_they_are_started() -> None:
    with pytest.raises(DataError, match=r"2 processes, and 0 were started together.*torch.distri"):
        Integrated(**DEEP | {"strategy": "ddp", "devices": 2}).fit(ring())
    with pytest.raises(UnknownName, match="Did you mean 'ddp'"):
        Settings(strategy="dpp")
    with pytest.raises(DataError, match="Set folder to one that all see"):
        Integrated(**DEEP | {"strategy": "ddp", "num_nodes": 2}).fit(ring())


# --- real processes -----------------------------------------------------------------------------

SCRIPT = """
import json, os, sys
sys.path[:0] = {path!r}
import torch
torch.set_num_threads(1)
from planted import DEEP, board, everybody, ring
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.models import Integrated
from reclib.recommenders.deep.share import launched

def network(**changes):
    place = launched()
    together = {{"strategy": "ddp", "devices": place.world}} if place else {{}}
    wanted = {{"branches": ("cf", "rnn", "side"), "dropout": 0.3, "max_epochs": 4, "patience": 4}}
    return Integrated(**DEEP | wanted | changes | together)

def keep(found, split, name):
    place = launched()
    if place is None or not place.rank:
        scores = found.scores(everybody(split)).tolist()
        told = {{"curve": found.curve.to_dict("list"), "scores": scores}}
        told |= {{"world": found.world_size, "found": dict(found.found)}}
        with open(os.path.join({out!r}, name + ".json"), "w") as file:
            json.dump(told, file)
"""
SAME = """
keep(network(folder={folder!r}).fit(ring()), ring(), "next")
keep(network(folder={folder!r}, n_negatives=3, sparse=True).fit(ring()), ring(), "sparse")
keep(network(folder={folder!r}, max_epochs=2).fit(board()), board(), "gaps")
"""
KILLED = """
begun, real = [], IntegratedModule.on_train_epoch_start
def start(self):
    begun.append(self.current_epoch)
    if self.current_epoch == 2 and os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0":
        if launched().rank == 1:
            os._exit(9)
    real(self)
IntegratedModule.on_train_epoch_start = start
keep(network(folder={folder!r}).fit(ring()), ring(), "resumed")
if not launched().rank:
    print("epochs", begun, flush=True)
"""


def run(code: str, tmp_path: Path, *launch: str) -> str:
    """Run a script, in several processes if a launcher is given, and return what it wrote."""
    out, path = str(tmp_path), [str(HERE), str(HERE.parent)]
    text = (SCRIPT + code).format(path=path, out=out, folder=str(tmp_path / "folder"))
    script = tmp_path / "script.py"
    script.write_text(text)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1])}
    environment["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # else a restart finds old addresses
    command = [sys.executable, *launch, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def torchrun(*options: str) -> list[str]:
    return ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *options]


def assert_close(one: dict[str, Any], two: dict[str, Any]) -> None:
    for column in ("train_loss", "valid_ndcg@10"):
        np.testing.assert_allclose(one["curve"][column], two["curve"][column], atol=CLOSE)
    np.testing.assert_allclose(one["scores"], two["scores"], rtol=CLOSE, atol=CLOSE)
    assert one["found"] == two["found"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what one process comes to."""
    folder = tmp_path_factory.mktemp("alone")
    run(SAME, folder)
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


@pytest.mark.slow
def test_two_processes_come_to_what_one_comes_to(tmp_path: Path, alone: dict[str, Any]) -> None:
    run(SAME, tmp_path, *torchrun())
    for name, one in alone.items():
        two = json.loads((tmp_path / f"{name}.json").read_text())
        assert (one["world"], two["world"]) == (1, 2)
        assert_close(one, two)
    assert not list((tmp_path / "folder").glob("*/last.ckpt")), "checkpoints stay behind"


@pytest.mark.slow
def test_killed_processes_are_started_again_and_end_as_one_that_was_not(
    tmp_path: Path, alone: dict[str, Any]
) -> None:
    """The second of two dies as the third epoch begins; torchrun starts both again."""
    told = run(KILLED, tmp_path, *torchrun("--max-restarts=1"))
    assert told.strip() == "epochs [2, 3]", "training began anew"
    resumed = json.loads((tmp_path / "resumed.json").read_text())
    assert resumed["curve"]["epoch"] == [0, 1, 2, 3]
    assert_close(resumed, alone["next"])
