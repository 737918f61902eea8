"""The command ``coeffs new``: a set of published numbers."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import Options, say
from cte_lake.cli.coeffs import coeffs
from cte_lake.cli.options import LakeOption, flux_bin, lake_or_none, overwriting, panel, parse_date
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.lake.store import Place
    from cte_lake.model.published_sets import Published

#: What must be known, asked for at a terminal: option, question.
_ASKED = {
    "flux": "Flux range, electrons (LOW-HIGH)",
    "dates": "First and last date (2009-10-01..2016-09-30, or MJD..MJD)",
    "filetype": "flt or flc",
    "source": "Source: publication, with table or page",
}


of_numbers = panel("What was published")
of_validity = panel("Where it holds")


@dataclass(frozen=True)
class NumbersOptions(Options):
    """The numbers, and what they are of."""

    values: Annotated[
        str | None, of_numbers("--values", "Nine numbers in the order c00 c01 c02 c10 ... c22.")
    ] = None
    coefficient: Annotated[
        list[str] | None, of_numbers("--coefficient", "One coefficient; repeatable.", metavar="cIJ=VALUE")
    ] = None
    table: Annotated[
        Path | None, of_numbers("--table", "Table with columns term (c00) or i, j; value; perhaps error.")
    ] = None
    source: Annotated[str | None, of_numbers("--source", "Publication, with table or page.")] = None
    loss_unit: Annotated[str, of_numbers("--loss-unit", "What the surface gives: fraction, or mag.")] = (
        "fraction"
    )
    rows: Annotated[
        float, of_numbers("--rows", "Number of rows that the loss is for; 2051 in reports from 2021 on.")
    ] = 2048.0


@dataclass(frozen=True)
class ValidityOptions(Options):
    """Of which data the numbers hold."""

    flux: Annotated[str | None, of_validity("--flux", "Range of fluxes, electrons.", metavar="LOW-HIGH")] = (
        None
    )
    dates: Annotated[
        str | None, of_validity("--dates", "Range of dates, or of MJD.", metavar="FIRST..LAST")
    ] = None
    background: Annotated[
        str | None, of_validity("--background", "Background, e-/px.", metavar="LOW-HIGH")
    ] = None
    radius: Annotated[int, of_validity("--radius", "Aperture, px.", min=1)] = 3
    filetype: Annotated[str | None, of_validity("--filetype", "File type: flt or flc.")] = None
    target: Annotated[str, of_validity("--target", "Target of the data.")] = ""
    filter_: Annotated[str, of_validity("--filter", "Filter of the data.")] = ""


@coeffs.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the set.")],
    *,
    numbers: NumbersOptions,
    validity: ValidityOptions,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File; by default the lake's set of the name.")
    ] = None,
    overwrite: Annotated[bool, overwriting("Overwrite a set of the name.")] = False,
    lake: LakeOption = None,
) -> None:
    """Write a coefficient set from published numbers: nine coefficients, some of them, or a table.

    The surface is S(d, f) = sum of c_ij d^i f^j with d = MJD - 55400 and f = log10(electrons); other units
    and heights are converted. What is not given is asked for at a terminal.

    [bold]Example[/bold]

      cte-lake coeffs new isr --table table3.csv --source "ISR 2017-09, table 3" --flux 500-32000
      --dates 2009-10-01..2016-09-30 --filetype flt -o isr.toml
    """
    from cte_lake.correction.coefficient_files import path_in_lake, write_coefficients
    from cte_lake.model.published_sets import set_of

    entry = set_of(_published(name, numbers, validity))
    root = lake_or_none(lake)
    if output is not None:
        path: Path | Place = output
    elif root is not None:
        path = path_in_lake(root, name)
    else:
        raise UsageError("there is no lake here to keep the set in; name a file with -o")
    write_coefficients(path, entry, overwrite)
    for date in entry.validity.mjd:
        at = math.sqrt(entry.validity.flux[0] * entry.validity.flux[1])
        say(f"loss of {at:.0f} e- on MJD {date:.0f}: {float(entry.loss(date, at)):.4f} per 2048 rows")
    typer.echo(str(path))


def _published(name: str, numbers: NumbersOptions, validity: ValidityOptions) -> Published:
    """Return the facts of a set, asking for what is missing."""
    from cte_lake.model.published_sets import Published

    given = {**vars(validity), **vars(numbers)}
    known = _asked({option: given[option] for option in _ASKED})
    values, errors = _numbers(numbers.values, numbers.coefficient, numbers.table)
    background, selection = validity.background, {"target": validity.target, "filter": validity.filter_}
    return Published(
        name=name,
        values=values,
        errors=errors,
        flux=flux_bin(known["flux"]),
        mjd=_dates(known["dates"]),
        background=(math.nan, math.nan) if background is None else flux_bin(background),
        radius=validity.radius,
        filetype=known["filetype"].lower(),
        source=known["source"],
        loss_unit=numbers.loss_unit,
        rows=numbers.rows,
        selection={key: word for key, word in selection.items() if word},
    )


def _asked(known: dict[str, str | None]) -> dict[str, str]:
    """Return all facts, asking for those that are missing where there is somebody to ask."""
    answers = {}
    for option, value in known.items():
        if value is None and not sys.stdin.isatty():
            raise UsageError(f"a set needs --{option}: {_ASKED[option]}")
        answers[option] = typer.prompt(_ASKED[option], err=True) if value is None else value
    return answers


def _numbers(
    values: str | None, coefficient: list[str] | None, table: Path | None
) -> tuple[dict[str, float], dict[str, float]]:
    from cte_lake.model.published_sets import nine, of_table

    if sum(given is not None for given in (values, coefficient, table)) != 1:
        raise UsageError("give the coefficients once: by --values, by --coefficient, or by --table")
    if table is not None:
        from cte_lake.correction.table_files import read_table

        return of_table(read_table(table))
    if values is not None:
        return nine([_number("--values", word) for word in values.replace(",", " ").split()]), {}
    pairs = {}
    for text in coefficient or ():
        key, _, word = text.partition("=")
        pairs[key.strip()] = _number("--coefficient", word)
    return pairs, {}


def _number(option: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise UsageError(f"{option}: {word!r} is not a number") from None


def _dates(text: str) -> tuple[float, float]:

    first, dots, last = text.partition("..")
    if not dots:
        raise UsageError(f"--dates {text!r} must be FIRST..LAST, such as 2009-10-01..2016-09-30")
    return parse_date(first.strip()), parse_date(last.strip())
