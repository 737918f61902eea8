"""Each chip's losses from a lake: choose the exposures, read their stars, solve, keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake import clock
from cte_lake.correction.chip_stars import read_stars
from cte_lake.correction.followed import KINDS
from cte_lake.digests import digest
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.schemas import dataset
from cte_lake.lake.selection import Selection
from cte_lake.model.bins import non_overlapping
from cte_lake.model.chips.conditions import ROLLED, Rolled
from cte_lake.model.chips.losses import ChipLosses
from cte_lake.model.chips.rows import Exposures, StarRows
from cte_lake.model.chips.solve import Method, Run, Task, solve
from cte_lake.model.chips.sums import pass_over
from cte_lake.model.points import MIN_STARS
from cte_lake.pipeline.dask import Held, WorkerSettings, hold
from cte_lake.radii import measured_radius
from cte_lake.wording import count_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cte_lake.api import Lake
    from cte_lake.config.models import Workers
    from cte_lake.model.chips.rows import StarState
    from cte_lake.model.chips.sums import Sums

#: How exposures were measured: those that differ in it are not solved together.
_MEASURED = ("cr_masked", "flux_scaled", "settings_hash", "pam")
#: Measurements from which on worker processes are worth their start.
_MANY = 4_000_000


@dataclass(frozen=True)
class ChipRequest:
    """What to solve for.

    Attributes
    ----------
    selection : Selection
        Which exposures; one solution is of one target, filter, length and file type.
    aperture : int
        Radius, px.
    zero_per_bin : bool
        Whether each flux bin of an exposure has its own zero point (`cte_lake.model.chips.solve.Method`).
    rolled : str or None
        Target of a 180-degree set that fixes what the exposures leave open.
    min_stars : int
        Fewest stars of a loss that is given.
    workers : WorkerSettings or None
        Where; None: worker processes of the configuration where there are very many measurements.
    """

    selection: Selection = field(default_factory=Selection)
    aperture: int = 3
    zero_per_bin: bool = False
    rolled: str | None = None
    min_stars: int = MIN_STARS
    workers: WorkerSettings | None = None

    def __post_init__(self) -> None:
        measured_radius(self.aperture)
        if self.min_stars < 1:
            raise UsageError(f"min_stars is {self.min_stars}; a loss needs at least 1 star")


@dataclass(frozen=True, eq=False)
class LakeChips(ChipLosses):
    """Losses of chips with what they were solved from: kind, radius (px), hash of all of it, notes."""

    kind: dict[str, str] = field(default_factory=dict)
    mode: str = ""
    aperture: int = 3
    solution_hash: str = ""
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return what a notebook shows of it: a line, not its arrays."""
        of = " ".join(self.kind.values())
        return (
            f"<LakeChips: {of}, {count_text(len(self.exposures.names), 'exposure')}; table() has the losses>"
        )

    def sentences(self) -> list[str]:
        """Say what was left open and by what it was fixed, and what does not count."""
        return [*super().sentences(), *self.notes]

    def table(self) -> pa.Table:
        """Return the losses as a table with units, a row each in the order of `covariance`."""
        columns = {column.name: column for column in dataset("chips").columns}
        rows = [self._common() | row for row in self.rows()]
        schema = dataset("chips").schema()
        hidden = {"solved_at", "software", "mode"}
        names = [name for name in columns if name not in hidden]
        return pa.Table.from_pylist(
            [{name: row.get(name) for name in names} for row in rows],
            schema=pa.schema([schema.field(name) for name in names]),
        )

    def _common(self) -> dict[str, Any]:
        fixed = "; ".join(sorted(set(self.solution.fixed_by))) or "the data"
        return {
            **self.kind,
            "aperture": self.aperture,
            "mode": self.mode,
            "solution": self.solution_hash,
            "fixed_by": fixed,
        }


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The exposures of a request."""

    rows: list[dict[str, Any]]
    kind: dict[str, str]
    notes: tuple[str, ...]


def solve_chips(lake: Lake, request: ChipRequest) -> LakeChips:
    """Solve for the losses of each chip of a lake's exposures.

    Raises
    ------
    NothingToDo
        If no exposure is selected, or no star counts.
    UsageError
        If the exposures are of several kinds, the rolled set does not fix what they leave open, or a worker
        is lost.
    FitRefused
        If nothing can be solved.
    """
    settings = lake.settings()
    bins = non_overlapping(settings.config.measure.flux_bins)
    chosen = _choose(lake, request)
    rolled = () if request.rolled is None else _of_rolled_set(lake, request, request.rolled, bins)
    exposures, groups, left_out = read_stars(lake, chosen.rows, request.aperture, bins)
    levels = [group.mean_log(exposures.zero) for group in groups]
    method = Method(request.zero_per_bin, rolled)
    pool = request.workers or _pool(settings.config.workers, left_out.rows)
    with hold(groups, pool) as held:
        # The workers hold the stars now.
        groups.clear()
        found = solve(levels, exposures, _on(held, exposures), method)
    if rolled and found.fixed_by and ROLLED not in found.fixed_by:
        raise UsageError(
            f"{request.rolled} has no flux bin at a post-flash level of these exposures, so that it cannot "
            "fix their chips' difference; leave --rolled out, or choose a set of the same levels"
        )
    return LakeChips(
        exposures,
        found,
        left_out,
        request.min_stars,
        chosen.kind,
        settings.config.photometry.mode,
        request.aperture,
        _hash(chosen.rows, request, settings.hash("measure")),
        chosen.notes,
    )


def _of_rolled_set(
    lake: Lake, request: ChipRequest, target: str, bins: Sequence[tuple[float, float]]
) -> tuple[Rolled, ...]:
    selection = replace(request.selection, target=(target,), proposal=(), visit=(), flash=())
    losses = solve_chips(lake, replace(request, selection=selection, rolled=None))
    if losses.solution.determined.open_tilts:
        # Its chips' difference would be that of its own condition, passed on as if it were measured.
        raise UsageError(
            f"the exposures of {target} do not determine each chip alone, for every star keeps its row; "
            "--rolled takes a target whose stars were observed at rolls 180 degrees apart"
        )
    return losses.rolled(bins)


def keep_chips(lake: Lake, losses: LakeChips) -> bool:
    """Keep losses in the lake, where the view ``chips`` shows them; whether they were new."""
    known = lake.sql(
        "SELECT count(*) AS n FROM chips WHERE solution = $solution", solution=losses.solution_hash
    ).rows()
    if known[0]["n"]:
        return False
    # The newest counts, also after a clock was set back, or within a second.
    last = lake.sql("SELECT max(solved_at) AS at FROM chips").rows()[0]["at"]
    after = datetime.fromisoformat(last) + timedelta(seconds=1) if last else clock.now()
    lake.stored.dataset("chips").append(kept_rows(losses, max(after, clock.now())))
    return True


def kept_rows(losses: LakeChips, solved_at: datetime) -> pa.Table:
    """Return losses as rows of the dataset ``chips``."""
    from cte_lake import __version__

    common = losses._common() | {
        "solved_at": solved_at.isoformat(timespec="seconds"),
        "software": __version__,
    }
    rows = [common | row for row in losses.rows()]
    return pa.Table.from_pylist(rows, schema=dataset("chips").schema())


def _choose(lake: Lake, request: ChipRequest) -> _Chosen:
    selection = lake.select(request.selection).of_losses()
    condition, values = selection.where()
    rows = lake.sql(f"FROM chip_exposures WHERE {condition} ORDER BY mjd, imagename", **values).rows()
    if not rows:
        exposures = lake.sql("FROM chip_exposures").rows()
        raise NothingToDo(f"nothing to solve: {selection.nothing_among(exposures, 'exposure')}")
    for name in KINDS:
        found = sorted({str(row[name]) for row in rows})
        if len(found) > 1:
            raise UsageError(f"the exposures are of {name} {', '.join(found)}; choose one with --{name}")
    ways: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        ways.setdefault(tuple(row[name] for name in _MEASURED), []).append(row)
    largest = max(ways.values(), key=len)
    others = len(rows) - len(largest)
    notes = (
        (
            f"{count_text(others, 'exposure')} left out, measured otherwise than the {len(largest)} others "
            "(cosmic-ray masks, FLUXCORR, settings or pixel area map)",
        )
        if others
        else ()
    )
    return _Chosen(largest, {name: str(largest[0][name]) for name in KINDS}, notes)


def _pool(configured: Workers, rows: int) -> WorkerSettings:
    spread = rows >= _MANY and find_spec("distributed") is not None
    return WorkerSettings.of(configured, None if spread else 0)


def _pass(rows: StarRows, argument: tuple[Task, Exposures]) -> tuple[Sums, StarState]:
    task, exposures = argument
    return pass_over(rows, task.state, task.terms, exposures, task.last, task.judge)


def _on(held: Held[StarRows], exposures: Exposures) -> Run:
    def run(tasks: Sequence[Task]) -> Iterator[tuple[Sums, StarState]]:
        return held(_pass, [(task.group, (task, exposures)) for task in tasks])

    return run


def _hash(rows: list[dict[str, Any]], request: ChipRequest, config_hash: str) -> str:
    content = [
        sorted(str(row["phot_key"]) for row in rows),
        request.aperture,
        request.zero_per_bin,
        request.rolled,
        request.min_stars,
        config_hash,
    ]
    return digest(content)
