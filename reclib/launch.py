"""One training in several processes: ``torchrun --nproc-per-node=2 -m reclib train``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from reclib import recommenders
from reclib.errors import DataError
from reclib.recommenders.deep.share import Place, launched
from reclib.study import Spec, Study

DEFAULTS = {"recommender": "integrated", "protocol": "leave-last-out", "fold": 0, "seed": None}
SHOWN = ("key", "dataset", "protocol", "recommender", "seed", "ndcg@10", "fit_seconds",
         "world_size", "device")  # fmt: skip


def train_all(datasets: Sequence[str], words: Mapping[str, Any], **options: Any) -> Iterator[str]:
    """Make one run on each dataset, alone or together with other processes; yield what came out.

    Started by ``torchrun`` or ``srun``, each process learns from its share of every batch, and
    the first one ranks the users and writes the row, with the number of processes in it.

    Parameters
    ----------
    datasets : sequence of str
        Names from the catalogue, or folders.
    words : mapping
        ``recommender``, ``protocol``, ``fold`` and ``seed`` of the run, ``build_dir``, and any
        setting of the recommender.
    **options : Any
        Of `Study.open`.

    Raises
    ------
    reclib.errors.DataError
        If several processes were started for a recommender that one has to fit.
    """
    settings = dict(words)
    run = {name: settings.pop(name, value) for name, value in DEFAULTS.items()}
    options["build_dir"] = settings.pop("build_dir", options.get("build_dir", "build"))
    place = launched()
    settings = shared(run["recommender"], place) | settings
    spec = Spec(run["recommender"], run["protocol"], run["fold"], run["seed"], settings)
    for name in datasets:
        study = Study.open(name, **options)
        if place is not None and place.rank:
            study.join(spec)
            continue
        row = study.run(spec).row
        yield json.dumps({column: row[column] for column in SHOWN if column in row})
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def shared(recommender: str, place: Place | None) -> dict[str, Any]:
    """Return the settings with which a recommender trains in as many processes as there are."""
    if place is None or place.world == 1:
        return {}
    entry = recommenders.CATALOGUE.get(recommender)
    if entry is not None and entry.family != "deep":
        raise DataError(
            f"'{recommender}' is fitted by one process, and {place.world} were started",
            "Start one, or choose a network.",
        )
    return {
        "strategy": "ddp",
        "devices": place.world // place.nodes,
        "num_nodes": place.nodes,
    }
