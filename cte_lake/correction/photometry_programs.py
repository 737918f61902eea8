"""Output of DOLPHOT and hst1pass: columns that their files do not name, and what these mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from cte_lake.correction.text_header import TextHeader, comment_lines, read_header
from cte_lake.errors import CatalogError
from cte_lake.model.table_constants import TableConstants
from cte_lake.model.table_values import as_numbers, raw_column

#: A line of the .columns file that DOLPHOT writes beside its output: number, description, image.
_COLUMN = re.compile(r"^\s*(\d+)\.\s+([^,(]+?)\s*(?:\((?!.*\bsec\b)[^)]*\))?\s*(?:,\s*(.*))?$")
#: Descriptions of DOLPHOT that roles are found by.
_SLUGS = {
    "object_x_position_on_reference_image": "x",
    "object_y_position_on_reference_image": "y",
    "chip": "dolphot_chip",
}
#: Letters of hst1pass' OUT= and of its files' endings; a capital is the same on the master frame.
_LETTERS = {
    "x": "x_frame", "y": "y_frame", "m": "mag", "q": "q_fit", "p": "peak", "s": "sky", "k": "chip_number",
    "r": "ra", "d": "dec", "u": "u_corrected", "v": "v_corrected", "w": "w", "z": "z",
    "n": "n", "i": "i", "j": "j",
}  # fmt: skip
_OUT = re.compile(r"\bOUT\s*=\s*[\"']?([A-Za-z]+)")
#: hst1pass lays UVIS2 below UVIS1 in one frame, counted from 1; the upper starts behind this row.
_LOWER_ROWS = 2**11
_FRAME_ROWS = 2 * _LOWER_ROWS


def program_header(kind: str, head: bytes, path: Path, names: list[str] | None) -> TextHeader | None:
    """Return the head of a file of DOLPHOT or hst1pass; None for any other text.

    Parameters
    ----------
    kind : str
        The format, ``dolphot`` or ``hst1pass``.
    head : bytes
        The file's first bytes.
    path : Path
        The file; DOLPHOT keeps the names of its columns beside it, hst1pass in its ending.
    names : list of str, optional
        Columns, where they are known better.

    Raises
    ------
    CatalogError
        If the columns cannot be identified.
    """
    if kind == "dolphot":
        return read_header(head, str(path), " ", names or _dolphot_names(path))
    if kind == "hst1pass":
        return read_header(head, str(path), " ", names or _hst1pass_names(head, path))
    return None


def _dolphot_names(path: Path) -> list[str]:
    beside = path.with_name(path.name + ".columns")
    if not beside.is_file():
        raise CatalogError(
            f"{path} needs the file {beside.name} beside it, in which DOLPHOT names the columns; "
            "else give --names"
        )
    images: dict[str, int] = {}
    names = []
    for line in beside.read_text(encoding="utf-8", errors="replace").splitlines():
        found = _COLUMN.match(line)
        if found is None:
            continue
        slug = re.sub(r"\W+", "_", found[2].lower()).strip("_")
        slug = _SLUGS.get(slug, slug)
        if found[3]:
            slug += f"_{images.setdefault(found[3], len(images) + 1)}"
        names.append(slug if slug not in names else f"{slug}_column{found[1]}")
    if not names:
        raise CatalogError(
            f"{beside} is not a .columns file of DOLPHOT: it has no line such as '3. Object X position'"
        )
    return names


def _hst1pass_names(head: bytes, path: Path) -> list[str]:
    found = next(filter(None, map(_OUT.search, comment_lines(head))), None)
    letters = found[1] if found else path.name.rpartition(".")[2]
    if not letters or any(letter.lower() not in _LETTERS for letter in letters):
        raise CatalogError(
            f"{path} names its columns neither by OUT= in a comment nor by an ending such as .xymqk; "
            "give them with --names"
        )
    return [
        _LETTERS[letter] if letter.islower() else f"{_LETTERS[letter.lower()]}_master" for letter in letters
    ]


def program_roles(
    kind: str | None, names: list[str], constants: TableConstants, chosen: Mapping[str, str]
) -> tuple[TableConstants, dict[str, str]]:
    """Return what a program's columns mean, beside what the user said of them.

    Raises
    ------
    CatalogError
        If DOLPHOT's file holds several images and none is chosen.
    """
    own = dict(chosen)
    if kind == "ascii.daophot" and constants.y_origin is None:
        return replace(constants, y_origin=1.0), own
    if kind == "hst1pass":
        own.setdefault("mag", "mag")
        zero = 0.0 if constants.zero_point is None else constants.zero_point
        return replace(constants, zero_point=zero), own
    if kind != "dolphot":
        return constants, own
    counts = [name for name in names if name.startswith("measured_counts_")]
    if len(counts) != 1 and ("flux" not in own or not ({"y", "distance"} & set(own))):
        raise CatalogError(
            f"DOLPHOT measured {len(counts)} images here; choose one with --column flux=NAME ("
            f"{', '.join(counts)}), and say by --column y=NAME where the row on its chip stands: "
            "DOLPHOT's y is that on the reference image"
        )
    if "flux" not in own:
        own["flux"] = counts[0]
    sky = own["flux"].replace("measured_counts", "measured_sky_level")
    if sky in names and constants.background is None:
        own.setdefault("background", sky)
    return replace(constants, y_origin=0.5 if constants.y_origin is None else constants.y_origin), own


def with_readout_distance(part: pa.Table) -> pa.Table:
    """Return hst1pass' stars with the rows to their amplifiers, from the place in its frame of both chips."""
    if "y_frame" not in part.column_names:
        raise CatalogError("hst1pass' column y is missing: ask for it with OUT=xym...")
    y = as_numbers(raw_column(part, "y_frame"), "y", "y_frame")
    distance = np.where(y < _LOWER_ROWS + 0.5, y - 1.0, _FRAME_ROWS - y)
    field = pa.field("readout_distance", pa.float64(), metadata={"unit": "pix"})
    return part.append_column(field, pa.array(np.maximum(distance, 0.0), from_pandas=True))
