"""Two processes that train together against one: seconds an epoch, and what comes out.

All are started by ``torchrun`` with one thread each, take the same global batches, and so learn
the same; two have to be `REACH` times as fast. Each step costs something that does not shrink
with its batch, so that what two processes gain depends on the histories in a global batch.
Seconds are those of the epochs, validation included; starting processes and solving closed forms
is not shared and not counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.origin import BUILD, origin
from reclib.ledger import Ledger
from reclib.progress import track

REACH = 1.6
EPOCHS = 3
PROCESSES = (1, 2)
BATCHES = (16, 64)
METRIC = "ndcg@10"


def compare_all(dataset: str, recommender: str = "integrated", **settings: Any) -> pd.DataFrame:
    """Train with each global batch and number of processes; the table goes to ``build/benchmarks``.

    Returns
    -------
    pandas.DataFrame
        One row a batch and number of processes: ``histories a batch``, ``processes``, ``seconds
        an epoch`` (the fastest), ``train loss`` of the last, NDCG@10 on test, ``speed-up`` over
        one process with the same batch, and ``reached``.
    """
    ways, rows = list(product(BATCHES, PROCESSES)), []
    for batch, n in track(ways, label="trainings", total=len(ways)):
        found = train(dataset, recommender, n, {"batch_size": batch} | settings)
        rows.append({"histories a batch": batch} | found | {"threads": 1} | origin())
    table = pd.DataFrame(rows)
    seconds = table["seconds an epoch"]
    table["speed-up"] = seconds.groupby(table["histories a batch"]).transform("first") / seconds
    table["reached"] = table["speed-up"] >= REACH
    path = BUILD / "benchmarks" / f"ddp.{Path(dataset).name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    return table


def train(dataset: str, recommender: str, n: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Train on leave-last-out in some processes of one thread each, and read what came out."""
    chosen = {"max_epochs": EPOCHS, "patience": EPOCHS, "protocol": "leave-last-out"} | settings
    with tempfile.TemporaryDirectory() as folder:
        words = [f"DATASETS={dataset}", f"recommender={recommender}", f"build_dir={folder}"]
        words += [f"{name}={value}" for name, value in chosen.items()]
        together = ["torch.distributed.run", "--standalone", f"--nproc-per-node={n}", "-m"]
        launch = together if n > 1 else []
        command = [sys.executable, "-m", *launch, "reclib", "train", *words]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        ledger = Ledger(Path(folder) / "ledger")
        row = ledger.rows()[0]
        found = ledger.find(row["key"])
        assert found is not None
        assert found.curve is not None
        curve = found.curve
    return {
        "recommender": recommender,
        "processes": row["world_size"],
        "seconds an epoch": round(float(curve["seconds"].diff().fillna(curve["seconds"]).min()), 3),
        "train loss": float(curve["train_loss"].iloc[-1]),
        METRIC: row[METRIC],
    }
