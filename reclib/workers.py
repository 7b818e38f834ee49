"""Many calls at the same time: in processes of this machine, or on the workers of a cluster."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import joblib

from reclib.errors import DataError

Result = TypeVar("Result")
PATIENCE = "10s"
"""How long a scheduler may take to answer."""
_ONE_AT_A_TIME = threading.Lock()
"""Of a process: a Dask worker may have several threads, and libraries have global state."""


def call_all(
    function: Callable[..., Result],
    calls: Sequence[tuple[object, ...]],
    *,
    workers: int,
    scheduler: str | None = None,
) -> Iterator[Result]:
    """Call a function with each of some arguments, and yield what it returns in their order.

    Parameters
    ----------
    function : callable
        Of a module that the workers can import.
    calls : sequence of tuple
        Its arguments, call by call.
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler whose workers make the calls instead.

    Raises
    ------
    reclib.errors.DataError
        If no scheduler answers at the address.
    """
    if scheduler:
        yield from _on_cluster(function, calls, scheduler)
        return
    # a worker that waited long for its next call is replaced, which is nobody's concern
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
    parallel = joblib.Parallel(n_jobs=min(workers, len(calls) or 1), return_as="generator")
    yield from parallel(joblib.delayed(function)(*call) for call in calls)


def _on_cluster(
    function: Callable[..., Result], calls: Sequence[tuple[object, ...]], scheduler: str
) -> Iterator[Result]:
    from distributed import Client  # here, because few need it

    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except OSError as problem:
        raise DataError(
            f"no Dask scheduler answers at {scheduler}",
            "Start one with 'dask scheduler', or leave the scheduler out.",
        ) from problem
    with client:
        # the same call may return something else later: nothing is remembered
        futures = [client.submit(_alone, function, *call, pure=False) for call in calls]
        for future in futures:
            yield future.result()


def _alone(function: Callable[..., Result], *call: object) -> Result:
    with _ONE_AT_A_TIME:
        return function(*call)
