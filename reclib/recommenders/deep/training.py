"""One Lightning training: early stopping, checkpoints that a killed training goes on from."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.seed import isolate_rng
from torch.utils import deterministic

from reclib.errors import DataError
from reclib.recommenders.deep.callbacks import Average, Clock, Precision
from reclib.recommenders.deep.data import HistoryData
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.share import launched

METRIC = "valid_ndcg@10"
CURVE = ["epoch", "train_loss", METRIC, "seconds"]


def train(
    module: IntegratedModule, data: HistoryData, settings: Settings, folder: Path, epochs: int
) -> pd.DataFrame:
    """Train, restore the best weights, and return the curve.

    Goes on from ``folder/last.ckpt`` if an earlier training of the same thing left one, and takes
    what is there if that had ended. Without validation batches all ``epochs`` are trained and
    what is there at the end is kept.
    """
    validated = data.ranking is not None
    average = Average(0.0 if module.states.items.sparse else settings.averaging)
    callbacks: list[Callback] = [
        average, Clock(settings.progress, epochs), Precision(settings.precision)
    ]  # fmt: skip
    if validated:
        callbacks.append(EarlyStopping(METRIC, mode="max", patience=settings.patience))
        callbacks.append(_checkpoint(folder, "best", METRIC))
    callbacks.append(_checkpoint(folder, "last", None))
    with quiet(), reproducible():
        trainer = pl.Trainer(
            max_epochs=epochs,
            callbacks=callbacks,
            logger=CSVLogger(folder, name="log"),
            deterministic=True if not torch.cuda.is_available() else "warn",
            gradient_clip_val=1.0,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **processes(settings),
        )
        last, ended = folder / "last.ckpt", folder / "ended"
        if not ended.exists():
            trainer.fit(module, data, ckpt_path=str(last) if last.exists() else None)
        trainer.strategy.barrier()  # the first process has written
        ended.touch()
        kept = torch.load(folder / "best.ckpt" if validated else last, weights_only=True,
                          map_location="cpu")  # fmt: skip
        module.load_state_dict(kept["state_dict"])
        average.load_state_dict(kept["callbacks"][average.state_key])
        average.end_with(module)
    module.eval()
    curve = read_curve(folder)
    trainer.strategy.barrier()  # all have read, before the first process clears up
    return curve


def processes(settings: Settings) -> dict[str, Any]:
    """Return what Lightning is told about processes.

    Raises
    ------
    reclib.errors.DataError
        If several are asked for and were not started.
    """
    if settings.strategy != "ddp":
        return {"devices": 1}
    wanted, started = settings.devices * settings.num_nodes, launched()
    if started is None or started.world != wanted:
        raise DataError(
            f"the strategy 'ddp' shares the work of {wanted} processes, and "
            f"{started.world if started else 0} were started together",
            f"Run python -m torch.distributed.run --nproc-per-node={settings.devices} -m reclib "
            "train; a notebook trains in its own process.",
        )
    # some branches have no part in some targets; what is no parameter is the same everywhere
    strategy = DDPStrategy(find_unused_parameters=True, forward_sync_buffers=False)
    return {"strategy": strategy, "devices": settings.devices, "num_nodes": settings.num_nodes}


def _checkpoint(folder: Path, name: str, metric: str | None) -> ModelCheckpoint:
    """Keep one checkpoint: the best by a metric, or the last epoch's."""
    return ModelCheckpoint(
        dirpath=folder,
        filename=name,
        monitor=metric,
        mode="max",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def read_curve(folder: Path) -> pd.DataFrame:
    """Return epoch, train_loss, valid_ndcg@10 and seconds from the CSV logs of a training."""
    logs = sorted(folder.glob("log/version_*/metrics.csv"), key=lambda path: path.stat().st_mtime)
    rows = pd.concat([pd.read_csv(path) for path in logs], ignore_index=True)
    rows = rows.reindex(columns=CURVE)
    return rows.groupby("epoch", as_index=False).last()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's banners and its hints about workers and folders off the page."""
    loggers = [
        logging.getLogger(name)
        for name in (
            "pytorch_lightning",
            "lightning_fabric",
            "pytorch_lightning.utilities.rank_zero",
            "lightning.pytorch.utilities.rank_zero",
        )
    ]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            for hint in (
                "does not have many workers",
                "Checkpoint directory",
                "The number of",
                "Experiment logs directory",
                "GPU available",
                "Starting from v1.9",
                "isinstance.treespec",
                "Total length of",
                "sync_dist=True",
                "find_unused_parameters=True was specified",
            ):
                warnings.filterwarnings("ignore", message=f".*{hint}.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def reproducible() -> Iterator[None]:
    """Leave the global generators and the determinism switches as they were found."""
    switched = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    try:
        # filling what is written right afterwards took a tenth of the time
        deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        with isolate_rng():
            yield
    finally:
        deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        torch.use_deterministic_algorithms(switched, warn_only=warn_only)


@contextmanager
def scratch(settings: Settings, *parts: str) -> Iterator[Path]:
    """Lend the folder of one training, and remove it once that has ended well.

    The name is a hash of settings, split and this package's code, so that the same training,
    killed and started again, finds its checkpoint, and no other one does, whatever the number of
    processes. Two at a time do not share: the second gets a folder of its own.

    Raises
    ------
    reclib.errors.DataError
        If several processes train together and others train the same already, or if they are on
        several machines without a ``folder`` that all see.
    """
    together = settings.strategy == "ddp"
    if together and settings.num_nodes > 1 and not settings.folder:
        raise DataError("several machines need one folder", "Set folder to one that all see.")
    home = Path(settings.folder or Path(tempfile.gettempdir()) / f"reclib-{getpass.getuser()}")
    folder = home / _key(settings, *parts)
    folder.mkdir(parents=True, exist_ok=True)
    if together and (started := launched()) and started.rank:
        yield folder  # the first process locks it and clears up
        return
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            if together:
                raise DataError("this training is under way", "Wait for it.") from problem
            folder = Path(tempfile.mkdtemp(dir=home))
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


def _key(settings: Settings, *parts: str) -> str:
    where = ("folder", "progress", "strategy", "devices", "num_nodes")
    chosen = {k: v for k, v in asdict(settings).items() if k not in where}
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    text = repr((sorted(chosen.items()), parts)).encode()
    return hashlib.sha256(b"".join([text, *code])).hexdigest()[:16]
