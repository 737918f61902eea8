"""Options that several commands share, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli import complete
from cte_lake.cli.app import Options
from cte_lake.errors import LakeError, UsageError
from cte_lake.names import ESTIMATORS, one_of

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings
    from cte_lake.config.models import Workers
    from cte_lake.lake.selection import Selection
    from cte_lake.lake.stored import StoredLake
    from cte_lake.names import Estimator
    from cte_lake.pipeline.dask import WorkerSettings

#: What is taken for an MJD: from the year of the launch to 2099.
_MJD_RANGE = (54800.0, 88070.0)


def panel(title: str | None) -> Callable[..., Any]:
    """Return what makes an option of its flag and its help, for a panel of the help; None: its first one."""

    def made(flag: str, text: str, **settings: Any) -> Any:
        return typer.Option(flag, help=text, rich_help_panel=title, **settings)

    return made


option = panel(None)
LakeOption = Annotated[
    str | None,
    option(
        "--lake",
        "Lake: a folder or s3://BUCKET/PREFIX. Default: CTE_LAKE_LAKE, else the nearest folder "
        "upward that has a cte_lake.toml.",
        metavar="LAKE",
        show_default=False,
    ),
]
PathsArgument = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders and globs; - reads paths from standard input, one per line.", metavar="PATH..."
    ),
]
SetOption = Annotated[
    list[str] | None,
    option(
        "--set",
        "Set a configuration key for this run; repeatable. `config show` lists them.",
        metavar="KEY=VALUE",
        show_default=False,
    ),
]
ModeOption = Annotated[
    str | None,
    option(
        "--mode", "Photometry mode to use; else photometry.mode of the configuration.", show_default=False
    ),
]


selecting = panel("Selection")
ProposalOption = Annotated[list[int] | None, selecting("--proposal", "Only this proposal; repeatable.")]
VisitOption = Annotated[
    list[str] | None, selecting("--visit", "Only this visit (characters 5-6 of the root name); repeatable.")
]
TargetOption = Annotated[
    list[str] | None,
    selecting(
        "--target",
        "Only this target, such as ngc104 or 'NGC 104'; repeatable.",
        autocompletion=complete.targets,
    ),
]
OneTargetOption = Annotated[
    str,
    option(
        "--target",
        "Target of the catalog, in any configured spelling: ngc104, 47 Tuc.",
        autocompletion=complete.targets,
    ),
]
FlashOption = Annotated[
    list[int] | None, selecting("--flash", "Only this post-flash level, e-/px; repeatable.")
]
FiletypeOption = Annotated[
    list[str] | None,
    selecting("--filetype", "Only flt or flc; repeatable.", autocompletion=complete.of("flt", "flc")),
]
FilterOption = Annotated[
    list[str] | None, selecting("--filter", "Only this filter, such as F502N; repeatable.")
]
LengthOption = Annotated[
    list[str] | None,
    selecting("--length", "Only short (s, up to chips.short_limit) or long exposures (l); repeatable."),
]
GenerationOption = Annotated[
    list[str] | None,
    selecting(
        "--generation",
        (
            "Calibration generation, such as cte2_54l1347ei or its beginning; newest (the default: of each "
            "target and file type) or all."
        ),
        metavar="NAME",
    ),
]
ChinjectOption = Annotated[
    list[str] | None,
    selecting(
        "--chinject",
        "Charge injection: none (the default), cont, line10, line17, line25 or all; repeatable.",
        metavar="MODE",
    ),
]
WorkersOption = Annotated[
    int | None,
    option(
        "--workers", "Number of worker processes; 0 works in this process. Default: workers.count.", min=0
    ),
]
HelpersOption = Annotated[
    int | None,
    option(
        "--workers",
        "Number of worker processes for results that the lake does not keep yet. Default: none; "
        "worthwhile for very many exposures.",
        min=0,
    ),
]
SchedulerOption = Annotated[
    str | None, option("--scheduler", "Use the running Dask scheduler at this address, tcp://HOST:PORT.")
]
_complete_estimators = complete.of("mean_flux", "log_ratio", "both_in_bin")
_ESTIMATORS = (
    "Estimator of the slopes: log_ratio (no chip zero point enters), mean_flux, both_in_bin (as in 2017)"
)
EstimatorOption = Annotated[
    str | None,
    option(
        "--estimator",
        f"{_ESTIMATORS}; default: measure.estimator.",
        show_default=False,
        autocompletion=_complete_estimators,
    ),
]
LogEstimatorOption = Annotated[
    str, option("--estimator", f"{_ESTIMATORS}.", autocompletion=_complete_estimators)
]
RadiusOption = Annotated[
    int | None, option("--radius", "Aperture radius, px; default: measure.aperture.", show_default=False)
]
UnitOption = Annotated[
    str,
    option(
        "--unit",
        "Losses in percent (of the flux per 2048 rows) or mag (magnitudes per 2051 rows).",
        autocompletion=complete.of("percent", "mag"),
    ),
]
DryRunOption = Annotated[bool, option("--dry-run", "Print the plan and change nothing.")]
JsonOption = Annotated[bool, option("--json", "Print the result as JSON on standard output.")]
UntilOption = Annotated[str | None, selecting("--until", "Only up to this date, MJD or 2016-12-31.")]
ProgressOption = Annotated[
    bool, option("--progress/--no-progress", "Show a progress bar, if there is a terminal.")
]


@dataclass(frozen=True)
class LakeOptions(Options):
    """The lake that is asked, and by which settings."""

    lake: LakeOption = None
    mode: ModeOption = None
    assignments: SetOption = None

    def opened(self, **flags: Any) -> Lake:
        """Open it; flags that are given go on top of its settings, as in `settings_of`."""
        from cte_lake.api import open_lake
        from cte_lake.lake.stored import find_lake

        root = find_lake(self.lake)
        return open_lake(root, self.mode, settings=settings_of(root, self.assignments, **flags))


class Selecting(Options):
    """Options that select exposures; each subclass has those of some commands."""

    def selection(self) -> Selection:
        """Bring them together."""
        from cte_lake.lake.selection import Selection

        values: dict[str, Any] = {name.rstrip("_"): value for name, value in vars(self).items() if value}
        until = values.pop("until", None)
        return Selection(
            **{name: tuple(value) for name, value in values.items()},
            until=None if until is None else parse_date(until),
        )


@dataclass(frozen=True)
class FramesOptions(Selecting):
    """Exposures, whose FLT and FLC go together."""

    proposal: ProposalOption = None
    visit: VisitOption = None
    target: TargetOption = None
    flash: FlashOption = None
    filter_: FilterOption = None


@dataclass(frozen=True)
class ExposuresOptions(FramesOptions):
    """Exposures of one file type."""

    filetype: FiletypeOption = None


@dataclass(frozen=True)
class LossesOptions(ExposuresOptions):
    """Exposures whose losses count."""

    length: LengthOption = None
    generation: GenerationOption = None
    chinject: ChinjectOption = None


@dataclass(frozen=True)
class RowsOptions(LossesOptions):
    """Rows of a view."""

    until: UntilOption = None


@dataclass(frozen=True)
class RunOptions(Selecting):
    """Exposures of the proposals of a run."""

    visit: VisitOption = None
    target: TargetOption = None
    flash: FlashOption = None
    filetype: FiletypeOption = None
    filter_: FilterOption = None


@dataclass(frozen=True)
class WorkersOptions(Options):
    """Processes that share the work."""

    workers: WorkersOption = None
    scheduler: SchedulerOption = None

    def of(self, settings: Settings) -> WorkerSettings:
        """Return the configured workers with these options on top."""
        from cte_lake.pipeline.dask import WorkerSettings

        return WorkerSettings.of(settings.config.workers, self.workers, self.scheduler)


@dataclass(frozen=True)
class HelpersOptions(Options):
    """Processes that do the work in this one's place, where they are asked for."""

    workers: HelpersOption = None
    scheduler: SchedulerOption = None

    def of(self, configured: Workers) -> WorkerSettings | None:
        """Return the configured workers with these options on top; None: this process does the work."""
        if self.workers is None and self.scheduler is None:
            return None
        from cte_lake.pipeline.dask import WorkerSettings

        return WorkerSettings.of(configured, self.workers, self.scheduler)


def overwriting(what: str) -> Any:
    """Return the option ``--overwrite`` of a command, with what it overwrites in words."""
    return option("--overwrite", what)


def known_estimator(name: str) -> Estimator:
    """Return an estimator's name as the lake spells it."""
    return one_of("--estimator", name, ESTIMATORS)


def lake_or_none(flag: str | None) -> StoredLake | None:
    """Return the lake that is named, or the one that is found; None where none is named and none found."""
    from cte_lake.lake.stored import find_lake

    try:
        return find_lake(flag)
    except LakeError:
        if flag is not None:
            raise
        return None


def settings_of(lake: StoredLake | None, assignments: list[str] | None = None, **flags: Any) -> Settings:
    """Read a lake's settings with ``--set`` and the flags that are not None on top.

    Flags are named by their dotted key with ``__`` for the dot: ``photometry__mode=mode``.
    """
    from cte_lake.config import load_settings

    given: dict[str, Any] = {}
    for text in assignments or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text!r} must be KEY=VALUE, such as measure.aperture=5")
        given[key.strip()] = value.strip()
    given |= {name.replace("__", "."): value for name, value in flags.items() if value is not None}
    return load_settings(lake, given)


def share_of(text: str) -> float:
    """Read a share such as ``1/30``, ``0.1`` or ``1``."""
    try:
        share = float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(f"--share {text!r} is not a share; write 1/30, or a number above 0 and up to 1")
    return share


def flux_bin(text: str) -> tuple[float, float]:
    """Read a flux bin, ``LOW-HIGH`` in electrons."""
    low, _, high = text.partition("-")
    try:
        limits = (float(low), float(high))
    except ValueError:
        limits = (0.0, 0.0)
    if not 0 <= limits[0] < limits[1]:
        raise UsageError(f"{text!r} is no range of fluxes: give LOW-HIGH in electrons, such as 500-2000")
    return limits


def parse_date(text: str) -> float:
    """Return the MJD of ``57601.3``, ``2016-08-02`` or ``2016-08-02T12:00``."""
    try:
        value = float(text)
    except ValueError:
        value = _calendar(text)
    if not _MJD_RANGE[0] < value < _MJD_RANGE[1]:
        raise UsageError(
            f"{text!r} is not a date of WFC3: give an MJD (57601.3) or a calendar date (2016-08-01)"
        )
    return value


def _calendar(text: str) -> float:
    from datetime import datetime

    from cte_lake.clock import mjd_of

    try:
        return mjd_of(datetime.fromisoformat(text))
    except ValueError:
        raise UsageError(f"{text!r} is neither an MJD nor a date such as 2024-02-01") from None
