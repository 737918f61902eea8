"""Decimal commas and marks of thousands in text tables, known by the first lines or an option."""

from __future__ import annotations

import re
from typing import Any

import pyarrow.compute as pc

from cte_lake.correction.text_header import TextHeader, split_line, text_lines
from cte_lake.detector import DETECTOR
from cte_lake.errors import CatalogError, UsageError
from cte_lake.model.columns import NAMES
from cte_lake.model.missing import MISSING
from cte_lake.model.units import split_name

_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d+)?")
#: The mark of 1,600 may separate thousands; that of 1600,5 or 0,125 cannot.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_OTHER = {",": ".", ".": ","}
#: By mark of decimals: 1.600,5 or 1,600.5, whose marks are told apart by their order.
_GROUPED = {
    mark: re.compile(rf"[+-]?\d{{1,3}}(?:[{other}]\d{{3}})+(?:[{mark}]\d*)?")
    for mark, other in _OTHER.items()
}


def decimal_marks(header: TextHeader, head: bytes, source: str, given: str | None = None) -> dict[str, str]:
    """Return the mark of decimals, and behind it that of thousands if any, of each column that needs them.

    A column whose commas may separate thousands (1,600) is left out, as text that is refused where a number
    is needed, unless another column has decimal commas and thousands are impossible in this one.

    Parameters
    ----------
    header : TextHeader
        Of the table; what was assumed is added to its notes.
    head : bytes
        The table's first bytes.
    source : str
        Its name, for messages.
    given : str, optional
        The mark of decimals, where the user says it; the other one then separates thousands.

    Raises
    ------
    CatalogError
        If some columns have decimal commas, and points may separate thousands in another.
    UsageError
        If `given` is no mark.
    """
    if given is not None and given not in _OTHER:
        raise UsageError(f"--decimal {given!r} is neither , nor .")
    if b"," not in head or (header.delimiter == "," and b'"' not in head):
        return {}
    rows = [split_line(line, header.delimiter) for line in text_lines(head)[header.skip :]]
    rows = [row for row in rows if len(row) == len(header.names)]
    numeric: dict[str, list[str]] = {}
    for place, name in enumerate(header.names):
        words = [word for row in rows if (word := row[place].strip()).lower() not in MISSING]
        if all(_NUMBER.fullmatch(word) or _both(word) for word in words):
            numeric[name] = [word for word in words if "," in word or "." in word]
    if given is not None:
        both = given + _OTHER[given]
        marks = {name: both for name, words in numeric.items() if words and _fits(words, both)}
    else:
        marks = _proved(numeric, source)
    commas = [name for name in marks if any("," in word for word in numeric[name])]
    for mark, said in ((",", "decimals follow a comma in"), (".", "commas separate thousands in")):
        if named := [name for name in commas if marks[name].startswith(mark)]:
            header.notes.append(f"{said} {', '.join(named)}")
    return marks


def _proved(numeric: dict[str, list[str]], source: str) -> dict[str, str]:
    marks = {name: found for name, words in numeric.items() if (found := _sure_marks(words))}
    commas = [name for name in numeric if marks.get(name, "").startswith(",")]
    if commas:
        _refuse_points(numeric, numeric[commas[0]][0], commas[0], source)
        marks |= {name: "," for name, words in numeric.items() if words and _no_thousands(name, words)}
    return {name: marks[name] for name in numeric if name in marks}


def _both(word: str) -> str:
    """Return the mark of decimals of a number that has both marks; empty for any other text."""
    found = [mark for mark, form in _GROUPED.items() if mark in word and form.fullmatch(word)]
    return found[0] if found else ""


def _sure_marks(words: list[str]) -> str:
    """Return the marks that the numbers of a column prove, of decimals and of thousands; empty for none."""
    groups = {mark + _OTHER[mark] for word in words if (mark := _both(word))}
    plain = {
        "." if "." in word else "," for word in words if not _both(word) and not _THOUSANDS.fullmatch(word)
    }
    proved = groups or (plain if "," in "".join(words) else set())
    found = next(iter(proved)) if len(proved) == 1 else ""
    return found if found and _fits(words, found) else ""


def _fits(words: list[str], marks: str) -> bool:
    other, grouped = _OTHER[marks[0]], _GROUPED[marks[0]]
    return all(other not in word or (len(marks) > 1 and grouped.fullmatch(word)) for word in words)


def _refuse_points(numeric: dict[str, list[str]], example: str, proved: str, source: str) -> None:
    for name, words in numeric.items():
        if words and all("." in word and _THOUSANDS.fullmatch(word) for word in words):
            raise CatalogError(
                f"table {source}: decimals follow a comma in column {proved!r} ({example}), and "
                f"{words[0]} of column {name!r} may be thousands; give --decimal , if it is, else write all "
                "decimals with a point"
            )


def _no_thousands(name: str, words: list[str]) -> bool:
    """Return whether numbers such as 18,054 cannot be thousands, since the column holds small numbers."""
    if not all("," in word and _THOUSANDS.fullmatch(word) for word in words):
        return False
    plain = split_name(name)[0].lower()
    if plain in NAMES["mag"] or plain in NAMES["radius"]:
        return True
    rows = 2 * DETECTOR.rows
    return plain in NAMES["y"] and any(abs(int(word.replace(",", ""))) > rows for word in words)


def with_points(column: Any, name: str, first_row: int, marks: str) -> Any:
    """Return the texts of a column with decimal points and without marks of thousands.

    Raises
    ------
    CatalogError
        If a number has the other mark where it separates no thousands.
    """
    mark, other = marks[0], _OTHER[marks[0]]
    wrong = marked = pc.match_substring(column, other)
    if len(marks) > 1:
        grouped = pc.match_substring_regex(column, rf"^\s*(?:{_GROUPED[mark].pattern})\s*$")
        wrong = pc.and_(marked, pc.invert(grouped))
    if pc.any(wrong).as_py():
        row = int(pc.index(wrong, True).as_py())
        said = {",": "comma", ".": "point"}
        raise CatalogError(
            f"column {name!r}, row {first_row + row + 1}: {column[row].as_py()!r} has a {said[other]}, and "
            f"decimals follow a {said[mark]} in other rows; write all with a point"
        )
    column = pc.replace_substring(column, other, "") if len(marks) > 1 else column
    return column if mark == "." else pc.replace_substring(column, ",", ".")
