"""Which runs are to be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from reclib import recommenders
from reclib.conditions import AS_IS, Condition
from reclib.recommenders.spaces import OPTIONAL
from reclib.splits.split import Stage

SAME_PARTS = {"rated-only": "holdout", "sampled": "leave-last-out"}
"""Protocols that differ from another only in what is ranked and relevant. They take its settings
where they have none of their own, and what was trained for it."""
SILENCE = "item_dropout"
TRAINED = ("learned", "sequential", "deep", "ensemble")
"""Families that are trained by gradient, and so too dear to train twice on the same parts."""


@dataclass(frozen=True)
class Spec:
    """One run to be made: who, where, and with which deviations from the chosen settings.

    Parameters
    ----------
    recommender, protocol : str
        Names as in ``reclib.recommenders.CATALOGUE`` and ``reclib.splits.PROTOCOLS``.
    fold : int
        Fold of ``holdout``; other protocols use it as the number of the repetition.
    seed : int, optional
        Seed of the recommender; the study's own by default.
    settings : mapping
        Settings that override the chosen ones, for an ablation for instance.
    stage : {"test", "valid"}
        The part on which the ranking is measured.
    condition : Condition, optional
        What is done to the split first.
    """

    recommender: str
    protocol: str
    fold: int = 0
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    stage: Stage = "test"
    condition: Condition | None = None


def grid(
    names: Sequence[str],
    protocols: Sequence[str],
    *,
    folds: Sequence[int] = (0,),
    seeds: Sequence[int | None] = (None,),
) -> list[Spec]:
    """Return every combination of recommender, protocol, fold and seed.

    A recommender that is a closed form is not repeated over seeds.
    """
    return [
        Spec(name, protocol, fold, seed)
        for protocol, name, fold in product(protocols, names, folds)
        for seed in (seeds if recommenders.CATALOGUE[name].seeded else seeds[:1])
    ]


def conditioned(
    names: Sequence[str],
    protocol: str,
    conditions: Sequence[Condition | None] = (None,),
    *,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    folds: Sequence[int] = (0,),
    seeds: Sequence[int | None] = (None,),
) -> list[Spec]:
    """Return every combination of condition, recommender, fold and seed.

    Parameters
    ----------
    names : sequence of str
    protocol : str
    conditions : sequence of Condition or None
        None: the data as they are.
    limits : mapping, optional
        By recommender, settings that keep its training short; such a run never stands for the
        recommender, since it is made under a condition, be it `AS_IS`.
    folds, seeds : sequence
    """
    limits = limits or {}
    return [
        replace(
            spec,
            settings=limits.get(spec.recommender, {}),
            condition=condition or (AS_IS if limits.get(spec.recommender) else None),
        )
        for condition in conditions
        for spec in grid(names, [protocol], folds=folds, seeds=seeds)
    ]


def ablated(name: str, protocol: str, branches: Sequence[str], seeds: Sequence[int]) -> list[Spec]:
    """Return a network without each branch, then with each one alone, for every seed."""
    without = [[each for each in branches if each != off] for off in branches]
    alone = [[each] for each in branches]
    return [
        Spec(name, protocol, settings={"branches": some}, seed=seed)
        for some in (*without, *alone)
        for seed in seeds
    ]


def seeded(spec: Spec, seed: int) -> Spec:
    """Return a run with a seed, unless it has its own: no run is asked for in two ways."""
    return replace(spec, seed=seed) if spec.seed is None else spec


def for_unseen(
    names: Sequence[str], limits: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Return the limits, with half of the item vectors silenced in training where that is known.

    A network learns in this way to rank items by their attributes: Volkovs et al., "DropoutNet",
    NeurIPS 2017.
    """
    if SILENCE not in OPTIONAL["deep"]:
        return dict(limits)
    deep = [name for name in names if recommenders.CATALOGUE[name].family == "deep"]
    return dict(limits) | {name: {SILENCE: 0.5} | dict(limits.get(name, {})) for name in deep}


def shares_fit(spec: Spec) -> bool:
    """Return whether one fit serves every protocol with the same parts."""
    if spec.condition is not None:
        return False
    trained = recommenders.CATALOGUE[spec.recommender].family in TRAINED
    return trained and spec.stage == "test" and not learns_anew(spec.recommender, spec.protocol)


def learns_anew(recommender: str, protocol: str) -> bool:
    """Return whether the target differs although the parts are the same.

    It does for the networks where rated items alone are ranked.
    """
    return protocol == "rated-only" and recommenders.CATALOGUE[recommender].family == "deep"


def stand_in(recommender: str, protocol: str) -> str:
    """Return the protocol whose settings, and fits, do for another one too; else itself."""
    if learns_anew(recommender, protocol):
        return protocol
    return SAME_PARTS.get(protocol, protocol)


def base_of(spec: Spec) -> str:
    """Return the protocol under which the recommender of a run is fitted."""
    return stand_in(spec.recommender, spec.protocol) if shares_fit(spec) else spec.protocol
