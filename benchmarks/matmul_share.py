"""How much of the machine's matrix-multiplication peak a training step of each branch achieves.

The peak is that of one large product at the precision of training, measured in the same run.
Operations are those that PyTorch counts in products and convolutions, forward and backward;
time also goes to everything else, so that the share says what is left to gain.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.origin import BUILD, origin
from reclib.progress import track
from reclib.recommenders.deep.data import HistoryData
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.models import inputs
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import Settings
from reclib.scaling import limited_threads
from reclib.study import Study

SIZE = 2048
REPEATS = 5
N_BATCHES = 10
WAYS = ("cf", "cnn", "rnn", "attention", "side")


def measure_all(dataset: str, threads: int) -> pd.DataFrame:
    """Measure each branch alone and all together; the table goes to ``build/benchmarks``."""
    study = Study.open(dataset, build_dir=str(BUILD))
    path = BUILD / "benchmarks" / f"matmul_share.{study.dataset.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    ways = [(name,) for name in WAYS] + [WAYS]
    with limited_threads(threads), precision(Settings.precision):
        best = peak()
        rows = [
            measure(study, branches) | {"peak": best, "threads": threads} | origin()
            for branches in track(ways, total=len(ways), label="branches")
        ]
    table = pd.DataFrame(rows)
    table["share"] = table["gflop"] / table["seconds"] / table["peak"]
    table.to_csv(path, index=False)
    return table


def peak() -> float:
    """Return the GFLOP/s of the fastest of some large square products."""
    one, two = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE)
    seconds = min(timed(lambda: one @ two) for _ in range(REPEATS))
    return 2 * SIZE**3 / seconds / 1e9


def measure(study: Study, branches: tuple[str, ...]) -> dict[str, Any]:
    """Return interactions, seconds and GFLOP of training steps on the first batches."""
    split = study.split("leave-last-out")
    settings = study.settings("integrated", "leave-last-out") | {"branches": branches}
    chosen, context = Settings(**settings), Context.of(split.train)
    torch.manual_seed(study.seed)
    module = IntegratedModule(inputs(split, context, chosen, "next"), chosen, "next").train()
    data = HistoryData(split, None, context, chosen, "next").batches(0)
    batches = [data[index] for index in range(min(N_BATCHES, len(data)))]
    step(module, batches[0])  # once, to warm up
    seconds = min(timed(lambda: [step(module, batch) for batch in batches]) for _ in range(2))
    with FlopCounterMode(display=False) as counter:
        for batch in batches:
            step(module, batch)
    return {
        "branches": " ".join(branches),
        "interactions": sum(int(batch.lengths.sum()) for batch in batches),
        "seconds": round(seconds, 4),
        "gflop": round(counter.get_total_flops() / 1e9, 3),
    }


def step(module: IntegratedModule, batch: Batch) -> None:
    """Take the loss of a batch and its gradient."""
    module.zero_grad()
    module.next_loss(batch).backward()


def timed(call: Any) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Multiply matrices as in training."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
