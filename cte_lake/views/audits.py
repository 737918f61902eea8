"""Runs the audits of ``sql/audits/``: queries that must return no row."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cte_lake.resources import data_dir

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Rows that are kept as examples of a failure.
_SAMPLE = 5


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
        The first few.
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
    found = []
    for path in sorted((data_dir("sql") / "audits").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        head = [line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--")]
        found.append(Audit(path.stem, " ".join(head), text))
    return tuple(found)


def run_audits(lake: Lake) -> list[AuditResult]:
    """Run all audits on an open lake."""
    results = []
    for audit in audits():
        rows = lake.sql(audit.query)
        results.append(
            AuditResult(audit.name, audit.meaning, len(rows), rows.arrow().slice(0, _SAMPLE).to_pylist())
        )
    return results
