"""The commands ``coeffs list|show|latex|export|diff``."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, App, app, say
from cte_lake.cli.complete import coefficient_sets
from cte_lake.cli.options import LakeOption, lake_or_none, option
from cte_lake.cli.output import STANDARD_OUTPUT
from cte_lake.cli.rows import RowsOutput
from cte_lake.names import one_of

if TYPE_CHECKING:
    from cte_lake.lake.stored import StoredLake
    from cte_lake.model.coefficients import CoefficientSet

coeffs = App(help="Coefficient sets: list, show, print as LaTeX, export, compare, enter published ones.")
app.add_typer(coeffs, name="coeffs", rich_help_panel=RESULTS)

SetArgument = Annotated[
    str,
    typer.Argument(
        metavar="SET",
        help="A file (TOML, or *_coeffs.txt of the 2017 monitor), or a name in the lake.",
        autocompletion=coefficient_sets,
    ),
]
SetsArgument = Annotated[
    list[str],
    typer.Argument(metavar="SET...", help="Files or names in the lake.", autocompletion=coefficient_sets),
]


@coeffs.command("list")
def list_sets(lake: LakeOption = None, *, printed: RowsOutput) -> None:
    """List the coefficient sets of the lake and the built-in ones, one per line.

    A set is stale when the photometry behind its slopes changed since it was fitted; `run --steps fit` makes
    a new version beside it. `use` marks the one to take of the sets fitted on the same request.
    """
    from cte_lake.correction.coefficient_files import listed_sets

    root = lake_or_none(lake)
    rows, problems = listed_sets(root)
    for problem in problems:
        say(f"left out: {problem}")
    states = {} if root is None else _states(root)
    rows = [
        row | (states.get(row["name"], _NO_STATE) if row["where"] == "lake" else _NO_STATE) for row in rows
    ]
    for row in rows:
        if row["reason"] and row["state"] != "superseded":
            say(f"{row['name']} is {row['state']}: {row['reason']}")
    printed.rows(rows, _shown)
    if not any(row["where"] == "lake" for row in rows):
        say("no coefficient set of a lake yet; `cte-lake fit` or `coeffs new` makes one")


#: What is said of sets that stand on no lake.
_NO_STATE: dict[str, Any] = {"state": "", "use": None, "age_days": None, "reason": ""}


def _states(root: StoredLake) -> dict[str, dict[str, Any]]:
    from cte_lake.config import load_settings
    from cte_lake.correction.renewal import set_states

    return {
        one.coefficients.name: {
            "state": one.state,
            "use": one.use,
            "age_days": None if math.isnan(one.age) else round(one.age, 2),
            "reason": one.reason,
        }
        for one in set_states(root, load_settings(root))
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that distinguish sets, to fit a terminal of 80."""
    return {
        "name": row["name"],
        "file": row["filetype"],
        "r px": row["radius"],
        "flux e-": f"{row['flux_min']:g}-{row['flux_max']:g}",
        "MJD": f"{row['mjd_min']:.0f}-{row['mjd_max']:.0f}",
        "state": row["state"] or row["where"],
        "use": "yes" if row["use"] else "",
        "days": "" if row["age_days"] is None else f"{row['age_days']:.0f}",
    }


@coeffs.command()
def show(name: SetArgument, lake: LakeOption = None, *, printed: RowsOutput) -> None:
    """Print a set: coefficients with errors, range of validity, origin.

    With --format or -o only the coefficients, a row each; --json is the whole set.
    """
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.model.coefficient_text import to_json

    entry = find_coefficients(name, lake_or_none(lake))
    rows = [
        {"term": term, "value": float(value), "error": float(error)}
        for term, value, error in zip(entry.term_names, entry.coefficients, entry.errors, strict=True)
    ]
    if printed.as_json and printed.output is None:
        typer.echo(to_json(entry), nl=False)
    elif printed.format_ is not None or printed.output is not None:
        printed.rows(rows, digits=8)
    else:
        typer.echo(f"{entry.name}\n")
        printed.rows(rows, digits=8)
        _print_set(entry)


def _print_set(entry: CoefficientSet) -> None:
    validity = entry.validity
    typer.echo("\nvalid for")
    typer.echo(f"  flux        {validity.flux[0]:g} to {validity.flux[1]:g} e- within {validity.radius} px")
    typer.echo(f"  dates       MJD {validity.mjd[0]:.1f} to {validity.mjd[1]:.1f}")
    low, high = validity.background
    typer.echo(f"  background  {f'{low:g} to {high:g} e-/px' if math.isfinite(low) else 'not known'}")
    typer.echo(f"  files       {validity.filetype}")
    sections = (("fitted to", entry.selection), ("quality", entry.quality), ("from", entry.provenance))
    for title, values in sections:
        if values:
            typer.echo(title)
            for key, value in values.items():
                typer.echo(f"  {key:<11} {value:g}" if isinstance(value, float) else f"  {key:<11} {value}")


@coeffs.command()
def latex(
    names: SetsArgument,
    lake: LakeOption = None,
    digits: Annotated[
        int, option("--digits", "Number of decimals: 2 as in the ISR, 6 to compute with.", min=0, max=16)
    ] = 2,
    errors: Annotated[bool, option("--errors", "Add a column of standard errors per set.")] = False,
    caption: Annotated[str, option("--caption", "Caption; default: target, filter, radius.")] = "",
) -> None:
    """Print sets side by side as a LaTeX table, as in WFC3 ISR 2017-09."""
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.model.latex import latex_table

    root = lake_or_none(lake)
    typer.echo(latex_table([find_coefficients(name, root) for name in names], digits, errors, caption))


@coeffs.command()
def export(
    name: SetArgument,
    lake: LakeOption = None,
    format_: Annotated[str, option("--format", "Format: toml, ecsv or json.")] = "toml",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; default: standard output.")
    ] = None,
) -> None:
    """Write a set for other tools; a 2017 text file comes out as TOML with its meaning spelled out."""
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.lake.write import write_bytes
    from cte_lake.model.coefficient_text import FORMATS, to_json, to_table, to_toml

    kind = one_of("--format", format_, FORMATS)
    entry = find_coefficients(name, lake_or_none(lake))
    if kind == "ecsv":
        from io import StringIO

        stream = StringIO()
        to_table(entry).write(stream, format="ascii.ecsv")
        text = stream.getvalue()
    else:
        text = to_toml(entry) if kind == "toml" else to_json(entry)
    if output is None or output == STANDARD_OUTPUT:
        sys.stdout.write(text)
    else:
        write_bytes(output, text.encode())


@coeffs.command()
def diff(first: SetArgument, second: SetArgument, lake: LakeOption = None, *, printed: RowsOutput) -> None:
    """Compare two sets: their losses over the dates and fluxes that both are valid for.

    Single coefficients are strongly correlated, so that they may differ while the surfaces agree; the
    losses decide. `sigma` is their difference over both errors.
    """
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.model.compare import compare_sets

    root = lake_or_none(lake)
    one, two = find_coefficients(first, root), find_coefficients(second, root)
    comparison = compare_sets(one, two)
    for difference in comparison.facts:
        say(difference)
    printed.rows(comparison.losses)
