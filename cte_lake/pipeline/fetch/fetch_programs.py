"""Plans and carries out a fetch: what the archive has and the folder lacks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from cte_lake.config import Settings
from cte_lake.errors import ArchiveError, ExitCode, NothingToDo, UsageError
from cte_lake.pipeline.fetch.archive import DOWNLOAD, Archive, Product

#: Called with (bytes done, bytes in all).
Progress = Callable[[int, int], None]

_COMPRESSED = ("", ".gz", ".fz")


@dataclass(frozen=True)
class FetchArguments:
    """Arguments of a fetch.

    Attributes
    ----------
    proposals : tuple of int
        Proposals to fetch.
    folder : Path
        Where files go: into a folder a proposal.
    search : bool
        Whether the archive is asked for further programs of the monitor, by title and target.
    """

    proposals: tuple[int, ...]
    folder: Path
    settings: Settings
    search: bool = False


@dataclass
class FetchPlan:
    """What is to be fetched, what is there, and what the archive does not give to anybody.

    Attributes
    ----------
    todo : list of Product
        Files to fetch.
    present : list of Path
        Files of these names that are in the folder, at any depth, compressed or not.
    withheld : list of str
        Names of files under exclusive access.
    found : dict of int to str
        Programs that only the archive knows, with their titles.
    """

    todo: list[Product] = field(default_factory=list)
    present: list[Path] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    found: dict[int, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes to fetch, as far as the archive states sizes."""
        return sum(product.size for product in self.todo)


@dataclass
class FetchReport:
    """What a fetch did: names fetched, files that failed with their problem, bytes, seconds."""

    fetched: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    present: int = 0
    withheld: int = 0
    found: dict[int, str] = field(default_factory=dict)
    received_bytes: int = 0
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """Done, or done in part where files could not be had."""
        return ExitCode.DONE_IN_PART if self.failed else ExitCode.DONE

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return vars(self) | {"exit_code": int(self.exit_code)}


def make_plan(arguments: FetchArguments) -> FetchPlan:
    """Ask the archive what there is and compare with the folder.

    Raises
    ------
    ArchiveError
        If the archive cannot be asked.
    NothingToDo
        If the archive has no FLT or FLC of any of the proposals.
    """
    config = arguments.settings.config
    archive = Archive(config.fetch, config.names())
    found = archive.programs() if arguments.search else {}
    plan = FetchPlan(found={n: title for n, title in sorted(found.items()) if n not in arguments.proposals})
    products = [
        product for proposal in (*arguments.proposals, *plan.found) for product in archive.products(proposal)
    ]
    if not products:
        listed = ", ".join(map(str, arguments.proposals))
        raise NothingToDo(f"the archive has no FLT or FLC of WFC3/UVIS for proposal {listed}")
    there = _files_below(arguments.folder)
    for product in products:
        here = [there[product.name + suffix] for suffix in _COMPRESSED if product.name + suffix in there]
        if here:
            plan.present.append(here[0])
        elif not product.public:
            plan.withheld.append(product.name)
        else:
            plan.todo.append(product)
    return plan


def _files_below(folder: Path) -> dict[str, Path]:
    return {path.name.lower(): path for path in folder.rglob("*_fl[tcTC].*") if path.is_file()}


def fetch(
    arguments: FetchArguments, plan: FetchPlan | None = None, progress: Progress | None = None
) -> FetchReport:
    """Fetch what is missing; a file that cannot be had does not stop the others.

    Raises
    ------
    ArchiveError
        If the archive cannot be asked.
    UsageError
        If there is not enough room for the files.
    """
    from cte_lake.pipeline.fetch.download import download, record_checksum

    started = perf_counter()
    plan = plan or make_plan(arguments)
    _require_room(arguments.folder, plan.size)
    settings = arguments.settings.config.fetch
    report = FetchReport(present=len(plan.present), withheld=len(plan.withheld), found=plan.found)

    def received(n_bytes: int) -> None:
        report.received_bytes += n_bytes
        if progress is not None:
            progress(report.received_bytes, max(plan.size, report.received_bytes))

    for product in plan.todo:
        target = arguments.folder / str(product.proposal) / product.name
        try:
            checksum = download(
                settings.url.rstrip("/") + DOWNLOAD,
                product.uri,
                target,
                product.size,
                settings.timeout,
                settings.retries,
                received,
            )
        except ArchiveError as error:
            report.failed[product.name] = str(error)
            continue
        record_checksum(target, checksum)
        report.fetched.append(product.name)
    report.seconds = perf_counter() - started
    return report


def _require_room(folder: Path, size: int) -> None:
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(there).free
    if size > free:
        raise UsageError(
            f"{size / 1e9:.1f} GB are to be fetched and {free / 1e9:.1f} GB are free in {there}; "
            "name another folder with --to, or fewer proposals"
        )


def proposals_to_fetch(named: Sequence[int], missing: bool, settings: Settings) -> tuple[int, ...]:
    """Return the proposals that ``--proposal`` names, or with ``--missing`` all configured ones.

    Raises
    ------
    UsageError
        If neither or both are given.
    """
    if bool(named) == missing:
        raise UsageError("name proposals with --proposal N (repeatable), or ask for all with --missing")
    return tuple(dict.fromkeys(named)) if named else tuple(sorted(settings.config.proposals))


def summary_line(report: FetchReport) -> str:
    """Return the report in one sentence."""
    parts = [f"{len(report.fetched)} fetched ({report.received_bytes / 1e6:.1f} MB)"]
    parts.append(f"{report.present} there already")
    if report.found:
        parts.append(f"proposals found in the archive: {', '.join(map(str, report.found))}")
    parts += [f"{report.withheld} under exclusive access"] if report.withheld else []
    parts += [f"{len(report.failed)} failed"] if report.failed else []
    return f"fetch: {', '.join(parts)} in {report.seconds:.1f} s"
