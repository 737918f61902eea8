"""What the first lines of a text table say: delimiter, names, units, where the values start."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field

from cte_lake.correction.text_source import HEAD, wide_encoding
from cte_lake.errors import CatalogError
from cte_lake.model.missing import MISSING
from cte_lake.model.units import parse_unit

#: ``#   4 FLUX_APER   Flux within a fixed circular aperture   [count]`` of SExtractor.
_SEXTRACTOR = re.compile(r"^#\s*(\d+)\s+([A-Z][\w]*)(?:\s+(.*?))?(?:\s*\[([^\]]*)\])?\s*$")
#: What Excel takes for the separator of a text, in a line before the names.
_SEPARATOR = re.compile(r'^"?sep=(.)"?\s*$', re.IGNORECASE)
_UNIT_APART = re.compile(r"\s+([\[(][^\])]*[\])])")


@dataclass
class TextHeader:
    """The head of a text table.

    Attributes
    ----------
    delimiter : str
        A blank stands for any blanks and tabs.
    names : list of str
        Columns.
    skip : int
        Lines before the values.
    units : dict of str to str
        By column.
    notes : list of str
        What was assumed, for people.
    marks : dict of str to str
        By column, its marks of decimals and, behind, of thousands, where they are not those of Python.
    """

    delimiter: str
    names: list[str]
    skip: int
    units: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)


def is_number(text: str) -> bool:
    """Return whether a text is a number, by decimal comma too, or what stands for a missing one."""
    plain = text.strip().lower().replace(",", ".")
    if plain in MISSING:
        return True
    try:
        # Python takes 1_600 for a number.
        float(plain.replace("d", "e").replace("_", "-") if plain[:1] in "+-.0123456789" else plain)
    except ValueError:
        return False
    return True


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the values of a line, quotes and blanks around them taken off."""
    line = line if delimiter != " " else re.sub(r"[ \t]+", " ", line.strip())
    try:
        words = next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter != " "), [])
    except csv.Error:
        raise CatalogError(
            f"a line of the table ends in CR and others in LF, or holds a value of over "
            f"{csv.field_size_limit():,} letters; it begins with {line[:40]!r}"
        ) from None
    return [word.strip() for word in words] if delimiter != " " else words


def delimiter_of(line: str, wanted: str | None = None) -> str:
    """Return what separates the values of a line; a blank for blanks and tabs."""
    if wanted is not None:
        return wanted
    for candidate in ("\t", ";", " ") if "," in line else ():
        # Of 600,5;1500,5 and 600,5 1500,5 the comma separates nothing.
        words = split_line(line, candidate)
        if len(words) > 1 and all(is_number(word) and word == word.strip(",") for word in words):
            return candidate
    return next((candidate for candidate in ("\t", ",", ";", "|") if candidate in line), " ")


def decode(head: bytes) -> str:
    """Return the first bytes of a file as text: UTF-16 or UTF-32, UTF-8, else Latin-1."""
    if encoding := wide_encoding(head):
        return head[: len(head) // 4 * 4].decode(encoding, "ignore")
    try:
        return head.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        # The last character may be cut in two.
        if error.start > len(head) - 4:
            return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "ignore")
        return head.decode("latin-1")


def text_lines(head: bytes) -> list[str]:
    """Return the lines of a file's first bytes, ended as `text_source.Lines` ends them."""
    text = decode(head)
    if wide_encoding(head) or "\n" not in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def comment_lines(head: bytes) -> list[str]:
    """Return the lines of a file's first bytes that are comments."""
    return [line for line in text_lines(head) if line.lstrip().startswith("#")]


def read_header(
    head: bytes, source: str, delimiter: str | None = None, names: list[str] | None = None
) -> TextHeader:
    """Read the head of a text table.

    Parameters
    ----------
    head : bytes
        Its first bytes.
    source : str
        Its name, for messages.
    delimiter : str, optional
        What separates values, if the format implies it.
    names : list of str, optional
        Columns, where the file has no line of names.

    Raises
    ------
    CatalogError
        If there are no values, or no names.
    """
    if b"\0" in head and not wide_encoding(head):
        raise CatalogError(f"table {source} is not text, nor in any known format")
    lines = text_lines(head)
    if len(head) >= HEAD:
        # The last line is cut.
        lines = lines[:-1]
    comments: list[str] = []
    number = 0
    for place, line in enumerate(lines):
        number = place
        if line.strip() and not line.lstrip().startswith("#"):
            break
        if line.strip():
            comments.append(line.strip())
    else:
        raise CatalogError(f"table {source} holds no values")
    if (said := _SEPARATOR.match(lines[number])) and number + 1 < len(lines):
        delimiter, number = said[1], number + 1
    first = lines[number]
    used = delimiter_of(first, delimiter)
    values = split_line(first, used)
    if names is not None:
        skip = number if all(is_number(value) for value in values) else number + 1
        return _checked(TextHeader(used, names, skip), lines, source)
    sextractor = _of_sextractor(comments, len(values))
    if sextractor is not None:
        own, units = sextractor
        return TextHeader(used, own, number, units, ["names and units of a SExtractor catalog"])
    if any(is_number(value) and value for value in values):
        return _of_comments(comments, used, values, number, source)
    plain = split_line(_UNIT_APART.sub(r"\1", first), used) if used == " " else values
    found = TextHeader(used, plain, number + 1)
    return _checked(_with_units(found, lines), lines, source)


def _checked(header: TextHeader, lines: list[str], source: str) -> TextHeader:
    for number in range(header.skip, len(lines)):
        line = lines[number]
        if line.strip() and not line.lstrip().startswith("#"):
            count = len(split_line(line, header.delimiter))
            if count != len(header.names):
                raise CatalogError(
                    f"table {source}: {len(header.names)} columns are named ({', '.join(header.names)}), and "
                    f"line {number + 1} holds {count} value{'' if count == 1 else 's'}"
                )
            break
    return header


def _with_units(header: TextHeader, lines: list[str]) -> TextHeader:
    """Take a line of units below the names, as spreadsheets have it."""
    if len(lines) < header.skip + 2:
        return header
    words = split_line(lines[header.skip], header.delimiter)
    numbers = [word for word in words if is_number(word) and word.lower() not in MISSING]
    if len(words) != len(header.names) or numbers:
        return header
    try:
        for word in words:
            parse_unit(word.strip("[]()")) if word else None
    except (ValueError, TypeError):
        return header
    if not any(words):
        return header
    header.units = {
        name: word.strip("[]()") for name, word in zip(header.names, words, strict=True) if word.strip("-")
    }
    header.skip += 1
    header.notes.append("units of the line below the names")
    return header


def add_comment_units(header: TextHeader, comments: list[str]) -> None:
    """Take units that comment lines give: one for each column, or ``flux [e-/s]``, ``flux: e-/s`` of one."""
    lines = [comment.lstrip("# \t").strip() for comment in comments]
    lines += [clause.strip() for line in lines for clause in re.split("[,;]", line)]
    found: dict[str, str] = {}
    for line in lines:
        words = split_line(re.sub(r"^units?\s*[:=]\s*", "", line, flags=re.IGNORECASE), header.delimiter)
        if len(words) == len(header.names) > 1 and all(_is_unit(word) or word in _NO_UNIT for word in words):
            found |= {
                name: word for name, word in zip(header.names, words, strict=True) if word not in _NO_UNIT
            }
    for place, name in enumerate(header.names, 1):
        own = re.compile(
            rf"(?<![\w.])(?:{re.escape(name)}|TUNIT{place})(?:[_ ]?units?)?"
            r"(?:\s*[:=]|\s+in\b|[^\[(]*[\[(])\s*[\"']?([^\[\]()'\"]+)[\"']?[\])]?$",
            re.IGNORECASE,
        )
        units = [match[1] for line in lines if (match := own.search(line)) and _is_unit(match[1])]
        found |= dict(zip([name], units, strict=False))
    if new := {name: unit for name, unit in found.items() if not header.units.get(name)}:
        header.units |= new
        header.notes.append(
            f"units of comment lines: {', '.join(f'{name} in {unit}' for name, unit in new.items())}"
        )


#: What stands in a line of units for a column without one.
_NO_UNIT = frozenset({"", "-", "--", "none", "unitless", "##"})


def _is_unit(text: str) -> bool:
    """Return whether a text is a unit of something; a number, a name or nothing is none."""
    try:
        unit = parse_unit(text.strip("[]()"))
    except (ValueError, TypeError):
        return False
    return bool(getattr(unit, "bases", None)) or hasattr(unit, "physical_unit")


def _of_sextractor(comments: list[str], values: int) -> tuple[list[str], dict[str, str]] | None:
    found = [match for match in map(_SEXTRACTOR.match, comments) if match]
    if not found or len(found) != len(comments):
        return None
    places = {int(match[1]): match for match in found}
    names: list[str] = []
    units: dict[str, str] = {}
    base, extra = "", 0
    for place in range(1, values + 1):
        match = places.get(place)
        # A vector takes several columns and is named at its first.
        base, extra = (match[2], 0) if match else (base, extra + 1)
        names.append(base if not extra else f"{base}_{extra}")
        if match and match[4]:
            unit = match[4]
        elif match:
            unit = ""
        if unit:
            units[names[-1]] = unit
    if any(name.endswith("_1") for name in names):
        # A vector's elements are numbered from 0, the first too, so that none passes for the only one.
        firsts = {name[:-2] for name in names if name.endswith("_1")}
        renamed = {name: f"{name}[0]" for name in firsts} | {
            f"{base}_{k}": f"{base}[{k}]"
            for base in firsts
            for k in range(1, values)
            if f"{base}_{k}" in names
        }
        names = [renamed.get(name, name) for name in names]
        units = {renamed.get(name, name): unit for name, unit in units.items()}
    return names, units


def _of_comments(
    comments: list[str], delimiter: str, values: list[str], number: int, source: str
) -> TextHeader:
    for comment in reversed(comments):
        text = comment.lstrip("#").strip()
        for line in (text, _UNIT_APART.sub(r"\1", text)):
            words = split_line(line, delimiter)
            if len(words) == len(values) and not any(is_number(word) for word in words):
                return TextHeader(delimiter, words, number, notes=["names of a comment line"])
    raise CatalogError(
        f"table {source} has no line of names for its {len(values)} columns; give them with --names, such as "
        "--names id,x,y,flux"
    )
