"""The coefficient sets of a lake, as tables to read, copy and download."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.model.coefficient_text import to_table, to_toml
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.latex import latex_table
from cte_lake.report import tables
from cte_lake.report.morning import age_text
from cte_lake.report.tables import Column
from cte_lake.wording import word

if TYPE_CHECKING:
    from cte_lake.correction.renewal import SetState

Cells = dict[str, Any]
#: What a set says of itself that goes without saying.
_UNTOLD = frozenset({("chinject", "NONE"), ("generation", "flt")})


def coefficient_cells(states: Sequence[SetState], folder: Path) -> list[Cells]:
    """Write each set's files into `folder` and return what the page shows of them."""
    used: set[str] = set()
    return [
        _cells(one.coefficients, folder, _file_stem(one.coefficients.name, used)) | _state_cells(one)
        for one in states
    ]


def _state_cells(one: SetState) -> Cells:
    style = {"current": "good", "stale": "warn"}.get(one.state, "none")
    use = "Observers should use this set" if one.use else "This is not the set to use"
    parts = [use, f"it {age_text(one)}", *([one.reason] if one.reason else [])]
    return {"state": one.state, "style": style, "age": "; ".join(parts)}


def _file_stem(name: str, used: set[str]) -> str:
    # A set's name is free text; the file's is not.
    stem = "coefficients-" + (re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "set")
    while stem in used:
        stem += "-2"
    used.add(stem)
    return stem


def _cells(one: CoefficientSet, folder: Path, stem: str) -> Cells:
    table = to_table(one)
    files = []
    for suffix, title, text in (
        (".csv", "CSV", _written(_flat(table), "ascii.csv")),
        (".ecsv", "ECSV", _written(table, "ascii.ecsv")),
        (".tex", "LaTeX", latex_table([one], digits=6, errors=True)),
        (".toml", "TOML, for cte-lake", to_toml(one)),
    ):
        (folder / f"{stem}{suffix}").write_text(text, encoding="utf-8")
        files.append({"name": f"{stem}{suffix}", "title": title})
    rows = [
        {"name": name, "value": f"{value:.8e}", "error": f"{error:.2e}"}
        for name, value, error in zip(one.term_names, one.coefficients, one.errors, strict=True)
    ]
    heads = tables.columns(
        Column("name", "Coefficient", "name"),
        Column("value", "Value", "num"),
        Column("error", "Error", "num"),
    )
    return {"title": one.name, "text": _text(one), "columns": heads, "rows": rows, "files": files}


def _flat(table: Any) -> Any:
    """The table without its covariance: a cell of CSV holds one number."""
    return table[[name for name in table.colnames if table[name].ndim == 1]]


def _written(table: Any, format_: str) -> str:
    target = io.StringIO()
    table.write(target, format=format_)
    return target.getvalue()


def _text(one: CoefficientSet) -> str:
    chosen = ", ".join(
        word(key, value)
        for key, value in one.selection.items()
        if value not in (None, "") and (key, value) not in _UNTOLD
    )
    good = one.validity
    dates = " to ".join(str(tables.date_text(mjd)) for mjd in good.mjd)
    points = f"; {one.quality['points']:.0f} slopes" if "points" in one.quality else ""
    return (
        f"{chosen}. Rests on {good.flux[0]:g} to {good.flux[1]:g} electrons, {dates}, aperture "
        f"{good.radius} px{points}."
    )
