"""What alignment hands out besides the lake: aligned copies of the frames, and diagnostic figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import feather

from cte_lake.errors import NothingToDo, Rejected
from cte_lake.frames.exposure import read_exposure
from cte_lake.lake.versions import Version
from cte_lake.lake.write import replacing
from cte_lake.pipeline.align.alignment_rows import ALIGNED, MATCHES, alignment_for, alignment_states
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.copies import write_plain_copy
from cte_lake.pipeline.discover import find_frames
from cte_lake.pipeline.survey import ExposureFile, survey


def write_aligned(arguments: StageArguments, folder: Path) -> list[Path]:
    """Write copies of the selected FLCs and FLTs with their aligned WCS applied.

    Exposures that are not aligned get no copy: a copy with a wrong WCS would look like an aligned one.
    """
    selected = {exposure.rootname for exposure in _selected(arguments)}
    written = []
    for path in find_frames(arguments.paths):
        try:
            rootname = read_exposure(path).rootname
        except Rejected:
            continue
        solution = alignment_for(arguments.lake, rootname) if rootname in selected else None
        if solution is None or solution.status != ALIGNED:
            continue
        copy = folder / path.name.removesuffix(".gz").removesuffix(".fz")
        with replacing(copy) as temporary:
            write_plain_copy(path, temporary, solution.cards)
        written.append(copy)
    return written


def draw_diagnostics(arguments: StageArguments, folder: Path) -> list[Path]:
    """Draw offset histogram, residuals and vectors of the selected exposures, one PNG an exposure.

    Raises
    ------
    NothingToDo
        If none of them has matched stars.
    """
    from cte_lake.plots.alignment import alignment_plot
    from cte_lake.plots.style import save

    states = alignment_states(arguments.lake)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for exposure in _selected(arguments):
        version = states.get(exposure.rootname)
        if version is None or not version.beside(MATCHES).exists():
            continue
        table, votes = read_matches(version)
        figure = alignment_plot(table, votes, f"{exposure.imagename}: {version.status}")
        path = folder / f"{exposure.rootname}_alignment.png"
        save(figure, path)
        drawn.append(path)
    if not drawn:
        raise NothingToDo(
            "none of the selected exposures has matched stars to draw; run `cte-lake align` first"
        )
    return drawn


def read_matches(version: Version) -> tuple[dict[str, NDArray[Any]], NDArray[np.uint32]]:
    """Return the matched stars of a version (chip, x, y, dx, dy, used) and the votes for the offset."""
    table = feather.read_table(version.beside(MATCHES).source())
    metadata = table.schema.metadata
    votes = np.frombuffer(metadata[b"votes"], np.uint32).reshape(-1, int(metadata[b"votes_width"]))
    return {name: table.column(name).to_numpy() for name in table.column_names}, votes


def _selected(arguments: StageArguments) -> list[ExposureFile]:
    return survey(arguments.paths, arguments.settings, arguments.selection).exposures
