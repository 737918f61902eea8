"""What a lake keeps of slopes and audits, made by Dask workers: each opens the lake and does its share.

A lake outgrows one machine before it outgrows the queries: a share is some hundred pairs or images of few
partitions, and only its rows come back. They are those that this process would have made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from cte_lake.pipeline.dask import WorkerSettings, results_of
from cte_lake.views.bind import Binding, Opening
from cte_lake.views.readonly import connected


@dataclass(frozen=True)
class SlopesTask:
    """Pairs to measure: the lake, the view and radius (px), and what each pair follows from."""

    opening: Opening
    view: str
    radius: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class AuditTask:
    """Images to ask: the lake, the queries, the images' names."""

    opening: Opening
    queries: Mapping[str, str]
    images: tuple[str, ...]


@dataclass(frozen=True)
class ByWorkers:
    """The work of an open lake, done by workers that open it too."""

    opening: Opening
    workers: WorkerSettings

    def slopes(self, view: str, shares: Sequence[Sequence[str]], radius: int) -> Iterator[pa.Table]:
        """Yield the rows of pairs; see `cte_lake.views.kept_slopes.KeptSlopes.rows_of`.

        Raises
        ------
        UsageError
            If no scheduler answers, or a worker dies again and again.
        """
        tasks = [SlopesTask(self.opening, view, radius, tuple(share)) for share in shares]
        yield from results_of(measure_slopes, tasks, self.workers)

    def audits(
        self, queries: Mapping[str, str], shares: Sequence[Sequence[str]]
    ) -> Iterator[dict[str, pa.Table]]:
        """Yield the rows of queries over images; errors are those of `slopes`."""
        tasks = [AuditTask(self.opening, dict(queries), tuple(share)) for share in shares]
        yield from results_of(ask_images, tasks, self.workers)


def measure_slopes(task: SlopesTask) -> pa.Table:
    """Measure a share of pairs."""
    with _bound(task.opening) as binding:
        binding.create([task.view])
        assert binding.kept is not None
        return pa.concat_tables(binding.kept.rows_of(task.view, task.radius, set(task.sources)))


def ask_images(task: AuditTask) -> dict[str, pa.Table]:
    """Ask queries of a share of images."""
    with _bound(task.opening) as binding:
        return binding.image_audits(task.queries).rows_of(task.images)


@contextlib.contextmanager
def _bound(opening: Opening) -> Iterator[Binding]:
    """Open a lake on one thread, as a worker has."""
    lake = opening.lake
    with contextlib.closing(connected(1, None, "50GB")) as connection:
        exposures = lake.dataset("exposures").rows()
        yield Binding(connection, lake, opening.mode, opening.settings, exposures, opening.generation)
