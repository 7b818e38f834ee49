"""Helpers of the report, in the order in which data flows.

``datasets`` -> ``inclusion`` -> ``splits`` -> ``conditions`` -> ``recommenders`` -> ``ranking`` and
``metrics`` -> ``statistics`` -> ``ledger`` -> ``tables`` and ``figures`` -> ``report``.
Data larger than memory goes through ``prepare`` to a split.
"""

from __future__ import annotations

__version__ = "0.1.0"
