"""Sets that keep up: which are current, which are stale, and new versions of those beside the old."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from cte_lake import clock
from cte_lake.correction.coefficient_files import (
    path_in_lake,
    read_sets,
    sets_in_lake,
    write_coefficients,
)
from cte_lake.correction.fit_lake import fit_lake, slopes_of
from cte_lake.correction.followed import (
    ADVICE,
    HASH,
    HELD,
    PAIRS,
    REQUEST,
    SUPERSEDES,
    FitRequest,
    followed_by,
    request_of,
)
from cte_lake.errors import CteLakeError, FitRefused
from cte_lake.lake.stored import StoredLake
from cte_lake.model.alarm import Departure, departure
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.compare import Largest, largest_difference
from cte_lake.model.points import from_table
from cte_lake.model.tables import column

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings

State: TypeAlias = Literal["current", "stale", "superseded", "unknown"]

#: A name that `fit` made: it ends with the last date, and a version where that name was taken.
_MADE = re.compile(r"_r\d+_mjd\d+(_v\d+)?")
_VERSION = re.compile(r"_v\d+$")
#: Differences over this, in errors of both sets together, are to be looked at before a set is published.
_LOOK = 3.0


@dataclass(frozen=True)
class SetState:
    """A coefficient set of a lake and whether it still describes the lake's slopes.

    Attributes
    ----------
    state : {'current', 'stale', 'superseded', 'unknown'}
        'superseded': a newer set was asked for the same; 'unknown': it does not say what it was fitted to.
    reason : str
        Why, in a sentence's part; '' for a current set.
    use : bool
        Whether it is the one of its kind that observers should use.
    """

    coefficients: CoefficientSet
    state: State
    reason: str = ""
    use: bool = True

    @property
    def age(self) -> float:
        """Days since it was made; NaN where it does not say."""
        made = self.coefficients.provenance.get("date", "")
        try:
            return (clock.now() - datetime.fromisoformat(made)).total_seconds() / 86400.0
        except (ValueError, TypeError):
            return float("nan")


@dataclass(frozen=True)
class Renewal:
    """A stale set and what came of fitting it again.

    Attributes
    ----------
    old : CoefficientSet
        The stale set; it stays as it is.
    new : CoefficientSet or None
        The version beside it; None where the slopes carry none.
    advice : str
        Which one observers should use, and why; or why there is no new one.
    """

    old: CoefficientSet
    new: CoefficientSet | None
    advice: str


def set_states(
    lake: StoredLake, settings: Settings, sets: Iterable[CoefficientSet] | None = None
) -> list[SetState]:
    """Return the sets of a lake with their states, those to use first and newest first; no slope is measured.

    By default of all sets that can be read (`read_sets`).
    """
    sets = read_sets(lake)[0] if sets is None else list(sets)
    groups: dict[str, list[CoefficientSet]] = defaultdict(list)
    for one in sets:
        groups[one.provenance.get(REQUEST, "") if request_of(one) else f"\0{one.name}"].append(one)
    found: list[SetState] = []
    asked = _Asked(lake, settings)
    for group in groups.values():
        ordered = sorted(group, key=lambda one: (one.provenance.get("date", ""), one.name), reverse=True)
        used = next((one for one in ordered if HELD not in one.provenance), ordered[0])
        for one in ordered[: ordered.index(used) + 1]:
            state, reason = asked.state(one)
            found.append(SetState(one, state, reason or one.provenance.get(HELD, ""), one is used))
        found += [
            SetState(one, "superseded", f"replaced by {used.name}", False)
            for one in ordered[ordered.index(used) + 1 :]
        ]
    asked.close()
    return sorted(found, key=_first_to_use)


def all_sets(lake: StoredLake, settings: Settings) -> tuple[tuple[CoefficientSet, ...], list[str]]:
    """Return all sets of a lake, those that observers should use first, and what cannot be read.

    That is what figures take.
    """
    read, problems = read_sets(lake)
    return tuple(state.coefficients for state in set_states(lake, settings, read)), problems


def _first_to_use(state: SetState) -> tuple[bool, float, str]:
    return not state.use, state.age if np.isfinite(state.age) else np.inf, state.coefficients.name


class _Asked:
    """Asks a lake what sets would follow from now, each question and photometry mode once."""

    def __init__(self, lake: StoredLake, settings: Settings) -> None:
        self._lake, self._settings = lake, settings
        self._open: dict[str, Lake] = {}

    def lake(self, mode: str) -> Lake:
        from cte_lake.api import open_lake

        if mode not in self._open:
            self._open[mode] = open_lake(self._lake, mode=mode, settings=self._settings)
        return self._open[mode]

    def state(self, one: CoefficientSet) -> tuple[State, str]:
        asked = request_of(one)
        if asked is None:
            return "unknown", "it does not say what it was fitted to; fit it again to know"
        request, mode = asked
        try:
            now = followed_by(self.lake(mode), request, self._settings)
        except CteLakeError as error:
            return "stale", f"the lake cannot be asked for it: {error}"
        if now.hash == one.provenance.get(HASH):
            return "current", ""
        then = one.provenance.get(PAIRS, "?")
        if then == str(now.pairs):
            return "stale", f"its {then} pairs were measured again, or are others"
        return "stale", f"fitted to {then} pairs, there are {now.pairs} now"

    def close(self) -> None:
        for lake in self._open.values():
            lake.close()


def renew(
    lake: StoredLake, settings: Settings, sets: Iterable[CoefficientSet] | None = None
) -> list[Renewal]:
    """Fit stale sets again, each into a new version beside the old one, which is never replaced.

    Of sets that were asked for the same only the newest is fitted again. The new one is compared with the one
    that observers use: a set that is held back is none. `sets` are the lake's, by default read here.
    """
    newest: dict[str, SetState] = {}
    used: dict[str, CoefficientSet] = {}
    for state in set_states(lake, settings, sets):
        request = state.coefficients.provenance.get(REQUEST)
        if request is not None and state.use:
            used[request] = state.coefficients
        made = state.coefficients.provenance.get("date", "")
        if request is not None and (
            request not in newest or made > newest[request].coefficients.provenance.get("date", "")
        ):
            newest[request] = state
    stale = [used[request] for request, state in newest.items() if state.state == "stale"]
    asked, renewals = _Asked(lake, settings), []
    for old in stale:
        found = request_of(old)
        if found is not None:
            renewals.append(_renewed(lake, asked.lake(found[1]), old, found[0], settings))
    asked.close()
    return renewals


def _renewed(
    lake: StoredLake, opened: Lake, old: CoefficientSet, request: FitRequest, settings: Settings
) -> Renewal:
    name = None if _MADE.search(old.name) else _VERSION.sub("", old.name)
    try:
        found = fit_lake(opened, request, settings.hash(), name).coefficients
        largest = largest_difference(old, found)
        alarm = _departure(slopes_of(opened, request), request)
    except CteLakeError as error:
        return Renewal(old, None, f"{old.name} is stale and cannot be fitted again: {error}")
    found = replace(found, name=free_name(lake, found.name))
    advice, held = _advice(old, found, largest, alarm)
    more = {SUPERSEDES: old.name, ADVICE: advice} | ({HELD: held} if held else {})
    found = replace(found, provenance={**found.provenance, **more})
    write_coefficients(path_in_lake(lake, found.name), found)
    return Renewal(old, found, advice)


def _departure(rows: Any, request: FitRequest) -> Departure | None:
    points = from_table(rows, request.min_stars)
    try:
        return departure(points, np.unique(column(rows, "flash")).size > 1)
    except FitRefused:
        # The earlier epochs alone carry no surface: there is nothing to depart from.
        return None


def free_name(lake: StoredLake, name: str) -> str:
    """Return the name, with the next version where a set has it."""
    taken, version, base = {path.stem for path in sets_in_lake(lake)}, 2, _VERSION.sub("", name)
    while name in taken:
        name, version = f"{base}_v{version}", version + 1
    return name


def _advice(
    old: CoefficientSet, new: CoefficientSet, largest: Largest, alarm: Departure | None
) -> tuple[str, str]:
    """Return what observers should use, and what holds the new set back, '' if nothing does."""
    change = f"largest change {largest}"
    if alarm is not None and alarm.alarming:
        by = f"{100 * alarm.factor:+.1f} ± {100 * alarm.error:.1f} %"
        held = f"held: its newest epoch departs by {by} from what the earlier ones predict"
        advice = (
            f"observers should go on with {old.name} until the alarm is explained; {new.name} is {held}; "
            f"{change}; the same fit by hand releases it"
        )
        return advice, held
    look = "; look at it before you publish it" if abs(largest.sigma) > _LOOK else ""
    return f"observers should use {new.name} instead of {old.name}; {change}{look}", ""
