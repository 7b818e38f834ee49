"""The image branch: what is encoded when, what it can know, and what it does to the rest."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import batch_of, module
from PIL import Image
from planted import DEEP, N_COLD, N_SEEN, everybody, newly_listed, of_kind
from torch import Tensor

from reclib.errors import DataError
from reclib.recommenders.deep.images import Gallery, augmented
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.models import Integrated
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.pictures import Pictures
from reclib.splits import Split

SMALL = {"image_size": (8, 12), "image_channels": (4, 8), "item_dropout": 0.5, "epochs": 8}
TARGETS = [("holdout", True), ("holdout", False), ("leave-last-out", True)]


@pytest.fixture(scope="module")
def posters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return noisy pictures: reddish for the items of one parity, bluish for the others."""
    folder, random = tmp_path_factory.mktemp("posters"), np.random.default_rng(5)
    for item in range(N_SEEN + N_COLD - 2):  # the last two have none
        pixels = random.integers(0, 200, (15, 10, 3))
        pixels[..., 2 * (item % 2)] += 55
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"i{item:03d}.png")
    return folder


def shown(posters: Path, protocol: str = "holdout", *, times: bool = True) -> Split:
    return newly_listed(protocol, times=times, images=posters)


def network(split: Split, **changes: Any) -> Integrated:
    return Integrated(**DEEP | SMALL | {"branches": ("ann", "image")} | changes).fit(split)


def of_pictured(scores: np.ndarray) -> float:
    """As `of_kind`, of the unseen items that have a picture."""
    return of_kind(scores[:, : N_SEEN + N_COLD - 2])


@cache
def pictures() -> Pictures:
    """Return pictures of five of the eight items 0 to 7."""
    random = np.random.default_rng(6)
    pixels = random.integers(0, 256, (5, 3, 12, 8)).astype(np.uint8)
    return Pictures(pixels, np.array([0, 2, 3, 5, 6]), None)  # type: ignore[arg-type]


def gallery(**changes: Any) -> Gallery:
    torch.manual_seed(4)
    found = Gallery(pictures(), 8, Settings(**DEEP | SMALL | changes))
    torch.nn.init.normal_(found.encoder.project.weight)
    return found


# --- what it finds --------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "times"), TARGETS)
def test_unseen_items_rank_by_their_pictures(posters: Path, protocol: str, times: bool) -> None:
    split = shown(posters, protocol, times=times)
    assert of_pictured(network(split).scores(everybody(split))) >= 0.95


def test_pictures_handed_round_at_random_and_none_at_all_do_not_help(posters: Path) -> None:
    split = shown(posters)
    users = everybody(split)
    assert of_pictured(network(split, branches=("ann",)).scores(users)) < 0.6
    # of few items some order puts each at its place, so that one order says nothing
    orders = [network(split, image_shuffle=True, seed=seed).scores(users) for seed in range(4)]
    assert np.mean([of_pictured(scores) for scores in orders]) < 0.6


def test_without_pictures_the_branch_is_left_out_and_changes_nothing() -> None:
    split = newly_listed()
    one, two = network(split, epochs=1), network(split, epochs=1, branches=("ann",))
    users = everybody(split)
    np.testing.assert_array_equal(one.scores(users), two.scores(users))
    with pytest.raises(DataError, match="no data for the branch image"):
        network(split, branches=("image",))


def test_pictures_are_looked_at_only_when_asked_for(posters: Path) -> None:
    assert "image" not in Settings().branches
    found = Integrated(**DEEP | {"epochs": 1}).fit(shown(posters))
    assert found.module.states.gallery is None


def test_training_goes_on_after_an_error_with_the_vectors_that_it_had(
    posters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights(found: Integrated) -> dict[str, Tensor]:
        return dict(found.module.state_dict())

    changes = {"epochs": 3, "image_batch": 5}
    whole = network(shown(posters), **changes)
    real = IntegratedModule.training_step

    def step(self: IntegratedModule, batch: Any, index: int) -> Tensor:
        if self.current_epoch == 2:
            raise RuntimeError("out of memory")
        return real(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(IntegratedModule, "training_step", step)
        with pytest.raises(RuntimeError, match="out of memory"):
            network(shown(posters), folder=str(tmp_path), **changes)
    resumed = network(shown(posters), folder=str(tmp_path), **changes)
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=0)


def test_scoring_does_not_depend_on_the_batch(posters: Path) -> None:
    split = shown(posters)
    found = network(split, epochs=1)
    users = everybody(split)
    whole = found.scores(users)
    np.testing.assert_allclose(found.scores(users[:3]), whole[:3], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found.scores(users), whole)


# --- what is encoded ------------------------------------------------------------------------------


def test_where_nothing_is_learned_every_picture_is_encoded_as_it_is() -> None:
    found = gallery().eval()
    vectors = found(torch.tensor([2]))
    expected = found.encoder(torch.from_numpy(pictures().pixels) / 127.5 - 1)
    torch.testing.assert_close(vectors[[0, 2, 3, 5, 6]], expected)
    assert not vectors[[1, 4, 7]].any(), "no picture, no vector"


def test_training_encodes_some_pictures_of_the_batch_and_remembers_the_others() -> None:
    found = gallery(image_batch=2).eval()
    before = found(torch.arange(8)).clone()
    after = found.train()(torch.tensor([0, 1, 2, 3, 3, 8]))  # 1 has no picture, 8 is padding
    moved = (after != before).any(1).nonzero()[:, 0].tolist()
    assert len(moved) == 2
    assert set(moved) < {0, 2, 3}
    torch.testing.assert_close(found.vectors, after.detach())
    after[moved].sum().backward()
    assert all(weight.grad.any() for weight in found.encoder.parameters())
    assert torch.equal(found.train()(torch.tensor([1, 8])), found.vectors)


def test_scoring_after_training_encodes_anew() -> None:
    found = gallery().eval()
    before = found(torch.arange(8)).clone()
    found.train()
    with torch.no_grad():
        found.encoder.project.bias += 1
    moved = found.encoder.scale / (1 + found.encoder.norm.eps) ** 0.5  # nothing was normed yet
    assert torch.allclose(found.eval()(torch.arange(8))[0], before[0] + moved, atol=1e-5)


def test_shuffling_hands_every_picture_to_one_item_that_has_one() -> None:
    plain, shuffled = gallery(), gallery(image_shuffle=True)
    assert sorted(shuffled.items.tolist()) == plain.items.tolist() != shuffled.items.tolist()
    assert torch.equal(shuffled.pixels, plain.pixels)
    again = gallery(image_shuffle=True, seed=9)
    assert again.items.tolist() != shuffled.items.tolist()


def test_augmentation_mirrors_and_moves_every_picture_in_its_own_way() -> None:
    pixels = torch.linspace(-1, 1, 16).expand(200, 3, 24, 16)
    torch.manual_seed(2)
    found = augmented(pixels)
    assert found.shape == pixels.shape
    falls = (found[:, 0, 0, 0] > found[:, 0, 0, -1]).float().mean()
    assert 0.4 < falls < 0.6, "half are mirrored"
    assert len({round(value, 4) for value in found[:, 0, 0, 8].tolist()}) > 100
    assert (found - pixels).abs().max() < 2.5
    torch.manual_seed(2)
    assert torch.equal(augmented(pixels), found)


@pytest.mark.parametrize("target", ["next", "gaps", "set"])
def test_the_encoder_learns_from_every_target(posters: Path, target: str) -> None:
    split = shown(posters, "leave-last-out" if target == "next" else "holdout")
    changes = SMALL | {"branches": ("ann", "image"), "image_batch": 5}
    changes.pop("epochs")
    found = module(split, target, **changes).train()
    loss = {"next": found.next_loss, "gaps": found.gap_loss, "set": found.set_loss}[target]
    loss(batch_of(split, target)).backward()
    assert found.states.gallery is not None
    assert all(weight.grad.any() for weight in found.states.gallery.encoder.parameters())
    assert found.states.branches["image"].layers[0].weight.grad.any()


def test_a_gap_does_not_see_the_picture_of_its_own_item(posters: Path) -> None:
    split = shown(posters)
    changes = {"branches": ("ann", "image"), "image_size": (8, 12), "image_channels": (4, 8)}
    states = module(split, "gaps", **changes).states
    batch, table = batch_of(split, "gaps", drop_rate=0.0), states.table()
    assert batch.lengths.unique().tolist() == [12]
    trained = states.between(batch, table, skip=1)
    for step in (0, 5, 11):
        kept = [t for t in range(12) if t != step]
        rest = batch._replace(
            items=batch.items[:, kept], context=batch.context[:, kept], lengths=batch.lengths - 1
        )
        for one, two in zip(trained, states.between(rest, table, skip=0), strict=True):
            torch.testing.assert_close(one[:, step], two[:, step], rtol=1e-4, atol=1e-5)


def test_what_all_pictures_have_in_common_is_taken_off_and_their_size_is_learned() -> None:
    found = gallery().train()
    with torch.no_grad():
        vectors = found.encoder(found.read(torch.arange(5)))
    assert vectors.mean(0).abs().max() < 1e-5
    spread = vectors.std(0, correction=0)
    assert torch.allclose(spread, found.encoder.scale.expand_as(spread), rtol=0.01)
