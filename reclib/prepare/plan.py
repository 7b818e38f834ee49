"""What every task of a preparation has to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reclib.prepare.settings import Settings
from reclib.prepare.sources import Partition

UInt64Array = npt.NDArray[np.uint64]
MOST_BITS = 10


@dataclass(frozen=True)
class Plan:
    """Partitions of the input, buckets of ids, and where products lie.

    Parameters
    ----------
    settings : Settings
    work : Path
        Folder of unfinished work, seen by all workers.
    partitions : tuple of Partition
    bits : int
        Ids go to ``2 ** bits`` buckets, by the first bits of their hash. The result does not
        depend on it.
    """

    settings: Settings
    work: Path
    partitions: tuple[Partition, ...]
    bits: int

    @property
    def n_buckets(self) -> int:
        """Number of buckets."""
        return 1 << self.bits

    def paths(self, name: str, count: int | None = None) -> list[Path]:
        """Return the products of a stage, by default one for each bucket."""
        return [self.path(name, index) for index in range(count or self.n_buckets)]

    def path(self, name: str, index: int) -> Path:
        """Return where a product of a stage lies."""
        return self.work / name / f"{index:05d}.arrow"

    def read_paths(self, name: str) -> list[Path]:
        """Return the products of the reading stage, one for each partition."""
        return self.paths(name, len(self.partitions))

    def bounds(self, hashes: UInt64Array) -> npt.NDArray[np.int64]:
        """Return where each bucket begins, and the last ends, in sorted hashes."""
        edges = np.arange(1, self.n_buckets, dtype=np.uint64) << np.uint64(64 - max(self.bits, 1))
        inner = np.searchsorted(hashes, edges[: self.n_buckets - 1])
        return np.concatenate([[0], inner, [len(hashes)]]).astype(np.int64)


def bits_for(rows: int, rows_per_bucket: int) -> int:
    """Return the bits of a hash that make buckets of about so many rows."""
    return min(MOST_BITS, max(0, int(np.ceil(np.log2(max(rows, 1) / rows_per_bucket)))))
