"""How columns and their values are written for a reader: one wording in figures, report and terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ELECTRONS = "e⁻"
#: What is divided by what in a pair with an exposure on either chip, and in one of a 180-degree set.
OVER, OVER_ROLLED = "chip 1 / chip 2", "second visit / first visit"


def target_text(target: str) -> str:
    """A target as one writes it: ``NGC 104`` for ``ngc104``."""
    found = re.fullmatch(r"ngc-?(\d+)(.*)", target)
    return f"NGC {found[1]}{found[2].upper()}" if found else target


def bin_text(low: float, high: float) -> str:
    """A flux bin in words, ``500-2000 e⁻``."""
    return f"{low:g}–{high:g} {ELECTRONS}"  # noqa: RUF001 - the dash of a range


def flash_text(flash: float) -> str:
    """A post-flash level in words."""
    return "no flash" if flash == 0 else f"flash {flash:g} {ELECTRONS}/px"


_WORDS: dict[str, Callable[[Any], str]] = {
    "target": lambda value: target_text(str(value)),
    # A surface with background is fitted to several levels, which its set names together: '0,12'.
    "flash": lambda value: ", ".join(flash_text(float(level)) for level in str(value).split(",")),
    "filetype": lambda value: str(value).upper(),
    "length": lambda value: {"s": "short exposures", "l": "long exposures"}.get(str(value), str(value)),
    "aperture": lambda value: f"aperture {float(value):g} px",
    "far": lambda value: "far from the amplifiers" if value else "near the amplifiers",
    "chip": lambda value: f"chip {int(value)}",
    "proposal": lambda value: f"proposal {int(value)}",
    "exptime": lambda value: f"{float(value):g} s",
    "chinject": lambda value: "no charge injection" if value == "NONE" else f"charge injection {value}",
    "generation": lambda value: f"generation {value}",
    "robust": lambda value: "least squares" if value == "none" else f"{value} weights",
    "form": lambda value: f"{value} form",
    "estimator": lambda value: f"estimator {value}",
    "mode": lambda value: f"mode {value}",
}


def word(key: str, value: Any) -> str:
    """The value of a column as a reader wants it."""
    return _WORDS.get(key, str)(value)


def count_text(number: float, what: str, plural: str = "") -> str:
    """A number of things: ``1 pair``, ``12,345 stars``."""
    return f"{int(number):,} {what if int(number) == 1 else plural or what + 's'}"


def power_text(value: float, error: float) -> str:
    """A small number and its error with one power of ten, ``(2.58 ± 0.11) × 10⁻⁴``."""
    size = max(abs(value), abs(error)) if np.isfinite([value, error]).all() else abs(value)
    power = int(np.floor(np.log10(size))) if np.isfinite(size) and size > 0 else 0
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    scaled = f"{value / 10.0**power:.2f} ± {error / 10.0**power:.2f}"
    return f"({scaled}) × 10{raised}"  # noqa: RUF001 - the sign of a product


def sentence(parts: Iterable[str]) -> str:
    """Join what is not empty with commas."""
    return ", ".join(part for part in parts if part)


def with_capital(text: str) -> str:
    """Begin a caption with a capital letter, unless its first word is a name, such as a file's."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return text if re.search(r"[\d_.]", first.rstrip(".,;:")) else text[:1].upper() + text[1:]


def year_of(mjd: ArrayLike) -> NDArray[np.float64]:
    """Return the Julian epoch of a date, ``2016.583``, for axes."""
    return 2000.0 + (np.asarray(mjd, dtype=np.float64) - 51544.5) / 365.25


def mjd_of(year: ArrayLike) -> NDArray[np.float64]:
    """Return the date of a Julian epoch, MJD."""
    return 51544.5 + (np.asarray(year, dtype=np.float64) - 2000.0) * 365.25
