"""Values that the shell completes: read from names of files, without the libraries that measure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from cte_lake.resources import LAKE_ENV, LAKE_FILE, data_dir

#: Kinds of figures; a test compares them with those that are drawn.
KINDS = (
    "ratio-y", "cte-time", "cte-flux", "cte-flash", "cte-180", "cte-180-overlay", "chips",
    "model-vs-data", "flux-background", "recovery", "displacement", "growth", "focus", "compare", "star",
    "field", "overview",
)  # fmt: skip

Complete = Callable[[str], list[str]]


def of(*values: str) -> Complete:
    """Return a completion of fixed values."""
    return lambda incomplete: _beginning(values, incomplete)


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the targets that the lake has exposures or a master catalog of."""
    lake = _lake(ctx)
    folders = [] if lake is None else [*_names(lake / "exposures"), *_names(lake / "master")]
    # The seed's folder is no target: its name begins with a tilde.
    found = {name.removeprefix("target=") for name in folders if name.startswith("target=")}
    found = {name for name in found if not name.startswith("~")}
    return _beginning(sorted(found), incomplete)


def coefficient_sets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the names of the lake's coefficient sets and of the built-in ones."""
    lake = _lake(ctx)
    names = [] if lake is None else _names(lake / "coefficients")
    names += _names(data_dir("coefficient_sets"))
    return _beginning(sorted({name[:-5] for name in names if name.endswith(".toml")}), incomplete)


def _beginning(values: Iterable[str], incomplete: str) -> list[str]:
    return [value for value in values if value.lower().startswith(incomplete.lower())]


def _lake(ctx: typer.Context) -> Path | None:
    """Return the lake on disk that the command would take; a bucket is not asked for names."""
    named = ctx.params.get("lake") or os.environ.get(LAKE_ENV)
    here = Path.cwd()
    folders = [Path(str(named))] if named else [here, *here.parents]
    return next((folder for folder in folders if (folder / LAKE_FILE).is_file()), None)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []
