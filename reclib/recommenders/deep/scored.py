"""Scores of the catalogue: a learned gate over the branches, and what each target asks of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reclib.recommenders.deep import gaps
from reclib.recommenders.deep.competitors import Competitors
from reclib.recommenders.deep.inputs import Inputs
from reclib.recommenders.deep.rows import Touched
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.states import States
from reclib.recommenders.deep.trained import Trained

SMALLEST_LEVEL = 1e-3
CF_LOGIT = 2.0
"""What the CF branch adds at first to the logit of the item that it is surest of."""
RATING_SCALE = 0.1
"""Of the products of states and item vectors, which are of the order of ten, in a rating."""
ALL = Competitors()
"""The whole catalogue."""


class Scored(Trained):
    """Fuses the branches and scores the catalogue.

    The logits of item i after a history are ``e_i h + b_i + g sum_d w_d S_di``: e the item
    vectors (also the input: tied), h the sum of the branch states weighted by the gate, b the
    popularity, S_d the CF scores with decay d, g the gate's share for the CF branch and w_d a
    positive scale. The CF branch enters as logits, so that with its share at 1 and the decay 1
    the ranking is EASE's own.

    Where CF is added instead (`Settings.fusion`), an item's score is the log of its probability
    without CF plus ``w sum_d S_di / l_d``: l the levels of `CFWeights`, w the one of
    `CF_MULTIPLES` that ranks best on the valid part.

    Trained on sets, the logits are ``e_i h + b_i`` with the state h after the history, and an
    item's score is the log of its probability plus ``w S_i``, with the one of `CF_WEIGHTS` that
    ranks best on the valid part.

    Trained on gaps, h is the state of a gap, seen from both sides, and ``e_i h + b_i`` the
    logit of item i in it. The hidden interactions may stand in any gap, so the score of an item
    is the log of its mean probability over all gaps plus ``w S_i``. On the training part the
    states know the answers and would leave nothing to w: it is the one of `CF_WEIGHTS` that
    ranks best on the valid part.

    Trained on ratings, h is the state of a gap too, and ``m + e_i h / 10 + b_i + u h`` the rating
    that is expected of item i in it, with the mean rating m; an item's score is the mean of that
    over all gaps, mixed with what item-based CF expects (`Ratings`), by the one of `CF_SHARES`
    that ranks best on the valid part.
    """

    popularity: Tensor

    def __init__(self, inputs: Inputs, settings: Settings, target: str) -> None:
        settings = inputs.served(settings)
        super().__init__(settings, target)
        self.cf, self.ratings = inputs.cf, inputs.ratings
        self.states = States(inputs, settings, two_sided=self.two_sided, gates_cf=not self.mixes)
        prior = (inputs.popularity + 1).log()
        # a softmax does not mind where logits lie; one by one they have to say how likely each is
        level = prior.mean() if settings.loss == "softmax" else prior.logsumexp(0)
        self.bias = nn.Parameter(prior - level)
        if self.ratings is not None:
            self.bias = nn.Parameter(self.ratings.items.clone())
            self.level = nn.Linear(settings.embedding_size, 1)
            nn.init.zeros_(self.level.weight)
        if settings.item_dropout:
            self.guess = nn.Linear(settings.embedding_size, 1)
            nn.init.zeros_(self.guess.weight)
        self.register_buffer("popularity", inputs.popularity, persistent=False)
        levels = torch.ones(0) if inputs.cf is None else inputs.cf.levels
        self.cf_scale = nn.Parameter((CF_LOGIT / levels.clamp(min=SMALLEST_LEVEL)).log())

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.bias)

    def forget(self) -> None:
        """Forget what belonged to a step."""
        super().forget()
        self.states.touched = self.states.heard = self.states.described = None

    def cf_weights(self, gates: Tensor) -> Tensor:
        """Return the weight of every CF score, ``[..., n_scores]``."""
        if "cf" not in self.settings.branches or self.mixes:
            return gates[..., :0]
        share = gates[..., self.settings.branches.index("cf"), None]
        return share * len(self.settings.branches) * self.cf_scale.exp()

    def levels(self) -> Tensor:
        """Return the part of the logits that no state changes, ``[n_items]``.

        For items that are silenced, or that training with silenced ones has never seen, what
        their attributes and pictures say of it: else what a softmax takes off popular kinds of
        items, because their popularity says too much, would be taken off those without any.
        """
        if not self.settings.item_dropout or self.states.touched is not None:
            return self.bias
        heard, described = self.states.heard, self.states.described
        assert heard is not None
        assert described is not None
        guess = self.guess(described)[:, 0] + self.bias.detach().mean()
        return torch.where(heard, self.bias, guess)

    def narrowed(self, batch: Batch, among: Competitors) -> tuple[Tensor, Batch]:
        """Return the item vectors, and the batch as they number its items.

        Where rows are touched alone, those of the batch's items and of those that compete.
        """
        if not self.states.items.sparse or not torch.is_grad_enabled():
            asked = batch.targets[batch.targets >= 0]
            return self.states.table(torch.cat([batch.items.flatten(), asked])), batch
        others = torch.arange(self.n_items) if among.items is None else among.items
        self.states.touched = Touched.of(self.n_items, batch.items, others.to(batch.items.device))
        near = batch._replace(items=self.states.touched.place[batch.items])
        return self.states.table(), near

    def competing(self, table: Tensor, among: Competitors) -> Tensor:
        """Return the vectors of those that compete, out of what `narrowed` has returned."""
        if self.states.touched is None or among.items is None:
            return among.of_rows(table)
        return table[self.states.touched.place[among.items]]

    def last(self, batch: Batch, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return fused state and gates after the whole history, ``[batch, ...]``."""
        states, gates = self.states(batch, table)
        rows = torch.arange(len(states), device=states.device)
        end = (batch.lengths - 1).clamp(min=0)
        return states[rows, end], gates[rows, end]

    def after(self, batch: Batch, training: bool = False, among: Competitors = ALL) -> Tensor:
        """Return the logits after whole histories, ``[batch, n_competing]``."""
        table, near = self.narrowed(batch, among)
        state, gates = self.last(near, table)
        logits = state @ self.competing(table, among).T + among.corrected(self.levels())
        if self.cf is None or self.mixes:
            return logits
        tables = self.cf.table_of(batch.users, training)
        extra = self.cf.bag(batch.bag, batch.offsets, batch.ages, tables, among.items)
        return logits + torch.einsum("bd,dbn->bn", self.cf_weights(gates), extra)

    def scores(self, batch: Batch, training: bool = False) -> Tensor:
        """Return the scores of the catalogue for each asked user, ``[n_asked, n_items]``.

        Users without a history get the popularity, and in equal parts what friends took.
        """
        if self.mixes:
            found = self.mixed(*self.parts(batch), self.cf_weight)
        else:
            found = self.after(batch, training)
        known = torch.zeros(len(found), device=found.device)
        known.index_add_(0, batch.owners, batch.lengths.to(known.dtype))
        return torch.where((known == 0)[:, None], self.for_strangers(batch), found)

    def for_strangers(self, batch: Batch) -> Tensor:
        """Return scores that need no history, ``[n_asked or 1, n_items]``."""
        if self.states.social is None:
            return self.popularity.log1p()[None]
        users = torch.zeros_like(batch.owners[: int(batch.owners.max()) + 1])
        users[batch.owners] = batch.users
        return (self.popularity + self.popularity.sum() * self.states.social.taken(users)).log1p()

    def parts(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the scores of the network and those of CF, ``[n_asked, n_items]`` each."""
        if self.ratings is not None:
            found = self.expected(batch)
            return found, self.ratings.expected(batch) if self.weighs else found
        likely = self.log_probability(batch)
        if self.cf is None:
            return likely, torch.zeros_like(likely)
        tables = self.cf.table_of(batch.users, training=False)
        bags = self.cf.bag(batch.bag, batch.offsets, batch.ages, tables)
        bag = bags[0]
        if self.target == "next":  # several scores, each on the scale on which it says something
            bag = (bags / self.cf.levels.clamp(min=SMALLEST_LEVEL)[:, None, None]).sum(0)
        return likely, torch.zeros_like(likely).index_copy_(0, batch.owners, bag)

    def expected(self, batch: Batch) -> Tensor:
        """Return the ratings that the network expects, the mean over all gaps."""
        assert self.ratings is not None
        table = self.states.table()
        state = gaps.mean_over_gaps(batch, self.states.between(batch, table, skip=0)[0])
        return self.ratings.mean + RATING_SCALE * state @ table.T + self.bias

    def log_probability(self, batch: Batch) -> Tensor:
        """Return what the network alone says: after whole histories, or out of all gaps."""
        if not self.two_sided:
            return self.after(batch).log_softmax(-1)
        table = self.states.table()
        states, _ = self.states.between(batch, table, skip=0)
        return gaps.mean_probability(batch, table, self.levels(), states)

    def shares(self, batch: Batch) -> Tensor:
        """Return the gate's mean share of each branch, ``[n_asked, n_branches]``.

        After the whole history; trained on gaps, over all gaps.
        """
        table = self.states.table()
        if not self.two_sided:
            return self.last(batch, table)[1]
        _, shares = self.states.between(batch, table, skip=0)
        mean = gaps.mean_over_gaps(batch, shares)
        return mean / mean.sum(-1, keepdim=True)
