"""Coefficient sets as text: TOML that explains itself, ECSV and JSON for other tools, and the 2017 files."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np

from cte_lake.errors import CatalogError, UsageError
from cte_lake.model.coefficients import CoefficientSet, Validity
from cte_lake.model.shift import HEAD as SHIFT_HEAD
from cte_lake.model.shift import read_shift, shift_values
from cte_lake.model.surface_text import HEAD, read_surface, surface_lines
from cte_lake.model.terms import Term, tensor_terms
from cte_lake.toml_text import read_toml

if TYPE_CHECKING:
    from astropy.table import Table

FORMAT = "cte-lake coefficients"
#: Version of a set whose chips lie apart by date and flux; one with a surface or a shift alone is written as
#: version 2, one without as version 1, which older releases read.
FORMAT_VERSION = 3
#: What `coeffs export` can write.
FORMATS = ("toml", "ecsv", "json")

_HEAD = """\
# Coefficients of a correction for CTE losses in WFC3/UVIS aperture photometry of point sources.
#
#   S(d, f)    = sum of c_ij  d^i f^j         S(d, f, b) = sum of c_ijk d^i f^j b^k
#   d = MJD - 55400,  f = log10(flux),  b = log10(1 + background)
#
# S is the fraction of its flux that a star loses per 2048 rows of readout; flux in electrons, less the sky,
# within the aperture radius below; background in electrons per pixel at readout: sky, dark and post-flash,
# the last two of which calibration takes off. While it is read out over t = rows/2048 a flux changes as
# d(ln flux)/dt = -S(flux); to first order the star is S*t too faint. Rows to the amplifiers
# are y on chip 2 (UVIS2, SCI,1) and 2050 - y on chip 1 (UVIS1, SCI,2), y counted from 0.
# Outside the flux and background ranges S is held at the edge; outside the dates it is extrapolated.
"""


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, int):
        return str(value)
    return repr(float(value))


def _section(name: str, values: dict[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{_key(key)} = {_toml(value)}" for key, value in values.items())]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _version(coefficients: CoefficientSet) -> int:
    if coefficients.surface is not None and coefficients.surface.apart is not None:
        return FORMAT_VERSION
    return 2 if coefficients.surface or coefficients.shift else 1


def to_toml(coefficients: CoefficientSet) -> str:
    """Return the set as TOML; every number is its shortest exact form, so that reading gives it back."""
    validity, names = coefficients.validity, coefficients.term_names
    lines = [
        _HEAD
        + (HEAD if coefficients.surface is not None else "")
        + (SHIFT_HEAD if coefficients.shift else ""),
        f"format = {_toml(FORMAT)}",
        f"format_version = {_version(coefficients)}",
        f"name = {_toml(coefficients.name)}",
        *_section("selection", dict(coefficients.selection)),
        "",
        "[validity]",
        f"flux = {_toml(validity.flux)}  # electrons",
        f"mjd = {_toml(validity.mjd)}  # days",
        f"background = {_toml(validity.background)}  # electrons per pixel",
        f"radius = {validity.radius}  # pixels",
        f"filetype = {_toml(validity.filetype)}",
        *_section("coefficients", dict(zip(names, coefficients.coefficients.tolist(), strict=True))),
        "",
        "[covariance]",
        f"order = {_toml(names)}",
        "rows = [",
        *(f"    {_toml(row)}," for row in coefficients.covariance.tolist()),
        "]",
        *_section("quality", dict(coefficients.quality)),
        *_section("provenance", dict(coefficients.provenance)),
        *([] if coefficients.surface is None else surface_lines(coefficients.surface)),
        *([] if coefficients.shift is None else _section("shift", shift_values(coefficients.shift))),
    ]
    return "\n".join(lines) + "\n"


def parse_term(name: str) -> Term:
    """Return the powers of a coefficient's name, ``c01`` or ``c011``.

    Raises
    ------
    CatalogError
        If it is none.
    """
    if not re.fullmatch(r"c[0-2]{2,3}", name):
        raise CatalogError(f"coefficient {name!r} is not of the form c_ij or c_ijk with powers 0 to 2")
    digits = [int(character) for character in name[1:]]
    return (digits[0], digits[1], digits[2] if len(digits) == 3 else 0)


def from_toml(text: str, source: str = "coefficients") -> CoefficientSet:
    """Read a set from TOML.

    Parameters
    ----------
    text : str
        What `to_toml` wrote.
    source : str, optional
        Name for messages.

    Raises
    ------
    CatalogError
        If the text is no coefficient set, or one of a later format.
    """
    try:
        data = read_toml(text)
    except ValueError as error:
        raise CatalogError(f"{source} is not TOML: {error}") from None
    if data.get("format") != FORMAT:
        raise CatalogError(f"{source} is not a coefficient set: its key 'format' is not {FORMAT!r}")
    if data.get("format_version") not in range(1, FORMAT_VERSION + 1):
        raise CatalogError(
            f"{source} has coefficient format {data.get('format_version')}; "
            f"this version reads 1 to {FORMAT_VERSION}"
        )
    try:
        names = list(data["coefficients"])
        validity = data["validity"]
        if data["covariance"]["order"] != names:
            raise CatalogError(f"{source}: the order of the covariance is not that of the coefficients")
        return CoefficientSet(
            name=str(data["name"]),
            terms=tuple(parse_term(name) for name in names),
            coefficients=np.array(list(data["coefficients"].values()), dtype=np.float64),
            covariance=np.array(data["covariance"]["rows"], dtype=np.float64),
            validity=Validity(
                flux=_pair(validity["flux"]),
                mjd=_pair(validity["mjd"]),
                background=_pair(validity["background"]),
                radius=int(validity["radius"]),
                filetype=str(validity["filetype"]),
            ),
            selection={key: str(value) for key, value in data.get("selection", {}).items()},
            quality={key: float(value) for key, value in data.get("quality", {}).items()},
            provenance={key: str(value) for key, value in data.get("provenance", {}).items()},
            surface=read_surface(data["surface"]) if "surface" in data else None,
            shift=read_shift(data["shift"]) if "shift" in data else None,
        )
    except KeyError as error:
        raise CatalogError(f"{source} lacks the key {error.args[0]!r}") from None
    except (TypeError, ValueError, UsageError) as error:
        raise CatalogError(f"{source}: {error}") from None


def _pair(values: Any) -> tuple[float, float]:
    low, high = values
    return (float(low), float(high))


def to_table(coefficients: CoefficientSet) -> Table:
    """Return the set as an astropy table, a row a coefficient, the rest in its metadata."""
    from astropy.table import Table

    table = Table()
    table["term"] = coefficients.term_names
    table["power_date"] = [term[0] for term in coefficients.terms]
    table["power_log_flux"] = [term[1] for term in coefficients.terms]
    table["power_log_background"] = [term[2] for term in coefficients.terms]
    table["value"] = coefficients.coefficients
    table["error"] = coefficients.errors
    table["covariance"] = coefficients.covariance
    table["value"].description = "loss per 2048 rows, fraction of flux, per unit of the term"
    validity = coefficients.validity
    table.meta = {
        "name": coefficients.name,
        "validity": {
            "flux": list(validity.flux),
            "mjd": list(validity.mjd),
            "background": list(validity.background),
            "radius": validity.radius,
            "filetype": validity.filetype,
        },
        "selection": dict(coefficients.selection),
        "quality": dict(coefficients.quality),
        "provenance": dict(coefficients.provenance),
    }
    return table


def to_json(coefficients: CoefficientSet) -> str:
    """Return the set as JSON; what is not known is null."""
    table = to_table(coefficients)
    errors = [None if np.isnan(e) else e for e in coefficients.errors.tolist()]
    covariance = [[None if np.isnan(v) else v for v in row] for row in coefficients.covariance.tolist()]
    validity = dict(table.meta["validity"])
    validity["background"] = [None if np.isnan(v) else v for v in validity["background"]]
    body = {
        **table.meta,
        "validity": validity,
        "terms": coefficients.term_names,
        "coefficients": coefficients.coefficients.tolist(),
        "errors": errors,
        "covariance": covariance,
    }
    if coefficients.surface is not None:
        body["surface"] = tomllib.loads("\n".join(surface_lines(coefficients.surface)))["surface"]
    if coefficients.shift is not None:
        body["shift"] = shift_values(coefficients.shift)
    return json.dumps(body, indent=2, allow_nan=False) + "\n"


_NAME_2017 = re.compile(
    r"cteVSlogflux_(?P<target>[\w-]+?)_(?P<filter>F\w+?)_(?P<length>[sl])_pf(?P<flash>\d+)"
    r"_ctecorr(?P<flc>True|False)_r(?P<radius>\d+)_mjd(?P<mjd>\d+)(?:_ch(?P<chip>[12]))?_coeffs\.txt"
)
#: Flux range of the 2017 fits, electrons: its code dropped the lowest bin.
_FLUX_2017 = (500.0, 32000.0)


def from_2017(text: str, file_name: str) -> CoefficientSet:
    """Read a per-epoch coefficient file of the 2017 monitor (``*_mjd<EPOCH>_coeffs.txt``).

    Such a file is three comment lines and nine of ``row column coefficient``: powers of d and of f. It rests
    on one epoch, so its dates are valid at that epoch alone, and it has no errors.

    Parameters
    ----------
    text : str
        Content of the file.
    file_name : str
        Its name; target, filter, length, flash, file type, radius and epoch are written there only.

    Raises
    ------
    CatalogError
        If the name or the content is not of that form.
    """
    found = _NAME_2017.fullmatch(file_name)
    if found is None:
        raise CatalogError(
            f"{file_name} is not named like cteVSlogflux_<target>_<filter>_<s|l>_pf<flash>"
            "_ctecorr<True|False>_r<radius>_mjd<epoch>_coeffs.txt, from where its meaning is read"
        )
    rows: dict[Term, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            i, j, value = line.split()
            rows[(int(i), int(j), 0)] = float(value)
        except ValueError:
            raise CatalogError(
                f"{file_name}, line {number}: {line!r} is not 'row column coefficient'"
            ) from None
    terms = tensor_terms(2)
    if set(rows) != set(terms):
        raise CatalogError(f"{file_name} holds {len(rows)} of the 9 coefficients c00 to c22")
    part = found.groupdict()
    mjd = float(part["mjd"])
    return CoefficientSet(
        name=file_name.removesuffix("_coeffs.txt"),
        terms=terms,
        coefficients=np.array([rows[term] for term in terms]),
        covariance=np.full((9, 9), np.nan),
        validity=Validity(
            flux=_FLUX_2017,
            mjd=(mjd, mjd),
            background=(np.nan, np.nan),
            radius=int(part["radius"]),
            filetype="flc" if part["flc"] == "True" else "flt",
        ),
        selection={key: part[key] for key in ("target", "filter", "length", "flash", "chip") if part[key]},
        provenance={"source": "2017 monitor, one epoch, minimum-norm coefficients", "file": file_name},
    )
