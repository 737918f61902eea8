"""Sets of figures: every kind for every flash level, file type, target and radius, in a dated folder.

The folders say what a figure is of, in the order in which one looks for it; ``latest`` is the newest set::

    20261129T043000Z/overview.png
    20261129T043000Z/flash-00/flt/ngc104/r03/cte-flux.png
    20261129T043000Z/flash-all/filetype-all/ngc104/r03/cte-flash.png
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake import clock
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.paths import checked
from cte_lake.names import suggestion
from cte_lake.plots.style import SCREEN, Paper, drawn_for, save
from cte_lake.report.figures import KINDS, OF_LOSSES, losses
from cte_lake.report.figures.files import write_caption
from cte_lake.report.figures.request import Drawing, Request
from cte_lake.report.publish import LATEST, copy_latest, name_of, new_folder, point_latest, prune

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.lake.store import Place

log = logging.getLogger(__name__)

#: Where sets are in a lake.
PLOTS = "reports/plots"

#: Kinds of a set, each with what one figure is of; what is not named is all in it. Kinds that show one star,
#: one frame or two lakes are drawn by name alone.
SET_KINDS: dict[str, tuple[str, ...]] = {
    "overview": (),
    "cte-time": ("flash", "filetype", "target"),
    "cte-flux": ("flash", "filetype", "target"),
    "model-vs-data": ("flash", "filetype", "target"),
    "ratio-y": ("flash", "filetype", "target"),
    "cte-flash": ("target",),
    "flux-background": ("filetype", "target"),
    "recovery": ("flash", "target"),
    "chips": ("flash", "filetype", "target"),
    "displacement": ("filetype", "target"),
    "growth": ("filetype", "target"),
    "focus": ("filetype", "target"),
    "cte-180": ("flash", "target"),
    "cte-180-overlay": ("flash", "target"),
}
#: Kinds that show all targets together as well, where there are several.
_TOGETHER = frozenset({"cte-time"})
#: Kinds of one pairing alone.
_PAIRING = {"cte-180": "180", "cte-180-overlay": "180", "cte-flash": "chips", "model-vs-data": "chips"}
#: Kinds that hold FLT against FLC, whichever was asked for.
_OF_BOTH_FILETYPES = frozenset({"overview", "recovery"})
#: Kinds that are the same at every radius.
_OF_NO_RADIUS = frozenset({"overview", "displacement", "growth", "focus"})
#: Kinds that are of all proposals and visits together: of a part of them there is none.
_OF_ALL_VISITS = frozenset({"chips"})


@dataclass(frozen=True)
class FigureSet:
    """A set of figures that was drawn: the files below its folder, and kinds that had nothing to show."""

    folder: Place
    files: tuple[str, ...]
    empty: tuple[str, ...]

    def __str__(self) -> str:
        nothing = f"; nothing for {', '.join(self.empty)}" if self.empty else ""
        return f"{len(self.files)} figures in {self.folder}{nothing}"


def checked_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds of a set, in its order; all for none or for 'all'.

    Raises
    ------
    UsageError
        If one is no kind of a set.
    """
    for kind in kinds:
        if kind != "all" and kind not in SET_KINDS:
            listed = ", ".join(SET_KINDS)
            if kind in KINDS:
                raise UsageError(f"{kind!r} is drawn by name alone; a set has all, or some of {listed}")
            hint = suggestion(kind, SET_KINDS) or ";"
            raise UsageError(f"no figure is called {kind!r}{hint} a set has all, or some of {listed}")
    if not kinds or "all" in kinds:
        return tuple(SET_KINDS)
    return tuple(kind for kind in SET_KINDS if kind in kinds)


def draw_set(
    lake: Lake,
    asked: Request,
    folder: Place,
    kinds: Sequence[str] = (),
    radii: Sequence[int] = (),
    paper: Paper = SCREEN,
    keep: int | None = None,
    now: datetime | None = None,
) -> FigureSet:
    """Draw figures of every flash level, file type, target and radius into a dated folder.

    Parameters
    ----------
    lake : Lake
        What is drawn from.
    asked : Request
        Which exposures, and how the figures are drawn.
    folder : Place
        Gets the dated folder, and ``latest``: a link to it, or in an object store a file with its name.
    kinds : sequence of str, optional
        Of `SET_KINDS`; by default all.
    radii : sequence of int, optional
        Aperture radii, px; by default that of `asked`.
    paper : Paper, optional
        What they are drawn for; PNG for a screen, PDF with captions beside them for print.
    keep : int, optional
        How many sets stay in the folder; by default all.
    now : datetime, optional
        Time of the set.

    Raises
    ------
    NothingToDo
        If there is nothing to draw.
    UsageError
        If a kind is no kind of a set.
    """
    chosen = checked_kinds(kinds)
    name = name_of((now or clock.now()).astimezone(UTC))
    asked = replace(asked, selection=lake.select(asked.selection))
    suffix = "pdf" if paper.bare else "png"
    files: list[str] = []
    with folder.worked_on(lambda _: None, lambda here: _put(here, folder)) as here:
        with new_folder(here / name) as work, drawn_for(paper):
            for kind, path, drawing in _drawings(lake, asked, chosen, radii or (asked.aperture,)):
                file = work / path / f"{kind}.{suffix}"
                file.parent.mkdir(parents=True, exist_ok=True)
                save(drawing.figure, file)
                if paper.bare:
                    write_caption(drawing.figure, file)
                files.append(str(file.relative_to(work)))
            if not files:
                raise NothingToDo(
                    f"nothing to plot for {asked}; see `cte-lake status` for what the lake holds"
                )
        point_latest(here / name)
    if keep is not None:
        prune(folder, keep, name)
    drawn = {Path(file).stem for file in files}
    return FigureSet(folder / name, tuple(files), tuple(kind for kind in chosen if kind not in drawn))


def _put(here: Path, folder: Place) -> None:
    """Bring a set that was drawn elsewhere into an object store, the name of the newest last."""
    name = copy_latest(here, folder)
    (folder / f"{LATEST}.txt").write_bytes(f"{name}\n".encode())


def _drawings(
    lake: Lake, asked: Request, kinds: Sequence[str], radii: Sequence[int]
) -> Iterator[tuple[str, str, Drawing]]:
    """Each figure with its kind and folder."""
    modes = _modes(lake, asked)
    for number, radius in enumerate(radii):
        at_radius = replace(asked, aperture=radius)
        measured = _Measured(lake, at_radius)
        for kind in kinds:
            part_of_visits = asked.selection.proposal or asked.selection.visit
            if (kind in _OF_NO_RADIUS and number) or (kind in _OF_ALL_VISITS and part_of_visits):
                continue
            for part in _parts(kind, modes):
                chosen: dict[str, Any] = {key: (value,) for key, value in part.items()}
                if kind in _OF_BOTH_FILETYPES:
                    chosen["filetype"] = ()
                selection = replace(at_radius.selection, **chosen)
                try:
                    drawing = measured.draw(kind, replace(at_radius, selection=selection))
                except NothingToDo as nothing:
                    log.debug("%s: %s", kind, nothing)
                    continue
                yield kind, _folder(kind, part, radius), drawing


def _modes(lake: Lake, asked: Request) -> list[dict[str, Any]]:
    """Which flash levels, file types and targets have pairs, of which pairing."""
    chosen, parameters = asked.selection.of_losses().where()
    return lake.sql(
        f"SELECT DISTINCT flash, filetype, target, 'chips' AS pairing FROM pairs WHERE {chosen} UNION "
        f"SELECT DISTINCT flash, filetype, target, '180' FROM pairs_180 WHERE {chosen} "
        "ORDER BY flash, filetype, target, pairing",
        **parameters,
    ).rows()


def _parts(kind: str, modes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys, pairing = SET_KINDS[kind], _PAIRING.get(kind)
    usable = [mode for mode in modes if pairing in {None, mode["pairing"]}]
    found = [dict(one) for one in dict.fromkeys(tuple((key, mode[key]) for key in keys) for mode in usable)]
    if kind in _TOGETHER:
        shared = [{key: value for key, value in part.items() if key != "target"} for part in found]
        found += [part for part in _unique(shared) if shared.count(part) > 1]
    return found if keys else [{}]


def _unique(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for number, part in enumerate(parts) if part not in parts[:number]]


def _folder(kind: str, part: dict[str, Any], radius: int) -> str:
    if not SET_KINDS[kind]:
        return ""
    flash = f"flash-{part['flash']:02d}" if "flash" in part else "flash-all"
    names = [checked(key, part[key]) if key in part else f"{key}-all" for key in ("filetype", "target")]
    return "/".join([flash, *names, f"r{radius:02d}"])


class _Measured:
    """A lake whose losses at one radius are measured once for all figures of them.

    Parameters
    ----------
    lake : Lake
        What is drawn from.
    asked : Request
        Which pairs, at which radius.
    """

    def __init__(self, lake: Lake, asked: Request) -> None:
        self._lake, self._asked = lake, asked
        self._losses: pa.Table | None = None

    def _of(self, pairing: str) -> pa.Table:
        if self._losses is None:
            of_losses = replace(self._asked, selection=self._asked.selection.of_losses())
            self._losses = losses.all_losses(self._lake, of_losses)
        table = self._losses
        return table.filter([each == pairing for each in table["pairing"].to_pylist()])

    def draw(self, kind: str, asked: Request) -> Drawing:
        """Draw a kind; of rows that are measured already where it takes them."""
        if kind in OF_LOSSES:
            asked = replace(asked, selection=asked.selection.of_losses())
        if kind in {"cte-time", "cte-flux"}:
            draw = losses.time_drawing if kind == "cte-time" else losses.flux_drawing
            rows = self._of("chips")
            if asked.selection.target and not any(map(asked.selection.matches, rows.to_pylist())):
                rows = self._of("180")
            return draw(rows, asked)
        if kind == "cte-flash":
            return losses.flash_drawing(losses.of_several_flashes(self._of("chips")), asked)
        if kind == "cte-180":
            return losses.rolled_drawing(self._of("180"), asked)
        if kind == "cte-180-overlay":
            return losses.overlay_drawing(self._of("180"), self._of("chips"), asked)
        return KINDS[kind][1](self._lake, asked)
