"""Coefficient tables as in WFC3 ISR 2017-09: a row a coefficient, a column a set."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cte_lake.errors import UsageError
from cte_lake.model.coefficients import CoefficientSet

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def escape(text: str) -> str:
    """Return text that LaTeX prints as it stands."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def label(coefficients: CoefficientSet) -> str:
    """Return the heading of a set's column: flash level, file type and exposure length, as in the ISR."""
    chosen = coefficients.selection
    flash = f"pf{chosen['flash']}" if "flash" in chosen else coefficients.name
    length = {"s": ", short", "l": ", long"}.get(chosen.get("length", ""), "")
    return f"{flash}{' FLC' if coefficients.validity.filetype == 'flc' else ''}{length}"


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}e}"
    return re.sub(r"^-", r"$-$", text)


def latex_table(
    sets: Sequence[CoefficientSet], digits: int = 2, errors: bool = False, caption: str = ""
) -> str:
    """Return a LaTeX table of coefficient sets.

    Parameters
    ----------
    sets : sequence of CoefficientSet
        One column each; all of the same terms.
    digits : int, optional
        Decimals. The ISR prints 2, from which S cannot be computed: its terms cancel; the files have all.
    errors : bool, optional
        Add a column of standard errors to each set.
    caption : str, optional
        Caption; by default target, filter and radius of the first set.

    Raises
    ------
    UsageError
        If there is no set, or they do not have the same terms.
    """
    if not sets:
        raise UsageError("a table needs at least one coefficient set")
    names = sets[0].term_names
    if any(entry.term_names != names for entry in sets):
        raise UsageError("the sets do not have the same terms; print sets with background on their own")
    heads, columns = ["Mode"], [[name.upper() for name in names]]
    for entry in sets:
        heads.append(escape(label(entry)))
        columns.append([_number(value, digits) for value in entry.coefficients])
        if errors:
            heads.append(r"$\sigma$")
            columns.append(["--" if np.isnan(e) else _number(e, digits) for e in entry.errors])
    chosen = sets[0].selection
    known = [chosen[key].upper() for key in ("target", "filter") if key in chosen]
    text = caption or f"{' '.join(known)} CTE coefficients, r = {sets[0].validity.radius} px".strip()
    rows = [" & ".join(cells) + r" \\" for cells in zip(*columns, strict=True)]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{escape(text)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
            r"\hline",
            " & ".join(heads) + r" \\",
            r"\hline",
            *rows,
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
