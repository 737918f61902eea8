"""What made the report: versions, calibrations, catalogs, settings."""

from __future__ import annotations

import json
import platform
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pyarrow as pa

from cte_lake.config import Settings
from cte_lake.correction.fit_lake import consistency_of_losses
from cte_lake.report import tables
from cte_lake.report.gather import Row
from cte_lake.report.tables import Column
from cte_lake.wording import count_text, sentence, target_text

Cells = dict[str, Any]
#: How origins of settings begin that are gone after a run, and the sections that a figure or page shows.
_PASSING = ("flag ", "environment ")
_SEEN = {"targets", "chips", "photometry", "measure", "report"}
_PACKAGES = (
    "cte-lake", "duckdb", "pyarrow", "numpy", "astropy", "numba", "photutils", "matplotlib",
    "jinja2",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of what makes the report's numbers and is installed, Python's first."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def provenance(exposures: Sequence[Row], settings: Settings) -> Cells:
    """Content of the page of provenance."""
    return _versions(exposures) | _calibration(exposures) | _masters(exposures) | _configuration(settings)


def _versions(exposures: Sequence[Row]) -> Cells:
    rows = [{"what": name, "version": text} for name, text in versions().items()]
    measured = [
        f"{count_text(count, 'image')} by cte-lake {software}"
        for software, count in sorted(Counter(row["software"] for row in exposures).items())
    ]
    heads = tables.columns(Column("what", "Software", "name"), Column("version", "Version", "name"))
    return {"version_columns": heads, "versions": rows, "measured_by": sentence(measured)}


def _calibration(exposures: Sequence[Row]) -> Cells:
    keys = ("filetype", "generation", "cal_ver", "pctetab", "cte_name", "cte_ver", "settings_hash")
    counted = Counter(tuple(row[key] for key in keys) for row in exposures)
    rows = [
        dict(zip(keys, (value or None for value in values), strict=True)) | {"images": f"{count:,}"}
        for values, count in sorted(counted.items(), key=str)
    ]
    heads = tables.columns(
        Column("filetype", "File type", "name"),
        Column("generation", "Generation", "name"),
        Column("cal_ver", "CAL_VER", share=3),
        Column("pctetab", "PCTETAB"),
        Column("cte_name", "CTE_NAME", share=3),
        Column("cte_ver", "CTE_VER", share=3),
        Column("settings_hash", "Measuring settings", "name"),
        Column("images", "Images", "num"),
    )
    return {"calibration_columns": heads, "calibration": rows}


def _masters(exposures: Sequence[Row]) -> Cells:
    counted = Counter((row["target"], row["master_hash"]) for row in exposures)
    rows = [
        {"target": target_text(target), "hash": digest, "images": f"{count:,}"}
        for (target, digest), count in sorted(counted.items())
    ]
    heads = tables.columns(
        Column("target", "Target", "name"),
        Column("hash", "Hash of the catalog"),
        Column("images", "Images", "num"),
    )
    return {"master_columns": heads, "masters": rows}


def _configuration(settings: Settings) -> Cells:
    rows = [
        {
            "key": setting.key,
            "value": json.dumps(setting.value),
            "origin": setting.origin + ("" if setting.origin == "default" else " (changed)"),
        }
        for setting in settings
    ]
    heads = tables.columns(
        Column("key", "Setting", "name"), Column("value", "Value", "path"), Column("origin", "From", "name")
    )
    return {"configuration_columns": heads, "configuration": rows, "config_hash": settings.hash()}


def consistency_cells(losses: Sequence[Row]) -> Cells:
    """The lake's slopes beside published values, as the command ``consistency`` has them.

    The source of the values stands once, not in every row.
    """
    heads = tables.columns(
        Column("what", "What"),
        Column("published", "Published", "num"),
        Column("measured", "This lake", "num"),
        Column("pairs", "Pairs", "num"),
        Column("verdict", "Verdict", "name", share=2),
        Column("note", "Note", share=4),
    )
    cells: list[Cells] = []
    sources: list[str] = []
    rows = [dict(row) for row in losses]
    for one in consistency_of_losses(pa.Table.from_pylist(rows)) if rows else ():
        scale, unit = (100.0, "%") if one.unit == "fraction" else (1.0, one.unit)
        measured = None if one.measured is None else f"{scale * one.measured:.3g}"
        if measured and one.measured_err is not None:
            measured += f" ± {scale * one.measured_err:.2g}"
        cells_of_one = {name: getattr(one, name) for name in ("what", "pairs", "verdict", "note")}
        cells_of_one |= {"published": f"{scale * one.published:g} ± {scale * one.tolerance:g} {unit}"}
        cells.append(cells_of_one | {"measured": measured})
        sources += [one.source] if one.source not in sources else []
    return {"consistency_columns": heads, "consistency": cells, "consistency_source": "; ".join(sources)}


def set_again(settings: Settings) -> str:
    """Options that set once more what flags and the environment set: no file says it to the next reader."""
    given = [
        f"{one.key}={json.dumps(one.value)}"
        for one in settings
        if one.origin.startswith(_PASSING) and one.key.partition(".")[0] in _SEEN
    ]
    return "".join(f" --set {shlex.quote(text)}" for text in given)


def commands(options: str, figures: Mapping[str, str]) -> str:
    """The commands that make the figures and the report again."""
    return "\n".join([*figures.values(), f"cte-lake report {options}"])
