"""What a notebook opens: one dataset with its splits, settings and ledger in one object."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import torch

from reclib import datasets, inclusion, recommenders, search
from reclib.errors import ProtocolUnsupported
from reclib.experiment import join_run, run_with_twins
from reclib.inclusion.honesty import dishonest
from reclib.ledger import Ledger, Run
from reclib.metrics import CUTOFFS
from reclib.progress import track
from reclib.ranking import check_cutoff
from reclib.recommenders.deep.features import bags
from reclib.searches import Searches
from reclib.spec import (
    SAME_PARTS,
    Spec,
    ablated,
    base_of,
    conditioned,
    for_unseen,
    grid,
    seeded,
    shares_fit,
    stand_in,
)
from reclib.splits import Split, make_split
from reclib.workers import call_all

SCHEDULER = "RECLIB_SCHEDULER"
"""Environment variable with the address of the Dask scheduler that makes the runs."""

__all__ = ["Spec", "Study", "ablated", "conditioned", "for_unseen", "grid"]


@dataclass(frozen=True)
class Study(Searches):
    """One dataset under study: from the raw files to the ledger of its runs.

    Parameters
    ----------
    name : str
        Catalogue name of the dataset, or the path of a folder.
    edition : {"quick", "full"}
        ``quick`` uses the committed settings, ``full`` searches again.
    data_dir : str, optional
        Where downloaded datasets lie; ``RECLIB_DATA`` or the user's cache by default.
    build_dir : str
        Where splits and the ledger are kept.
    seed : int
        Seed of the splits and, unless a run says otherwise, of the recommenders.
    min_user, min_item : int
        Fewest interactions that a user and an item need to be included (k-core); no fewer than
        the dataset's own form asks for.
    cutoff : int
        The k that the study looks at, measured beside 5, 10 and 20.
    workers : int
        Runs made at the same time, each in a process and with one thread of its own.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, on whose workers the runs
        are made instead, one at a time on each; ``RECLIB_SCHEDULER`` by default. The workers see
        ``build_dir`` and the data under the same paths, and have the same environment.
    """

    name: str
    edition: str = "quick"
    data_dir: str | None = None
    build_dir: str = "build"
    seed: int = 2026
    min_user: int = 1
    min_item: int = 1
    cutoff: int = 10
    workers: int = 2
    scheduler: str | None = None

    @classmethod
    def open(cls, name: str, **options: Any) -> Self:
        """Open a study; paths become absolute so that workers find them too.

        Raises
        ------
        reclib.errors.UnknownName
            For a dataset that is neither in the catalogue nor a folder.
        """
        options["scheduler"] = options.get("scheduler") or os.environ.get(SCHEDULER)
        options["build_dir"] = str(Path(options.get("build_dir", "build")).resolve())
        if options.get("data_dir"):
            options["data_dir"] = str(Path(options["data_dir"]).expanduser().resolve())
        return cls(name, **options)

    @cached_property
    def inclusion(self) -> inclusion.Inclusion:
        """The criteria of inclusion and what each removed."""
        raw = datasets.load(self.name, self.data_dir)
        core = entry.core if (entry := datasets.find(self.name)) else 1
        fewest = {"min_user": max(core, self.min_user), "min_item": max(core, self.min_item)}
        return inclusion.include(raw, **fewest)

    @property
    def dataset(self) -> datasets.Dataset:
        """The dataset after inclusion."""
        return self.inclusion.dataset

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger of this build."""
        return Ledger(Path(self.build_dir) / "ledger")

    def split(self, protocol: str, fold: int = 0) -> Split:
        """Return the sealed split of a protocol, made on first use."""
        folder = Path(self.build_dir) / "splits"
        return make_split(self.dataset, protocol, fold=fold, seed=self.seed, folder=folder)

    def split_of(self, spec: Spec) -> Split:
        """Return the split that a run is ranked on, under its condition."""
        split = self.split(spec.protocol, spec.fold)
        made = split if spec.condition is None else spec.condition(split)
        return made.at(spec.stage)

    def settings(self, recommender: str, protocol: str) -> dict[str, Any]:
        """Return the settings chosen on valid for this dataset, else the defaults."""
        if members := recommenders.CATALOGUE[recommender].fixed.get("members"):
            return {"members": {name: self.settings(name, protocol) for name in members}}
        chosen = search.read_settings(self.dataset.name)
        own = chosen.get(protocol, {}).get(recommender)
        shared = chosen.get(stand_in(recommender, protocol), {}).get(recommender, {})
        return dict(shared if own is None else own)

    def supported(self, protocols: Iterable[str]) -> list[str]:
        """Return those of the protocols that the data can support, in the order given."""
        return [protocol for protocol in protocols if self._supports(protocol)]

    @property
    def by_content(self) -> list[str]:
        """Recommenders by content alone that this data can support."""
        data = self.dataset
        ids = data.interactions["item_id"].unique()
        return ["content"] if bags(data.items, "item_id", ids, data.kinds).n_levels else []

    def honest(self, protocols: Iterable[str]) -> list[str]:
        """Return the supported protocols, without those that the data does not deserve."""
        doubtful = dishonest(self.dataset)
        return [name for name in self.supported(protocols) if name not in doubtful]

    def _supports(self, protocol: str) -> bool:
        try:
            self.split(protocol)
        except ProtocolUnsupported:
            return False
        return True

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """Cutoffs at which every run is measured.

        Raises
        ------
        reclib.errors.DataError
            If the study's cutoff is larger than the catalogue.
        """
        check_cutoff(self.cutoff, self.dataset.n_items)
        return tuple(sorted({*CUTOFFS, self.cutoff}))

    def searchable(self, recommender: str) -> bool:
        """Return whether a recommender has settings to choose."""
        return bool(recommenders.CATALOGUE[recommender].space)

    def run(self, spec: Spec, kind: str = "run") -> Run:
        """Make one run, or fetch it from the ledger when nothing it depends on has changed.

        A trial takes its settings as they are, a run on top of those chosen before.
        """
        splits, options = self._prepared(spec, kind)
        runs = run_with_twins(spec.recommender, splits[0], kind=kind, twins=splits[1:], **options)
        return next(run for run in runs if run.row["protocol"] == spec.protocol)

    def join(self, spec: Spec) -> None:
        """Train beside another process that makes the run, and write nothing.

        For all processes but the first of a training that several share; see `reclib.launch`.
        """
        splits, options = self._prepared(spec, "run")
        join_run(spec.recommender, splits, **options)

    def _prepared(self, spec: Spec, kind: str) -> tuple[list[Split], dict[str, Any]]:
        """Return the split that is fitted on, those it serves too, and the options of the run."""
        base = base_of(spec)
        chosen = {} if kind == "trial" else self.settings(spec.recommender, base)
        protocols = [base, *self._twins(spec, base)]
        return [self.split_of(replace(spec, protocol=protocol)) for protocol in protocols], {
            "settings": chosen | dict(spec.settings),
            "seed": self.seed if spec.seed is None else spec.seed,
            "ledger": self.ledger,
            "cutoffs": self.cutoffs,
            "condition": None if spec.condition is None else spec.condition.origin,
        }

    def _twins(self, spec: Spec, base: str) -> list[str]:
        """Return the protocols that are measured with the base, since it is fitted anyway."""
        if not shares_fit(spec):
            return []
        same = [name for name, other in SAME_PARTS.items() if other == base]
        return self.supported([name for name in same if shares_fit(replace(spec, protocol=name))])

    def run_all(self, specs: Iterable[Spec], label: str = "runs", kind: str = "run") -> list[Run]:
        """Make many runs, ``workers`` at a time, and return them in the order given.

        A crash or Ctrl-C loses only the runs under way: each writes its row as it ends.

        Raises
        ------
        reclib.errors.DataError
            If no scheduler answers at the address given.
        """
        wanted = [seeded(spec, self.seed) for spec in specs]
        check_cutoff(self.cutoff, self.dataset.n_items)
        fitted = {repr(each): each for each in (replace(s, protocol=base_of(s)) for s in wanted)}
        todo = list(fitted.values())
        fields = asdict(self) | {"scheduler": None}
        made_there = call_all(
            _run_in_worker,
            [(fields, each, kind) for each in todo],
            workers=self.workers,
            scheduler=self.scheduler,
        )
        runs = track(made_there, total=len(todo), label=label)
        made = dict(zip(fitted, runs, strict=True))
        return [made.get(repr(spec)) or self.run(spec, kind) for spec in wanted]


@lru_cache(maxsize=1)
def _open_in_worker(**fields: Any) -> Study:
    """Keep the last study open: a worker makes many runs on the same data."""
    return Study(**fields)


def _run_in_worker(fields: dict[str, Any], spec: Spec, kind: str) -> Run:
    torch.set_num_threads(1)  # two runs with two threads each get in each other's way
    return _open_in_worker(**fields).run(spec, kind)
