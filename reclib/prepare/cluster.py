"""Dask: workers of our own or those of a cluster, and what becomes of faults."""

from __future__ import annotations

import errno
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed, wait
from distributed.comm.core import CommClosedError

from reclib.errors import DataError, ReclibError
from reclib.prepare.settings import Settings
from reclib.prepare.workspace import write_json
from reclib.progress import counted

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PATIENCE = 60
"""Seconds that tasks get to end once another has failed."""
LOST = (CommClosedError, CancelledError, TimeoutError, ConnectionError)
ENVIRONMENT = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1",
               "ARROW_DEFAULT_MEMORY_POOL": "system"}  # fmt: skip
CONFIG = {"distributed.comm.timeouts.connect": "10s", "distributed.scheduler.work-stealing": True,
          "distributed.scheduler.allowed-failures": 3, "distributed.worker.memory.spill": False,
          "distributed.admin.tick.limit": "1h"}  # fmt: skip

Task = Callable[..., dict[str, Any]]


class ClusterError(DataError):
    """Workers or scheduler are gone, and the work with them; what was finished is kept."""


@contextmanager
def connected(settings: Settings) -> Iterator[Client]:
    """Give a client of the cluster, or of workers of our own that end with the block.

    Raises
    ------
    ClusterError
        If there is no scheduler at the address.
    """
    with dask.config.set(CONFIG):
        if settings.cluster is None:
            with LocalCluster(
                n_workers=settings.processes, threads_per_worker=1, processes=True,
                dashboard_address=":0", memory_limit=0, env=ENVIRONMENT, silence_logs=50,
            ) as local, Client(local) as client:  # fmt: skip
                yield client
            return
        try:
            client = Client(settings.cluster, timeout=10, set_as_default=False)
        except (OSError, TimeoutError) as problem:
            remedy = "Check the address, or leave `cluster` out to use this machine."
            raise ClusterError("there is no scheduler", remedy, file=settings.cluster) from problem
        with client:
            yield client


def run_all(
    client: Client,
    task: Task,
    jobs: Sequence[tuple[Any, ...]],
    *,
    label: str,
    weights: Sequence[int],
    marks: Path | None = None,
) -> list[dict[str, Any]]:
    """Carry out a task once for each job, wherever there is room, and return what each reports.

    Parameters
    ----------
    client : distributed.Client
    task : callable
    jobs : sequence of tuple
        Arguments of each.
    label : str
        Names the bar.
    weights : sequence of int
        Rows of each job, for the bar.
    marks : Path, optional
        Where reports are kept, so that a job that was done is not done again.

    Raises
    ------
    reclib.errors.ReclibError
        If a job fails, the disk is full, or the cluster is gone.
    """
    keys = [None if marks is None else marks / f"{index:05d}.json" for index in range(len(jobs))]
    todo = [(task, job, key) for job, key in zip(jobs, keys, strict=True)]
    try:
        return list(_in_order(client, todo, label, weights))
    except KilledWorker as problem:
        remedy = "Most often memory ran out: give fewer workers or a smaller partition_mb."
        raise ClusterError(f"workers died while doing the same ({label})", remedy) from problem
    except LOST as problem:
        remedy = "Start it and give the same command again; what was finished is kept."
        raise ClusterError("the scheduler is gone", remedy) from problem


def _in_order(
    client: Client, todo: Sequence[tuple[Any, ...]], label: str, weights: Sequence[int]
) -> list[dict[str, Any]]:
    """Keep all workers busy and no more in flight, so that an error leaves little running."""
    reports: dict[int, dict[str, Any]] = {}
    places: dict[Future[Any], int] = {}
    waiting = iter(range(len(todo)))
    running = as_completed(loop=client.loop)

    def submit(count: int) -> None:
        for place in itertools.islice(waiting, count):
            future = client.submit(once, *todo[place], pure=False)
            places[future] = place
            running.add(future)

    try:
        submit(2 * max(1, sum(client.nthreads().values())))
        with counted(sum(weights), label=label) as done:
            for future in running:
                place = places.pop(future)
                reports[place] = future.result()
                done(weights[place])
                submit(1)
    except ReclibError:
        with suppress(TimeoutError), client.as_current():
            wait(list(places), timeout=PATIENCE)  # what still runs would write on after the error
        raise
    return [reports[place] for place in range(len(todo))]


def once(task: Task, job: tuple[Any, ...], key: Path | None) -> dict[str, Any]:
    """Carry out a task and keep its report; runs on a worker."""
    if key is not None and key.exists():
        return json.loads(key.read_text())
    try:
        report = task(*job)
        if key is not None:
            write_json(key, report)
        return report
    except ReclibError:
        raise
    except OSError as problem:
        if problem.errno in FULL:
            place = problem.filename or getattr(job[0], "work", None)
            remedy = "Make room and give the same command again; what was finished is kept."
            raise DataError(f"the disk is full ({problem.strerror})", remedy, file=place) from None
        raise
