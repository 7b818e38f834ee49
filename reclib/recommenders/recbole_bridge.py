"""The only module that touches RecBole: its shims, its configuration, its datasets.

RecBole 1.2.1 was written for NumPy 1 and an older SciPy. Each shim below names the upstream
cause and has a test that fails once upstream makes it unnecessary.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from reclib.splits import Split

NUMPY_ALIASES = {
    "float_": np.float64,
    "complex_": np.complex128,
    "unicode_": np.str_,
}
"""Names that NumPy 2 removed and that RecBole, or a library that it imports, still uses."""


def restore_numpy_aliases() -> None:
    """Give NumPy 2 the names back that RecBole 1.2.1 looks up while it is configured."""
    for name, value in NUMPY_ALIASES.items():
        if not hasattr(np, name):
            setattr(np, name, value)


def restore_dok_update() -> None:
    """Give ``dok_matrix`` the private ``_update`` back that LightGCN builds its graph with.

    SciPy 1.13 removed it; item assignment does the same.
    """
    if not hasattr(sp.dok_matrix, "_update"):
        sp.dok_matrix._update = _dok_update


def _dok_update(matrix: sp.dok_matrix, data: Mapping[tuple[int, int], float]) -> None:
    for place, value in data.items():
        matrix[place] = value


restore_numpy_aliases()
restore_dok_update()

from recbole.config import Config  # noqa: E402 (the shims have to come first)
from recbole.data import create_dataset, data_preparation  # noqa: E402
from recbole.data.dataset import Dataset as RecBoleDataset  # noqa: E402
from recbole.data.interaction import Interaction  # noqa: E402
from recbole.model.abstract_recommender import (  # noqa: E402
    GeneralRecommender,
    SequentialRecommender,
)
from recbole.utils import InputType, ModelType, get_model, get_trainer, init_seed  # noqa: E402

__all__ = [
    "GeneralRecommender",
    "InputType",
    "Interaction",
    "ModelType",
    "Prepared",
    "SequentialRecommender",
    "init_seed",
    "open_trainer",
    "prepare",
    "quiet",
]
NAME = "split"
PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Prepared:
    """A RecBole model over a split, and how its indices relate to ours.

    Attributes
    ----------
    config, train_data, model : Any
        As RecBole made them; ``train_data`` is its loader of the training part.
    users, items : numpy.ndarray
        RecBole's index of each of our users and items; RecBole's 0 is padding.
    """

    config: Any
    train_data: Any
    model: Any
    users: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]


def prepare(
    model: str | type, split: Split, settings: Mapping[str, Any], *, seed: int, max_len: int = 0
) -> Prepared:
    """Write the split as benchmark files, and let RecBole build dataset, loader and model.

    Parameters
    ----------
    model : str or type
        Name of a RecBole model, or a subclass of one of its abstract recommenders.
    split : Split
    settings : mapping
        RecBole's own options.
    seed : int
    max_len : int
        Longest history of a sequential model; 0 for the others.
    """
    with tempfile.TemporaryDirectory() as folder, quiet():
        write_benchmark(split, Path(folder) / NAME, max_len)
        options = options_for(split, folder, settings, seed, max_len)
        config = Config(model=model, dataset=NAME, config_dict=options)
        init_seed(seed, reproducibility=True)
        dataset = create_dataset(config)
        train_data, _, _ = data_preparation(config, dataset)
        kind = get_model(model) if isinstance(model, str) else model
        built = kind(config, train_data.dataset).to(config["device"])
    users = index_of(dataset, dataset.uid_field, split.n_users)
    return Prepared(config, train_data, built, users, index_of(dataset, dataset.iid_field,
                                                               split.n_items))  # fmt: skip


def open_trainer(prepared: Prepared) -> Any:
    """Return RecBole's trainer of a model.

    It makes a folder for checkpoints and one for TensorBoard in the working directory, neither
    of which anybody asked for: they go to a folder that is removed at once.
    """
    config, kind = prepared.config, prepared.config["MODEL_TYPE"]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), quiet():
        config["checkpoint_dir"] = folder
        trainer = get_trainer(kind, config["model"])(config, prepared.model)
        trainer.tensorboard.close()
    return trainer


def options_for(
    split: Split, folder: str, settings: Mapping[str, Any], seed: int, max_len: int
) -> dict[str, Any]:
    """Return the configuration that reads the benchmark files and nothing else."""
    columns = ["user_id", "item_id", *(["rating"] if split.dataset.has_ratings else [])]
    sequential = {
        "load_col": {"inter": ["user_id", "item_id_list", "item_id"]},
        "alias_of_item_id": ["item_id_list"],
        "MAX_ITEM_LIST_LENGTH": max_len,
        "train_neg_sample_args": None,
    }
    return {
        "data_path": folder,
        "benchmark_filename": list(PARTS),
        "load_col": {"inter": columns},
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "RATING_FIELD": "rating",
        "seed": seed,
        "state": "CRITICAL",
        "show_progress": False,
        "save_dataset": False,
        "save_dataloaders": False,
        "checkpoint_dir": folder,
        "use_gpu": False,
        "eval_args": {"order": "TO", "mode": "full", "group_by": "user", "split": {"LS": "x"}},
        **(sequential if max_len else {}),
        **settings,
    }


def write_benchmark(split: Split, folder: Path, max_len: int = 0) -> None:
    """Write train, valid and test as RecBole's atomic files, ids being our dense indices."""
    folder.mkdir(parents=True)
    part, parts = split.interactions["part"], split.interactions
    frames = {
        "train": split.train,
        "valid": parts[part.isin(["valid", "valid-input"])],
        "test": parts[part.isin(["test", "test-input"])],
    }
    for name, frame in frames.items():
        table = prefixes(frame, max_len) if max_len else atomic(frame)
        table.to_csv(folder / f"{NAME}.{name}.inter", sep="\t", index=False)


def atomic(frame: pd.DataFrame) -> pd.DataFrame:
    """Return interactions under RecBole's typed column names."""
    names = {"user": "user_id:token", "item": "item_id:token", "rating": "rating:float"}
    return frame[[name for name in names if name in frame]].rename(columns=names)


def prefixes(frame: pd.DataFrame, max_len: int) -> pd.DataFrame:
    """Return one row for every interaction but a user's first: what came before it, and it.

    This is the training set of RecBole's sequential models: every prefix of every history.
    """
    rows: list[tuple[int, str, int]] = []
    for user, items in frame.groupby("user", sort=False)["item"]:
        words = items.astype(str).tolist()
        first = 1 if len(words) > 1 else 0  # a lone item keeps its id in the vocabulary
        rows += [
            (user, " ".join(words[max(0, end - max_len) : end] or [word]), word)
            for end, word in enumerate(words[first:], start=first)
        ]
    return pd.DataFrame(rows, columns=["user_id:token", "item_id_list:token_seq", "item_id:token"])


def index_of(dataset: RecBoleDataset, field: str, size: int) -> npt.NDArray[np.int64]:
    """Return RecBole's index of each of our indices."""
    return np.asarray(dataset.token2id(field, [str(index) for index in range(size)]))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep RecBole from reading our command line, and its hints off the page.

    Its configuration parses ``sys.argv``, which in a notebook is the kernel's; its in-place
    fills and PyTorch's renamed classes warn on every run.
    """
    arguments, sys.argv = sys.argv, sys.argv[:1]
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        sys.argv = arguments
        logger.setLevel(level)
