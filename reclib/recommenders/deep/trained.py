"""How the module is validated and optimised: the part of Lightning that knows no branch."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from reclib.recommenders.deep.rows import RowAdamW, clip
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import TWO_SIDED, Settings
from reclib.recommenders.deep.share import taken
from reclib.recommenders.deep.validation import ndcg

CF_WEIGHTS = (0.0, 4.0, 8.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0, 256.0, 512.0)
"""Of CF scores that are added to log probabilities."""
CF_MULTIPLES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""The same, of CF scores that have been brought to one scale."""
CF_SHARES = tuple(step / 10 for step in range(11))
"""Of CF in a mean of two expected ratings."""


class Trained(pl.LightningModule):
    """Measures NDCG@10 after every epoch, and chooses the weight of CF that ranks best there.

    Where training cannot tell what CF is worth, the scores are `mixed` with a weight of
    `choices`.
    """

    cf_weight: Tensor

    def __init__(self, settings: Settings, target: str) -> None:
        super().__init__()
        self.settings, self.target = settings, target
        self.whole: Batch | None = None  # the batch that all processes learn from
        self.register_buffer("cf_weight", torch.tensor(self.choices[len(self.choices) // 5]))

    @property
    def world(self) -> int:
        """Number of processes that train together."""
        return 1 if self._trainer is None else int(self.trainer.world_size)

    @property
    def rank(self) -> int:
        """Number of this process among them, from 0."""
        return 0 if self._trainer is None else int(self.trainer.global_rank)

    @property
    def choices(self) -> tuple[float, ...]:
        """Weights of CF to choose from."""
        return {"ratings": CF_SHARES, "next": CF_MULTIPLES}.get(self.target, CF_WEIGHTS)

    @property
    def two_sided(self) -> bool:
        """Whether histories are read from both sides, and answer from their gaps."""
        return self.target in TWO_SIDED

    @property
    def mixes(self) -> bool:
        """Whether the network learns without CF, which is added to what it says."""
        return self.settings.adds_cf(self.target)

    @property
    def weighs(self) -> bool:
        """Whether CF comes in with a weight that is chosen on valid."""
        return "cf" in self.settings.branches and self.mixes

    def scores(self, batch: Batch, training: bool = False) -> Tensor:
        """Return the scores of the catalogue for each asked user, ``[n_asked, n_items]``."""
        raise NotImplementedError

    def parts(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the scores of the network and of CF, ``[n_asked, n_items]`` each."""
        raise NotImplementedError

    def mixed(self, network: Tensor, cf: Tensor, weight: Tensor | float) -> Tensor:
        """Return the sum of both, or for ratings their mean."""
        if self.target == "ratings":
            return network + weight * (cf - network)
        return network + weight * cf

    def loss_of(self, batch: Batch) -> Tensor:
        """Return the mean loss of a batch, or of a share of one."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what belonged to a step."""
        self.whole = None

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of a batch, or of this process's share of it.

        That is weighted by its targets, so that the mean over the processes, of the losses as of
        their gradients, is that of the whole batch.
        """
        self.whole = batch
        try:
            with taken(batch, self.rank, self.world) as mine:
                total = self.loss_of(mine)
        finally:
            self.forget()
        if self.world > 1:
            total = total * (self.world * self.counted(mine) / self.counted(batch))
        self.log("train_loss", total, on_step=False, on_epoch=True, batch_size=len(batch.users),
                 sync_dist=self.world > 1)  # fmt: skip
        return total

    def counted(self, batch: Batch) -> Tensor:
        """Return over how many targets, or users of a set, a batch's loss is a mean."""
        known = batch.targets >= 0
        return known.any(-1).sum() if self.target == "set" else known.sum()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Measure NDCG@10 over the candidates of each user, for each CF weight to choose from."""
        if self.weighs:
            parts = self.parts(batch)
            found = [self.mixed(*parts, weight) for weight in self.choices]
        else:
            found = [self.scores(batch)]
        values = [ndcg(scores, batch.targets, batch.allowed) for scores in found]
        self.validated.append(torch.stack(values))

    def on_validation_epoch_start(self) -> None:
        """Begin to collect."""
        self.validated: list[Tensor] = []

    def on_validation_epoch_end(self) -> None:
        """Log NDCG@10, and keep the CF weight that has the best one."""
        means = self.mean_of_all()
        if self.weighs:
            self.cf_weight.fill_(self.choices[int(means.argmax())])
        self.log("valid_ndcg@10", means.max(), sync_dist=self.world > 1)

    def mean_of_all(self) -> Tensor:
        """Return the mean NDCG over the users of all processes, for each CF weight, float64."""
        if self.world == 1:
            return torch.cat(self.validated, 1).mean(1)
        mine = torch.zeros(len(self.choices) if self.weighs else 1, 2, dtype=torch.float64)
        for values in self.validated:
            mine += torch.stack([values.sum(1), torch.full_like(values[:, 0], values.shape[1])], 1)
        total = self.trainer.strategy.reduce(mine.to(self.device), reduce_op="sum")
        return total[:, 0] / total[:, 1]

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """Clip the norm of all gradients, also where some are sparse."""
        if gradient_clip_val and any(p.grad is not None and p.grad.is_sparse
                                     for p in self.parameters()):  # fmt: skip
            clip(list(self.parameters()), gradient_clip_val)
        else:
            super().configure_gradient_clipping(
                optimizer, gradient_clip_val, gradient_clip_algorithm
            )

    def configure_optimizers(self) -> Any:
        """Return AdamW with decay on the matrices only, and its linearly falling rate."""
        matrices = [p for p in self.parameters() if p.ndim > 1]
        vectors = [p for p in self.parameters() if p.ndim <= 1]
        settings = self.settings
        rows = any(getattr(module, "sparse", False) for module in self.modules())
        optimizer = (RowAdamW if rows else torch.optim.AdamW)(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.LinearLR(
            optimizer, 1.0, 0.05, total_iters=settings.max_epochs
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule}}

    def on_train_epoch_start(self) -> None:
        """Make an epoch's dropout depend on the seed and the epoch alone, also after a resume."""
        torch.manual_seed(self.settings.seed * 1000 + self.current_epoch)
