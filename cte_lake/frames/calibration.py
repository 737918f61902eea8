"""How new the calibration of a file is, by what its header says; names and folders do not count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

from packaging.version import Version

PIPELINE: Final = "pipeline"
"""Product of the instrument's own pipeline (calwf3)."""

HAP: Final = "hap"
"""Product of the Hubble Advanced Products: the same pixels with another WCS, never preferred."""

_BRACKETS: Final = re.compile(r"\([^)]*[A-Za-z][^)]*(\)|$)")
_DOTTED: Final = re.compile(
    r"(?<![A-Za-z0-9.])[vr]?(\d{1,2}(?:\.\d{1,9})+)"
    r"(?:[\s._-]*(alpha|a|beta|b|preview|pre|rc|c|post|rev|dev)[\s._-]*(\d{0,9})(?![A-Za-z]))?",
    re.I | re.A,
)
_WHOLE: Final = re.compile(r"\s*[vr]?(\d{1,2})(?![\w.])()()", re.I | re.A)
_UNKNOWN: Final = Version("0.dev0")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T[\d:.]+)?")


def version_key(text: str) -> Version:
    """Return what versions are compared by: '3.10 (Oct-18-2023)' is newer than '3.9'.

    The macro ``version_numbers`` of ``sql/`` finds the same numbers.

    Parameters
    ----------
    text : str
        CAL_VER or CTE_VER: numbers with points, perhaps a name before, a pre-release, a date in brackets.

    Returns
    -------
    Version
        Of text without a version it is older than any; so it is for the year of another system's release, as
        in 'HSTDP 2024.1'.

    Examples
    --------
    >>> version_key("3.7.1 (Oct-18-2023)") < version_key("3.10")
    True
    """
    plain = _BRACKETS.sub("", text)
    found = _DOTTED.search(plain) or _WHOLE.match(plain)
    return Version("".join(part or "" for part in found.groups())) if found else _UNKNOWN


@total_ordering
@dataclass(frozen=True, eq=False)
class Calibration:
    """What says how new a calibration is; a newer one is greater.

    A product of the pipeline is before one of HAP; then the version of calwf3 decides, then that of the CTE
    correction, then the day on which the file was written.

    Attributes
    ----------
    product : str
        `PIPELINE` or `HAP`.
    cal_ver, cte_ver : str
        CAL_VER, CTE_VER; '' where missing.
    date : str
        DATE, ISO; '' where missing.
    """

    product: str
    cal_ver: str
    cte_ver: str
    date: str

    @property
    def _key(self) -> tuple[object, ...]:
        date = self.date if _DATE.match(self.date) else ""
        return self.product == PIPELINE, version_key(self.cal_ver), version_key(self.cte_ver), date

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calibration) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __lt__(self, other: Calibration) -> bool:
        return self._key < other._key

    def __str__(self) -> str:
        said = [f"CAL_VER {self.cal_ver or 'unknown'}"]
        said += [f"CTE_VER {self.cte_ver}"] if self.cte_ver else []
        said += [f"written on {self.date[:10]}"] if self.date else []
        said += ["a HAP product"] if self.product == HAP else []
        return ", ".join(said)


def product_of(filename: str, header_filename: str, wcsname: str, hap_level: object) -> str:
    """Return whose product a file is: HAP files say so in their names, HAPLEVEL, or the name of their WCS."""
    named = any(name.lower().startswith("hst_") for name in (filename, header_filename))
    fitted = re.search(r"FIT_[SM]VM", wcsname.upper()) is not None
    return HAP if named or fitted or hap_level is not None else PIPELINE
