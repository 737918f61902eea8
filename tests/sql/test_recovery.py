"""Stars of the FLC that the FLT still shows: found, lost or not judged, and none forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cte_lake import open_lake
from cte_lake.starflags import NEIGHBOUR
from tests.sql.writing import add_exposure

#: Errors of 20 e-: the FLC shows all of them at 3 sigma but the last.
FLC = np.array([65.0, 66.0, 67.0, 68.0, 120.0, 70.0, 59.0])
FLT = np.array([61.0, 59.0, 62.0, np.nan, 110.0, 65.0, 58.0])


def _stars(flux: np.ndarray[Any, Any], numbers: Any, flags: Any) -> dict[str, Any]:
    count = len(flux)
    return {
        "master_id": np.asarray(numbers), "x": np.full(count, 100.0), "y": np.full(count, 1900.0),
        "flux_r03": flux, "flux_err_r03": np.full(count, 20.0), "flags": np.asarray(flags, np.int32),
    }  # fmt: skip


def _write(lake: Path) -> None:
    numbers = np.arange(7)
    # Star 2 is too faint beside its neighbour in the FLT; star 5 has no row there at all.
    there = numbers != 5
    add_exposure(lake, "ic7802aaq", _stars(FLC, numbers, np.zeros(7)), filetype="flc")
    flags = np.where(numbers == 2, NEIGHBOUR.value, 0)
    add_exposure(lake, "ic7802aaq", _stars(FLT[there], numbers[there], flags[there]), filetype="flt")
    # An exposure without FLT says nothing.
    add_exposure(lake, "ic7802abq", _stars(FLC, numbers, np.zeros(7)), filetype="flc")


def test_every_star_of_the_flc_is_accounted_for(lake: Path) -> None:
    _write(lake)
    with open_lake(lake) as opened:
        rows = opened.recovery().rows()
    assert {row["rootname"] for row in rows} == {"ic7802aaq"}
    found = {row["bin_lo"]: row for row in rows}
    assert set(found) == {50.0, 100.0}
    faint, bright = found[50.0], found[100.0]
    assert (faint["n_flc"], faint["n_flt"], faint["n_lost"], faint["n_unjudged"]) == (5, 1, 1, 3)
    assert faint["recovered"] == 0.5
    assert faint["flux_ratio"] == np.median([61 / 65, 59 / 66])
    assert (bright["n_flc"], bright["recovered"], bright["far"]) == (1, 1.0, True)


def test_a_share_of_no_star_is_none(lake: Path) -> None:
    flags = np.full(7, NEIGHBOUR.value)
    add_exposure(lake, "ic7802aaq", _stars(FLC, np.arange(7), np.zeros(7)), filetype="flc")
    add_exposure(lake, "ic7802aaq", _stars(FLT, np.arange(7), flags), filetype="flt")
    with open_lake(lake) as opened:
        row = opened.recovery(bin_lo=50.0).rows()[0]
    assert (row["n_flc"], row["n_unjudged"], row["recovered"], row["flux_ratio"]) == (5, 5, None, None)
