"""What happens beside the steps of a training: the clock, the precision, the mean of weights."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn
from tqdm.auto import tqdm


class Clock(Callback):
    """Logs the seconds since training began, over all resumptions, and shows the bar."""

    def __init__(self, progress: bool, epochs: int) -> None:
        self.before, self.bar = 0.0, tqdm(total=epochs, unit="epoch", disable=not progress)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.began = time.perf_counter() - self.before

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the time and move the bar."""
        self.before = time.perf_counter() - self.began
        pl_module.log("seconds", self.before)
        self.bar.update(trainer.current_epoch + 1 - self.bar.n)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the bar."""
        self.bar.close()

    def state_dict(self) -> dict[str, Any]:
        """Keep the time for a resumption."""
        return {"before": self.before}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the time up again."""
        self.before = state_dict["before"]


class Precision(Callback):
    """Multiplies matrices at a lower precision while training, and only then."""

    def __init__(self, precision: str) -> None:
        self.precision, self.before = precision, torch.get_float32_matmul_precision()

    def on_train_batch_start(self, *_: Any) -> None:
        """Take the precision of training."""
        torch.set_float32_matmul_precision(self.precision)

    def on_train_batch_end(self, *_: Any) -> None:
        """Go back, so that validation scores as the evaluator does."""
        torch.set_float32_matmul_precision(self.before)

    def on_exception(self, *_: Any) -> None:
        """Go back also when training breaks off."""
        torch.set_float32_matmul_precision(self.before)


class Average(Callback):
    """Validates, and ends, with the mean of the weights after late steps.

    After step t the mean moves by ``(n + 1) / (t + n)`` of the way to the weights, so that the
    share of a step in it grows with the n-th power of its number: Shamir and Zhang, "Stochastic
    gradient descent for non-smooth optimization", ICML 2013, section 4. Lightning's
    `WeightAveraging` copies the whole module, and so the closed-form tables too.

    Parameters
    ----------
    age : float
        Mean age of what is averaged, as a share of the steps so far, at most a half: that is
        ``1 / (n + 2)``. 0 for the last weights alone.
    """

    def __init__(self, age: float) -> None:
        self.age, self.steps = age, 0
        self.mean: dict[str, Tensor] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin with the weights as they are, or with the mean of a checkpoint."""
        if self.age:
            self.mean = {
                name: self.mean.get(name, weights.detach()).to(weights.device, copy=True)
                for name, weights in pl_module.named_parameters()
            }

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule,
                           *_: Any) -> None:  # fmt: skip
        """Take the weights of a step into the mean."""
        if not self.age:
            return
        self.steps += 1
        power = 1 / self.age - 2
        update = get_ema_multi_avg_fn((self.steps - 1) / (self.steps + power))
        weights = [weights.detach() for weights in pl_module.parameters()]
        update(list(self.mean.values()), weights, self.steps)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the mean in the place of the weights."""
        self.swap(pl_module)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the weights back."""
        self.swap(pl_module)

    @torch.no_grad()
    def swap(self, module: pl.LightningModule) -> None:
        """Exchange the weights and their mean."""
        for name, weights in module.named_parameters():
            if name in self.mean:
                before = weights.detach().clone()
                weights.copy_(self.mean[name])
                self.mean[name].copy_(before)

    def end_with(self, module: pl.LightningModule) -> None:
        """Give a module the mean for good."""
        self.swap(module)
        self.mean = {}

    def state_dict(self) -> dict[str, Any]:
        """Keep the mean for a resumption."""
        return {"steps": self.steps, "mean": self.mean}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the mean up again."""
        self.steps, self.mean = state_dict["steps"], dict(state_dict["mean"])
