"""Everything that can be chosen about a deep recommender."""

from __future__ import annotations

from dataclasses import dataclass, fields

from reclib.errors import DataError, UnknownName

BRANCHES = ("ann", "cnn", "rnn", "attention", "side", "cf", "social", "image")
LOSSES = ("softmax", "gbce")
PRECISIONS = ("medium", "high", "highest")
TARGETS = ("next", "gaps", "ratings", "set", "auto")
TWO_SIDED = ("gaps", "ratings")
"""Targets that are asked for out of what comes before and after them."""
MIXED = ("gaps", "ratings", "set")
"""Targets for which CF is always added to what the network says."""
FUSIONS = ("learned", "added")
STRATEGIES = ("auto", "ddp")
NEGATIVES = 2000
VALID_USERS = 2000


@dataclass(kw_only=True)
class Settings:
    """Settings of the network, its training and its closed-form branch.

    Parameters
    ----------
    branches : tuple of str
        The branches that take part, out of ``ann``, ``cnn``, ``rnn``, ``attention``, ``side``,
        ``cf``, ``social`` and ``image``. Where the data has no links between users, ``social``
        is left out, and ``image`` where it has no pictures of items.
    target : {"auto", "next", "gaps", "ratings", "set"}
        What is learned. ``next``: at every position of a history, the item that follows it.
        ``gaps``: at every position, its item out of what comes before and after it.
        ``ratings``: there, the rating of its item. ``set``: items dropped at random from a
        history, out of what is left of it. ``auto`` takes ``next`` where the targets of the
        split come after the history, ``ratings`` where rated items alone are ranked
        (rated-only), and where they are drawn at random out of it (holdout, strong) ``gaps``;
        for both ``set`` if there are no times.
    embedding_size, hidden_size : int
        Width of the item vectors and of the inner layers of the branches.
    n_layers, n_heads : int
        Depth of the recurrent, convolutional and attention branch; heads of the last.
    dropout : float
        Share of units silenced on the input and inside the branches.
    learning_rate, weight_decay : float
        Of AdamW; the rate falls linearly to a twentieth over ``max_epochs``.
    batch_size : int
        Histories in a batch.
    max_len : int
        Longest stretch of a history that the branches see at once; longer ones are cut into
        several stretches for training, and their last one is scored. The CF branch always
        sees the whole history.
    max_epochs, patience : int
        Most epochs; epochs without a better valid NDCG@10 before training stops.
    fusion : {"learned", "added"}
        How CF comes in with the target ``next``. ``learned``: as logits that the gate weighs, so
        that the network learns what CF leaves to it. ``added``: to the log probabilities of a
        network that has learned without it, with a weight that is chosen on valid. Other targets
        know the latter alone.
    epochs, cf_weight : int and float, optional
        What an earlier training found on the valid part: with these, training goes on for as
        many epochs without looking there.
    averaging : float
        Mean age of the weights whose mean is validated and kept, as a share of the steps so far;
        see `reclib.recommenders.deep.callbacks.Average`. 0 for the last weights alone, as where
        a step touches some item vectors alone.
    label_smoothing : float
        Share of the target's probability that is spread over the catalogue.
    loss : {"softmax", "gbce"}
        Of the targets ``next`` and ``gaps``: the cross-entropy of the item among all, or of each
        item whether it is the one; see `reclib.recommenders.deep.loss.gbce_with_gradient`.
    gbce_t : float
        Calibration of the latter.
    n_negatives : int, optional
        Items drawn at random that compete with the targets of a batch, with the correction for
        it; see `Competitors`. 0 for the whole catalogue. By default that, and beyond
        ``full_items`` items `NEGATIVES`.
    full_items : int
        Size of a catalogue up to which all of it competes, is read and is updated at every step,
        where ``n_negatives`` and ``sparse`` do not say otherwise.
    sparse : bool, optional
        Whether a step reads and updates those item vectors alone that it touches; see
        `RowAdamW`. By default beyond ``full_items`` items. Where the whole catalogue competes,
        all are touched.
    valid_users : int, optional
        Most users, drawn at random, on whom NDCG is measured after each epoch. By default all,
        and beyond ``full_items`` items `VALID_USERS`.
    drop_rate : float
        Share of a history that is dropped and asked for, with the targets ``gaps`` and ``set``.
    cf_neighbours, cf_shrink : int and float
        Nearest items, and shrinkage of their likeness, of the item-based CF beside the target
        ``ratings``; see `reclib.recommenders.deep.rated.Ratings`.
    cf_l2, cf_user_weight, cf_dropout, cf_discount : float
        Of the closed-form weights; see `reclib.recommenders.ease.ease`.
    cf_items, cf_folds : int
        How many of the most popular items the closed-form weights cover (the memory grows with
        its square), and the folds of users in which they are trained.
    cf_decays : tuple of float
        How much of an interaction's weight is left after each later one, one score of the
        closed-form weights each.
    cf_transition, cf_transition_l2 : float
        Decay and ridge of the linear transitions, one more CF score with the target ``next``;
        see `reclib.recommenders.transitions`. Without them at decay 0.
    item_dropout : float
        Share of the items whose own vector is silenced in each step of training, so that their
        attributes and pictures have to stand for them: Volkovs et al., "DropoutNet", NeurIPS
        2017. Above 0 an item that training has not seen competes with none there; it is scored
        by its attributes and pictures, which also say how popular it is.
    image_size : tuple of int
        Width and height in pixels that pictures are brought to.
    image_channels : tuple of int
        Of each convolution over a picture, multiples of 4; each halves the picture.
    image_batch : int
        Most pictures that are encoded in a step of training.
    image_shuffle : bool
        Whether pictures are handed round at random among the items that have one: a control, in
        which they can be of no use.
    members : int
        Networks that differ in their seed and are trained one after the other; their scores are
        averaged. See `reclib.recommenders.deep.members`.
    precision : {"medium", "high", "highest"}
        Of matrix products in training, as in ``torch.set_float32_matmul_precision``: "medium"
        multiplies in bfloat16 where the device is faster at it, and adds in float32.
    seed : int
        Of the weights, the dropout, the folds and the order of the batches.
    progress : bool
        Show a progress bar on standard error.
    folder : str or None
        Where checkpoints and logs go while training; a scratch folder by default. On several
        machines, one that all of them see.
    strategy : {"auto", "ddp"}
        ``ddp``: several processes, started by ``torchrun`` or Slurm, share each batch; see
        `reclib.launch`. The result is that of one process.
    devices, num_nodes : int
        Processes on each machine, and machines, of the strategy ``ddp``.
    """

    branches: tuple[str, ...] = ("cf", "cnn", "rnn", "attention", "side", "social")
    target: str = "auto"
    embedding_size: int = 64
    hidden_size: int = 128
    n_layers: int = 1
    n_heads: int = 2
    dropout: float = 0.3
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    batch_size: int = 16
    max_len: int = 200
    max_epochs: int = 20
    patience: int = 4
    fusion: str = "learned"
    epochs: int | None = None
    cf_weight: float | None = None
    averaging: float = 0.0
    label_smoothing: float = 0.0
    loss: str = "softmax"
    gbce_t: float = 0.75
    n_negatives: int | None = None
    full_items: int = 50_000
    sparse: bool | None = None
    valid_users: int | None = None
    drop_rate: float = 0.2
    cf_neighbours: int = 200
    cf_shrink: float = 30.0
    cf_l2: float = 500.0
    cf_user_weight: float = 0.5
    cf_dropout: float = 0.4
    cf_discount: float = 0.1
    cf_items: int = 10_000
    cf_folds: int = 4
    cf_decays: tuple[float, ...] = (0.8, 1.0)
    cf_transition: float = 0.9
    cf_transition_l2: float = 500.0
    item_dropout: float = 0.0
    image_size: tuple[int, int] = (32, 48)
    image_channels: tuple[int, ...] = (16, 32, 64)
    image_batch: int = 256
    image_shuffle: bool = False
    members: int = 1
    precision: str = "medium"
    seed: int = 2026
    progress: bool = False
    folder: str | None = None
    strategy: str = "auto"
    devices: int = 1
    num_nodes: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot work before any time is spent on it."""
        self.branches, self.cf_decays = tuple(self.branches), tuple(self.cf_decays)
        self.image_size = (self.image_size[0], self.image_size[1])
        self.image_channels = tuple(self.image_channels)
        for branch in self.branches:
            if branch not in BRANCHES:
                raise UnknownName("branch", branch, BRANCHES)
        if self.target not in TARGETS:
            raise UnknownName("target", self.target, TARGETS)
        if self.loss not in LOSSES:
            raise UnknownName("loss", self.loss, LOSSES)
        if self.fusion not in FUSIONS:
            raise UnknownName("fusion", self.fusion, FUSIONS)
        if self.precision not in PRECISIONS:
            raise UnknownName("precision", self.precision, PRECISIONS)
        if self.strategy not in STRATEGIES:
            raise UnknownName("strategy", self.strategy, STRATEGIES)
        if not self.branches:
            raise DataError("no branch is switched on", f"Name some of {', '.join(BRANCHES)}.")
        if self.embedding_size % self.n_heads:
            raise DataError(
                f"embedding_size {self.embedding_size} is not a multiple of n_heads {self.n_heads}",
                "Choose a multiple.",
            )
        if self.members < 1:
            raise DataError(f"{self.members} networks are none", "Set members to 1 or more.")
        if not 0 <= self.averaging <= 0.5:
            raise DataError(
                f"averaging {self.averaging:g} is not in [0, 0.5]", "Choose a share in it."
            )
        if not 0 <= self.item_dropout < 1:
            raise DataError(
                f"item_dropout {self.item_dropout:g} is not in [0, 1)", "Choose a smaller share."
            )

    def adds_cf(self, target: str) -> bool:
        """Return whether the network learns without CF, which is added to what it says."""
        return target in MIXED or self.fusion == "added"

    def negatives(self, n_items: int) -> int:
        """Return how many items are drawn to compete with the targets; 0 for all."""
        if self.n_negatives is not None:
            return self.n_negatives
        return 0 if n_items <= self.full_items else NEGATIVES

    def touches(self, n_items: int) -> bool:
        """Return whether a step reads and updates the item vectors alone that it touches."""
        wanted = n_items > self.full_items if self.sparse is None else self.sparse
        return wanted and self.negatives(n_items) > 0

    def validated(self, n_items: int) -> int | None:
        """Return on how many users at most NDCG is measured after each epoch; None for all."""
        if self.valid_users is not None or n_items <= self.full_items:
            return self.valid_users
        return VALID_USERS

    def network(self) -> Settings:
        """Return the settings alone, without the recommender that carries them."""
        return Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})
