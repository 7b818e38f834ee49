"""Small networks and batches to look into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from planted import DEEP

from reclib.recommenders.deep.data import (
    HistoryData,
)
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.models import inputs
from reclib.recommenders.deep.sequences import Batch, Histories
from reclib.recommenders.deep.settings import Settings

N_ASKED = 6
"""Items that are asked for with `few_targets`."""


def histories_of(matrix: sp.csr_matrix) -> Histories:
    """Return histories that take the items of each row in an order of its own."""
    users, items = matrix.nonzero()
    order = np.lexsort((items * (users + 2) % 11, users))
    frame = pd.DataFrame({"user": users[order], "item": items[order]})
    return Histories.of(frame, np.zeros((len(frame), 0)), *matrix.shape)


def module(split: Any, target: str = "next", **changes: Any) -> IntegratedModule:
    settings = Settings(**DEEP | changes)
    torch.manual_seed(1)
    context = Context.of(split.train)
    network = IntegratedModule(inputs(split, context, settings, target), settings, target).eval()
    for gate in network.states.gates.values():  # else the shares hide what reaches them
        torch.nn.init.normal_(gate.weight, std=0.5)
    return network


def batch_of(split: Any, target: str = "next", **changes: Any) -> Any:
    data = HistoryData(
        split, None, Context.of(split.train), Settings(**DEEP | changes), target
    )  # fmt: skip
    return data.batches(0)[0]


def few_targets(batch: Batch) -> Batch:
    """Keep those targets alone that are among the first items, so that others can be drawn."""
    return batch._replace(targets=torch.where(batch.targets < N_ASKED, batch.targets, -1))
