"""Preparation of interactions larger than memory: from text to a split, a part at a time.

``sources`` and ``records`` read; ``reading``, ``buckets``, ``core``, ``identifiers`` and
``histories`` are the stages in order; ``cluster`` and ``workspace`` carry them out.
"""

from __future__ import annotations

from reclib.prepare.cluster import ClusterError
from reclib.prepare.generate import generated, write_ratings
from reclib.prepare.run import prepare
from reclib.prepare.settings import Settings, from_words

__all__ = ["ClusterError", "Settings", "from_words", "generated", "prepare", "write_ratings"]
