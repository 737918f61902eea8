"""Which exposures lie in the given folders and pass the exclusions: one file an exposure, to be prepared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cte_lake.config import Config, Settings
from cte_lake.config.models import Rule
from cte_lake.errors import Rejected
from cte_lake.filenames import path_text
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.regular import require_file
from cte_lake.frames.screening import POINTING_SCREENS, SCREENS, ScreeningRules, resolve_target, screen
from cte_lake.lake.selection import Selection
from cte_lake.pipeline.discover import find_frames

_NAME = re.compile(r"(?P<rootname>[a-z0-9]{9})_(?P<filetype>fl[tc])\.fits(\.gz|\.fz)?", re.IGNORECASE)
#: The columns that identify a row's exposure, in the datasets ``alignment`` and ``crmasks``.
IDENTITY = (
    "imagename", "rootname", "filetype", "target", "proposal", "visit", "filter", "exptime", "mjd", "flash",
    "chinject", "path", "file_size", "file_mtime_ns",
)  # fmt: skip


@dataclass(frozen=True)
class ExposureFile:
    """An exposure by the file that is prepared: its FLC, or its FLT where there is no FLC.

    The attributes are the columns of the same names of ``alignment`` and ``crmasks``.
    """

    imagename: str
    rootname: str
    filetype: str
    target: str
    proposal: int
    visit: str
    filter: str
    exptime: float
    mjd: float
    flash: int
    chinject: str
    path: str
    file_size: int
    file_mtime_ns: int

    @property
    def fingerprint(self) -> tuple[int, int]:
        """Size and time of the last change: they reveal a changed file without reading it."""
        return self.file_size, self.file_mtime_ns

    def identity(self) -> dict[str, Any]:
        """Return the columns that identify a row's exposure, the path as the lake stores it."""
        return {name: getattr(self, name) for name in IDENTITY} | {"path": path_text(self.path)}


@dataclass
class Survey:
    """What was found.

    Attributes
    ----------
    exposures : list of ExposureFile
        One an exposure, by root name; unselected and excluded ones are left out.
    refused : dict of Path to Rejected
        Files that cannot be used, and why.
    excluded, unselected : int
        Files left out by a configured rule, and by the selection.
    """

    exposures: list[ExposureFile] = field(default_factory=list)
    refused: dict[Path, Rejected] = field(default_factory=dict)
    excluded: int = 0
    unselected: int = 0


def survey(
    paths: Iterable[str],
    settings: Settings,
    selection: Selection,
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> Survey:
    """Look through files, folders and patterns for exposures to prepare.

    Charge-injected, dithered and badly guided exposures are kept although they are not measured by
    default: they help to mask the others' cosmic rays, and measuring them is a setting. A file that has
    not changed since the known row of its path is not opened again. File types of the selection do not
    matter, since FLT and FLC are prepared as one.

    Raises
    ------
    UsageError
        If a path does not exist or a pattern matches nothing.
    UnknownName
        If the selection names a target that is not configured.
    """
    found = Survey()
    rules = screening_rules(settings.config).without("charge_injection", "guiding", "x_dither", "sub_dither")
    selection = replace(selection.resolved(settings.config.names()), filetype=())
    chosen: dict[str, ExposureFile] = {}
    for path in _one_an_exposure(find_frames(paths)):
        try:
            exposure = _look(path, settings, known or {}, rules)
        except Rejected as refusal:
            if refusal.stage == "screen":
                found.excluded += 1
            else:
                found.refused[path] = refusal
            continue
        if not selection.matches(exposure.identity()):
            found.unselected += 1
        elif _better(exposure, chosen.get(exposure.rootname), settings):
            chosen[exposure.rootname] = exposure
    found.exposures = [chosen[rootname] for rootname in sorted(chosen)]
    return found


def _better(found: ExposureFile, chosen: ExposureFile | None, settings: Settings) -> bool:
    """Return whether a file takes the place of the one chosen before: an FLC, or a newer calibration."""
    if chosen is None or found.filetype != chosen.filetype:
        # The header may show an FLC where the file's name did not.
        return chosen is None or found.filetype == "flc"
    limit = settings.config.chips.short_limit
    first, second = (read_exposure(Path(file.path), limit).calibration for file in (chosen, found))
    return first < second


def _one_an_exposure(paths: list[Path]) -> list[Path]:
    """Leave out the FLTs whose FLC is there too, by name, so that no header is read for them."""
    with_flc = {
        match["rootname"].lower()
        for path in paths
        if (match := _NAME.fullmatch(path.name)) and match["filetype"].lower() == "flc"
    }
    return [
        path
        for path in paths
        if not (match := _NAME.fullmatch(path.name))
        or match["filetype"].lower() == "flc"
        or match["rootname"].lower() not in with_flc
    ]


def _look(path: Path, settings: Settings, known: Mapping[str, Mapping[str, Any]], rules: Any) -> ExposureFile:
    stat = require_file(path)
    row = known.get(path_text(path))
    if row is not None and (row["file_size"], row["file_mtime_ns"]) == (stat.st_size, stat.st_mtime_ns):
        return ExposureFile(**{name: row[name] for name in IDENTITY} | {"path": str(path)})
    exposure = read_exposure(path, settings.config.chips.short_limit)
    target = resolve_target(exposure.targname, rules.spellings)
    screening = screen(exposure, rules)
    if screening is not None:
        raise screening.as_rejected()
    facts = {name: getattr(exposure, name) for name in IDENTITY if hasattr(exposure, name)}
    return ExposureFile(
        **facts | {"target": target, "file_size": stat.st_size, "file_mtime_ns": stat.st_mtime_ns}
    )


def screening_rules(config: Config) -> ScreeningRules:
    """Build the screening rules; a rule that is off has no reason."""
    stated = config.exclusions

    rules: dict[str, Rule] = {line.rule: getattr(stated, line.rule) for line in (*SCREENS, *POINTING_SCREENS)}
    reasons = {name: rule.reason for name, rule in rules.items() if rule.enabled}
    spellings = {name: tuple(target.names) for name, target in config.targets.items()}
    left_out = stated.targets.targets if stated.targets.enabled else []
    fields = {
        spelling: stated.targets.reason for name in left_out for spelling in (name, *spellings.get(name, ()))
    }
    visits = {}
    for key, why in stated.visits.items():
        proposal, _, visit = key.partition("/")
        if isinstance(why, str):
            visits[int(proposal), visit] = why
    rolled = {name for name, target in config.targets.items() if target.pairing == "180"}
    return ScreeningRules(
        reasons=reasons,
        x_dither_limit=stated.x_dither.limit,
        chip2_limit=config.chips.chip2_max_postarg2,
        chip1_limit=config.chips.chip1_min_postarg2,
        same_chip_targets=frozenset({*stated.x_dither.except_targets, *rolled}),
        fields=fields,
        visits=visits,
        spellings=spellings,
    )
