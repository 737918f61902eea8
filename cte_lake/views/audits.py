"""Runs the audits: queries of ``sql/audits/``, those of the views' keys, and the alarm; no row is well."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from cte_lake import clock
from cte_lake.errors import LakeError
from cte_lake.lake.stored import StoredLake
from cte_lake.resources import data_dir
from cte_lake.views.source import Key, SqlObject, sql_objects

if TYPE_CHECKING:
    import pyarrow as pa

    from cte_lake.pipeline.dask import WorkerSettings

#: Name of the audit that compares the newest epoch with the earlier ones.
ALARM: Final = "departing_epoch"
#: Rows that are kept as examples of a failure.
SAMPLE = 5
_LAST: Final = "logs/audit.json"


class Rows(Protocol):
    """Rows of a query."""

    def arrow(self) -> pa.Table:
        """Return them as an Arrow table."""


class Queried(Protocol):
    """What answers SQL: an open lake."""

    def own(self, name: str) -> Rows:
        """Answer a query of ours, such as an audit's."""

    def sql(self, query: str) -> Rows:
        """Run one query that reads."""

    def audit_images(
        self, queries: Mapping[str, str], share: float, workers: WorkerSettings | None = None
    ) -> dict[str, pa.Table]:
        """Return the rows of audits over images, of which it keeps the answers."""


@dataclass(frozen=True)
class Audit:
    """One audit: the file's name, what a row of it means, and the query."""

    name: str
    meaning: str
    query: str


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Attributes
    ----------
    name, meaning : str
        The audit, and what a row of it means.
    n_rows : int
        Rows found; 0 is well.
    sample : list of dict
        The first few; of the alarm all.
    """

    name: str
    meaning: str
    n_rows: int
    sample: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the lake is well in this respect."""
        return self.n_rows == 0

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return vars(self) | {"passed": self.passed}


@functools.cache
def audits() -> tuple[Audit, ...]:
    """All audits by name; the head comment of a file says what a row of it means."""
    found = [_of_key(each, each.key) for each in sql_objects() if each.key is not None]
    for path in sorted((data_dir("sql") / "audits").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        head = [line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--")]
        # A view that a comment names would be made for nothing, and of `slopes` its measurement planned.
        query = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
        found.append(Audit(path.stem, " ".join(head), query))
    return tuple(sorted(found, key=lambda audit: audit.name))


def _of_key(view: SqlObject, key: Key) -> Audit:
    columns = ", ".join(key.columns)
    return Audit(
        key.audit,
        f"A row is a key of {view.name} ({columns}) that more than one of its rows has.",
        f"SELECT {columns}, count(*) AS n_rows FROM {view.name} GROUP BY {columns} "
        f"HAVING count(*) > 1 ORDER BY {columns}",
    )


#: Audits whose every row is about one image, and follows from its photometry, exposure row and catalog.
OF_IMAGES = frozenset(
    {"duplicate_star", "exposure_without_photometry", "impossible_value", "unknown_flag", "unknown_star"}
)
#: Slopes that the alarm looks at.
_LOSSES = """
FROM cte
WHERE pairing = 'chips' AND estimator = 'log_ratio' AND cte_loss IS NOT NULL ORDER BY pair_id, bin_lo, bin_hi
"""


def departing_epoch(lake: Queried) -> AuditResult:
    """Return whether the newest epoch of each mode is what the earlier ones predict."""
    # The model's libraries take a while to load, and of a lake's other audits none needs them.
    from cte_lake.model.alarm import LIMIT, alarms

    rows = alarms(lake.sql(_LOSSES).arrow())
    meaning = (
        "A row is a target, filter, length and file type whose newest epoch departs from what the earlier "
        f"ones predict by more than {LIMIT:g} errors."
    )
    return AuditResult(ALARM, meaning, len(rows), rows)


def run_audits(
    lake: Queried, share: float | None = None, workers: WorkerSettings | None = None
) -> list[AuditResult]:
    """Run all audits on an open lake: the queries, and the alarm of the newest epoch.

    Parameters
    ----------
    lake : Queried
        The open lake.
    share : float, optional
        The audits of single images are asked of images that are new or changed, and of this share of the
        others; the lake keeps which are well. By default all images are asked and nothing is kept.
    workers : WorkerSettings, optional
        Who asks the audits of single images, with a `share`; by default this process.
    """
    kept = {}
    if share is not None:
        kept = lake.audit_images(
            {each.name: each.query for each in audits() if each.name in OF_IMAGES}, share, workers
        )
    results = []
    for audit in audits():
        rows = kept[audit.name] if audit.name in kept else lake.own(audit.name).arrow()
        sample = rows.slice(0, SAMPLE).to_pylist()
        results.append(AuditResult(audit.name, audit.meaning, rows.num_rows, sample))
    return [*results, departing_epoch(lake)]


def record_audits(lake: StoredLake, results: Sequence[AuditResult]) -> None:
    """Keep the rows that audits found, for the night; a lake that cannot be written keeps nothing."""
    rows = {result.name: result.sample for result in results if not result.passed}
    meanings = {result.name: result.meaning for result in results if not result.passed}
    record = {"at": clock.now().isoformat(timespec="seconds"), "rows": rows, "meanings": meanings}
    with contextlib.suppress(OSError, LakeError):
        (lake / _LAST).write_bytes(json.dumps(record, indent=1, default=str).encode())


def last_audits(lake: StoredLake) -> dict[str, Any] | None:
    """Return when the audits were last run (at), rows and meanings of those that failed; None without."""
    try:
        found = json.loads((lake / _LAST).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"at", "rows", "meanings"} <= found.keys() else None
