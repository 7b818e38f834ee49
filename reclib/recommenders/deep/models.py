"""The five deep recommenders: one module, with one branch or with all."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor

from reclib.recommenders import pictures
from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.data import HistoryData, asking, log_of, scored_at_once
from reclib.recommenders.deep.features import Context, bags
from reclib.recommenders.deep.inputs import Inputs
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.members import Member, found_in, seeds, together
from reclib.recommenders.deep.rated import Ratings
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.social import profiles
from reclib.recommenders.deep.training import reproducible, scratch, train

if TYPE_CHECKING:
    from reclib.splits import Split

SET_PROTOCOLS = ("holdout", "rated-only", "strong")


@dataclass(kw_only=True)
class Integrated(Settings, Recommender):
    """CF, CNN, RNN, attention, side features, friends and pictures, fused by a learned gate.

    All parameters are those of `Settings`. The single-branch recommenders are this one with one
    branch. Where the targets of a split come last (leave-last-out, temporal, sampled), the
    network learns to find each next item; where they are drawn at random out of the histories
    (holdout, strong), to find each item out of what comes before and after it; where rated items
    alone are ranked (rated-only), to expect its rating out of the same.
    """

    def fit(self, split: Split) -> Self:
        """Train on ``split.train`` with early stopping on the validation stage.

        If the stage leaves nothing to validate on (``split.refits``), the number of epochs is
        found at the validation stage first, and then everything is trained for as many. With
        ``epochs`` in the settings, nothing has to be found.
        """
        self.context = Context.of(split.train)
        with ExitStack() as kept:  # a killed training repeats no member that has ended
            members = [
                self._member(split, replace(self.network(), seed=seed), kept)
                for seed in seeds(self.seed, self.members)
            ]
        self.modules = [member.module for member in members]
        self.curve, self.found = together(members)
        self.device = str(self.module.device)
        self.world_size = self.devices * self.num_nodes if self.strategy == "ddp" else 1
        self.histories = log_of(split, "history", self.context).histories()
        return self

    def _member(self, split: Split, settings: Settings, kept: ExitStack) -> Member:
        """Train one network, after another that finds the epochs where nothing is validated."""
        if self.epochs:
            last = first = self._train(split, None, settings, self.epochs, kept)
        elif split.refits:
            valid = split.at("valid")
            first = self._train(valid, valid, settings, self.max_epochs, kept)
            last = self._train(split, None, settings, first.found["epochs"], kept)
        else:
            last = first = self._train(split, split.validation, settings, self.max_epochs, kept)
        weight = first.found.get("cf_weight", self.cf_weight)
        if weight is not None:
            last.module.cf_weight.fill_(weight)
        return Member(last.module, first.curve, first.found)

    def _train(
        self,
        split: Split,
        validation: Split | None,
        settings: Settings,
        epochs: int,
        kept: ExitStack,
    ) -> Member:
        """Train one network on one split for at most some epochs."""
        target = target_of(self.target, split)
        data = HistoryData(split, validation, self.context, settings, target)
        with reproducible():
            pl.seed_everything(settings.seed, verbose=False)
            module = IntegratedModule(
                inputs(split, self.context, settings, target), settings, target
            )
        looks = pictures.origin(split, {"branches": self.branches}).values()
        key = (split.checksum, split.dataset.checksum, split.stage, str(epochs), *looks)
        folder = kept.enter_context(scratch(settings, *key))
        curve = train(module, data, settings, folder, epochs)
        return Member(module, curve, {} if validation is None else found_in(module, curve))

    @property
    def module(self) -> IntegratedModule:
        """The first of the networks."""
        return self.modules[0]

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]``; popularity where nothing is known."""
        result = np.empty((len(users), self.histories.n_items), np.float32)
        with torch.inference_mode():
            for rows, batch in self._batches(users):
                result[rows] = self._mean(module.scores(batch) for module in self.modules)
        return result

    def gate(self, users: IntArray) -> pd.DataFrame:
        """Return the gate's share of each branch: index ``user``, sums to 1.

        After the whole history; trained on gaps, the mean over all gaps, among the trained
        branches.
        """
        names = list(self.module.states.names)
        shares = np.empty((len(users), len(names)), np.float32)
        with torch.inference_mode():
            for rows, batch in self._batches(users):
                shares[rows] = self._mean(module.shares(batch) for module in self.modules)
        index = pd.Index(users, name="user")
        return pd.DataFrame(shares, index=index, columns=names)

    def _mean(self, found: Iterable[Tensor]) -> FloatArray:
        """Return the mean over the networks."""
        result: FloatArray = (reduce(torch.add, found) / len(self.modules)).cpu().numpy()
        return result

    def _batches(self, users: IntArray) -> list[tuple[np.ndarray, Batch]]:
        """Return batches of similar length, longest first, with the rows they answer."""
        index = torch.from_numpy(np.asarray(users, np.int64))
        order = torch.argsort(self.histories.lengths[index], descending=True, stable=True)
        batches = []
        for rows in order.split(scored_at_once(self.histories.n_items)):
            batch = asking(self.histories, index[rows], self.max_len, self.module.target)
            batch = Batch(*(part.to(self.module.device) for part in batch))
            batches.append((rows.numpy(), batch))
        return batches


def target_of(wanted: str, split: Split) -> str:
    """Return what is learned on a split, if it is left to the split to say; see `Settings`."""
    if wanted != "auto":
        return wanted
    if split.protocol not in SET_PROTOCOLS:
        return "next"
    if not split.dataset.has_times:
        return "set"
    rated = split.protocol == "rated-only" and split.train["rating"].nunique() > 1
    return "ratings" if rated else "gaps"


def inputs(split: Split, context: Context, settings: Settings, target: str) -> Inputs:
    """Return what the network knows of the data, from the training part alone."""
    dataset, histories = split.dataset, log_of(split, "train", context).histories()
    cf = ratings = None
    if target == "ratings" and context.ratings is not None:
        near = settings.cf_neighbours if "cf" in settings.branches else 0
        ratings = Ratings(histories, context.ratings, near, settings.cf_shrink)
    elif "cf" in settings.branches:
        ordered = target == "next"
        cf = CFWeights(
            histories,
            n_folds=0 if settings.adds_cf(target) else settings.cf_folds,
            max_items=settings.cf_items,
            decays=settings.cf_decays if ordered else (1.0,),
            transition=settings.cf_transition if ordered else 0.0,
            transition_l2=settings.cf_transition_l2,
            seed=settings.seed,
            l2=settings.cf_l2,
            user_weight=settings.cf_user_weight,
            dropout=settings.cf_dropout,
            discount=settings.cf_discount,
        )
    popularity = torch.bincount(histories.items, minlength=split.n_items)
    friendly = "social" in settings.branches and dataset.links is not None
    return Inputs(
        popularity.float(),
        bags(dataset.users, "user_id", split.user_ids, dataset.kinds),
        bags(dataset.items, "item_id", split.item_ids, dataset.kinds),
        context.sizes,
        cf,
        ratings,
        profiles(split) if friendly else None,
        pictures.pictures_of(split, settings.image_size) if "image" in settings.branches else None,
    )


@dataclass(kw_only=True)
class Ann(Integrated):
    """Multi-layer perceptron over the bag of the history."""

    branches: tuple[str, ...] = ("ann",)


@dataclass(kw_only=True)
class Cnn(Integrated):
    """Stacked dilated causal convolutions with attention over time."""

    branches: tuple[str, ...] = ("cnn",)


@dataclass(kw_only=True)
class Rnn(Integrated):
    """Gated recurrent units over the history."""

    branches: tuple[str, ...] = ("rnn",)


@dataclass(kw_only=True)
class Attention(Integrated):
    """Causal self-attention over the history."""

    branches: tuple[str, ...] = ("attention",)


@dataclass(kw_only=True)
class GSASRec(Attention):
    """Self-attention trained against sampled negatives by the generalised binary cross-entropy.

    Petrov and Macdonald, RecSys 2023.
    """

    loss: str = "gbce"
    n_negatives: int = 256
