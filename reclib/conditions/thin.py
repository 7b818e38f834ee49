"""Less to learn from: a share of each user's training interactions."""

from __future__ import annotations

import numpy as np

from reclib.conditions.seal import Conditioned, sealed
from reclib.splits import Split
from reclib.splits.protocols import random_order


def as_is(split: Split) -> Conditioned:
    """Return the split unchanged, under another checksum."""
    return sealed(split, split.interactions, "as-is", {})


def thin(split: Split, share: float = 0.5, seed: int = 2026) -> Conditioned:
    """Keep a random share of each user's training interactions, at least one.

    What a smaller share keeps, a larger one keeps too. The valid and test parts stay as they
    are; whoever trains on the valid part, as ``holdout`` does in the end, keeps it whole.

    Parameters
    ----------
    split : Split
    share : float
        In (0, 1]; numbers of interactions are rounded up.
    seed : int
    """
    frame = split.interactions
    train = frame["part"].eq("train").to_numpy()
    place = random_order(frame["user"].to_numpy()[train], np.random.default_rng(seed))
    wanted = np.maximum(np.ceil(share * place["size"] - 1e-9), 1)
    kept = ~train
    kept[train] = (place["rank"] < wanted).to_numpy()
    return sealed(split, frame[kept], "thin", {"share": share, "seed": seed})
