"""Networks that differ in their seed alone and speak as one.

Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation
using deep ensembles", NeurIPS 2017; here their log probabilities are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.training import METRIC

APART = 10_000
"""Between the seeds of two members, so that the runs of a study share none."""


class Member(NamedTuple):
    """One trained network, its curve, and what training found on the valid part."""

    module: IntegratedModule
    curve: pd.DataFrame
    found: dict[str, Any]


def seeds(first: int, n_members: int) -> list[int]:
    """Return the seeds of the members."""
    return [first + APART * number for number in range(n_members)]


def found_in(module: IntegratedModule, curve: pd.DataFrame) -> dict[str, Any]:
    """Return what one training found on the valid part, as settings."""
    found: dict[str, Any] = {"epochs": int(curve[METRIC].to_numpy().argmax()) + 1}
    if module.weighs:
        found["cf_weight"] = round(module.cf_weight.item(), 6)
    return found


def together(members: Sequence[Member]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return one curve, and the median of what was found.

    An epoch's loss and NDCG are means over the members that had it, its seconds the sum of all
    members' until then: they are trained one after the other.
    """
    if len(members) == 1:
        return members[0].curve, members[0].found
    curves = [member.curve.set_index("epoch") for member in members]
    curve = pd.concat(curves).groupby("epoch").mean()
    curve["seconds"] = sum(each["seconds"].reindex(curve.index).ffill() for each in curves)
    found = pd.DataFrame([member.found for member in members])
    medians = found.quantile(0.5, interpolation="lower").to_dict()
    return curve.reset_index(), {
        name: type(members[0].found[name])(value) for name, value in medians.items()
    }
