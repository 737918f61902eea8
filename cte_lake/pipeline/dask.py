"""The one place that knows clusters: independent tasks in, their outcomes out as they come."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from cte_lake.errors import UsageError
from cte_lake.pipeline.children import deaf_children, signals_wait
from cte_lake.pipeline.private import private_folder

if TYPE_CHECKING:
    from distributed import Client

    from cte_lake.config.models import Workers

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Seconds to wait for a scheduler that was named.
_CONNECT_TIMEOUT = 10
#: Seconds to wait for the end of a worker that was killed.
_END_TIMEOUT = 10
#: One thread a worker in every library.
_LOCAL_CLUSTER = {
    "distributed.nanny.environ": {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
}


@dataclass(frozen=True)
class Done(Generic[Task, Result]):
    """A finished task: its result, or the error that ended it."""

    task: Task
    result: Result | None
    error: BaseException | None


@dataclass(frozen=True)
class WorkerSettings:
    """Where tasks run.

    Attributes
    ----------
    count : int
        Worker processes on this machine; 0: in the calling process. Ignored with a scheduler.
    scheduler : str or None
        Address of a running Dask scheduler.
    memory_limit : str
        Memory limit of a local worker, ``4GB``.
    retries : int
        How often a task is tried again after its worker died.
    """

    count: int = 2
    scheduler: str | None = None
    memory_limit: str = "4GB"
    retries: int = 2

    @classmethod
    def of(
        cls, configured: Workers, count: int | None = None, scheduler: str | None = None
    ) -> WorkerSettings:
        """Return the configured workers, with another count or a scheduler where one is given."""
        chosen = configured.count if count is None else count
        return cls(chosen, scheduler, configured.memory_limit, configured.retries)


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: WorkerSettings
) -> Iterator[Done[Task, Result]]:
    """Run `function` on each task and yield each outcome when it is there.

    A task may run twice (its worker died, or Dask moved it): it must be idempotent. A task that raises ends
    alone; the others go on. No cluster is started for no task.

    Raises
    ------
    UsageError
        If the scheduler that was named does not answer.
    """
    if not tasks:
        return
    if workers.scheduler is None and workers.count == 0:
        yield from _run_here(function, tasks)
        return
    with _client(workers, len(tasks)) as client:
        yield from _run_on(client, function, tasks, workers.retries)


def _run_here(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Done[Task, Result]]:
    for task in tasks:
        try:
            result = function(task)
        except Exception as error:
            yield Done(task, None, error)
        else:
            yield Done(task, result, None)


def _run_on(
    client: Client, function: Callable[[Task], Result], tasks: Sequence[Task], retries: int
) -> Iterator[Done[Task, Result]]:
    from distributed import as_completed

    futures = {client.submit(function, task, pure=False, retries=retries): task for task in tasks}
    # A finished future is dropped at once, so that ten thousand results do not pile up on the scheduler.
    for future in as_completed(list(futures)):
        task = futures.pop(future)
        try:
            # Not by its status: a worker may die between finishing a task and handing its result over.
            # Dask then runs the task again, and the result comes later.
            result = future.result()
        except Exception as error:
            yield Done(task, None, error)
        else:
            yield Done(task, result, None)


def results_of(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: WorkerSettings
) -> Iterator[Result]:
    """Yield the results of tasks of which none may fail, as they come; see `run_tasks`.

    Raises
    ------
    UsageError
        If no scheduler answers, or a worker dies again and again.
    Exception
        What a task raised.
    """
    for done in run_tasks(function, tasks, workers):
        if done.error is None:
            yield cast(Result, done.result)
            continue
        if type(done.error).__name__ == "KilledWorker":
            raise UsageError(
                "a worker process died again and again (out of memory?); try fewer workers"
            ) from done.error
        raise done.error


Item = TypeVar("Item")
Argument = TypeVar("Argument")


class Held(Generic[Item]):
    """Items that stay where they are worked on while functions of them are called again and again."""

    def __init__(self, items: Sequence[Item], client: Client | None) -> None:
        self._client = client
        # One by one: all of them at once would be one message.
        self._items = list(items) if client is None else [client.scatter(item, hash=False) for item in items]

    def __call__(
        self, function: Callable[[Item, Argument], Result], arguments: Sequence[tuple[int, Argument]]
    ) -> Iterator[Result]:
        """Yield ``function(item, argument)`` for each number of an item and argument, in their order.

        Raises
        ------
        UsageError
            If a worker died with the items that it held.
        """
        if self._client is None:
            yield from (function(self._items[number], argument) for number, argument in arguments)
            return
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        submit = self._client.submit
        futures = [
            submit(function, self._items[number], argument, pure=False) for number, argument in arguments
        ]
        futures.reverse()
        while futures:
            try:
                yield futures.pop().result()
            except (CancelledError, KilledWorker) as error:
                raise UsageError(
                    "a worker process died with the stars that it held (out of memory?); "
                    "try fewer workers, or --workers 0"
                ) from error


@contextlib.contextmanager
def hold(items: Sequence[Item], workers: WorkerSettings) -> Iterator[Held[Item]]:
    """Hold items in the workers' memory, or in this process for no workers.

    Raises
    ------
    UsageError
        If the scheduler that was named does not answer.
    """
    if workers.scheduler is None and workers.count == 0:
        yield Held(items, None)
        return
    with _client(workers, len(items)) as client:
        yield Held(items, client)


@contextlib.contextmanager
def _client(workers: WorkerSettings, n_tasks: int) -> Iterator[Client]:
    from distributed import Client

    # Dask's own chatter (lost workers, unresponsive loops) says nothing that the outcome does not say better.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    for name in ("asyncio", "tornado.application"):
        logging.getLogger(name).addFilter(_of_others)
    if workers.scheduler is not None:
        try:
            client = Client(workers.scheduler, timeout=_CONNECT_TIMEOUT)
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(f"no Dask scheduler answers at {workers.scheduler}: {error}") from error
        with client:
            yield client
        return
    from cte_lake.pipeline.dask_nodes import local_cluster

    count = min(workers.count, n_tasks)
    with private_folder() as scratch, _ended_workers(), _own_settings(), contextlib.ExitStack() as cluster:
        # One that is left half started goes on to start workers on its own.
        with signals_wait(), deaf_children():
            nodes = local_cluster(count, workers.memory_limit, str(scratch), logging.CRITICAL)
            client = cluster.enter_context(Client(cluster.enter_context(nodes)))
        yield client


def _of_others(record: logging.LogRecord) -> bool:
    """Whether a message is none of an error that passed through Dask, which raises it here as well."""
    error = record.exc_info[1] if record.exc_info else None
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return not any("distributed" in Path(frame.filename).parts for frame in frames)


@contextlib.contextmanager
def _ended_workers() -> Iterator[None]:
    """End workers that a signal left behind: one that was starting would make its folder anew."""
    before = set(multiprocessing.active_children())
    try:
        yield
    finally:
        for worker in set(multiprocessing.active_children()) - before:
            worker.kill()
            worker.join(_END_TIMEOUT)


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """Let a cluster on this machine run by Dask's defaults, whatever configuration files are about."""
    import copy

    import dask

    theirs = copy.deepcopy(dask.config.config)
    dask.config.refresh(paths=[], env={})
    try:
        with dask.config.set(_LOCAL_CLUSTER):
            yield
    finally:
        dask.config.config.clear()
        dask.config.config.update(theirs)
