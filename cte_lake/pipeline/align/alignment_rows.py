"""Aligned WCS solutions in the lake: one row and, where the gate passed, one headerlet an exposure.

The headerlet is an ordinary one, as ``stwcs`` applies it; the row (dataset ``alignment``) is written after
it and is what makes it count. Light on purpose: ingest's workers import this module, and only this one, of
the stage.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from astropy.io import fits

from cte_lake.digests import digest
from cte_lake.errors import LakeError
from cte_lake.lake.seals import changed_files, read_beside
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import (
    Version,
    current,
    current_of_all,
    newest_rows,
    next_version,
    read_row,
    without_file,
    write_row,
)
from cte_lake.lake.write import write_bytes

ALIGNED = "aligned"
QUARANTINED = "quarantined"
SKIPPED = "skipped"

Card = str | float | int | bool

_HEADERLET = ".hlet.fits"
#: Suffix of the matched stars that lie beside a row, for the diagnostic figures.
MATCHES = ".matches.feather"
_WCS_CARD = re.compile(
    r"WCSAXES|WCSNAME|RADESYS|EQUINOX|LONPOLE|LATPOLE"
    r"|(CRPIX|CRVAL|CTYPE|CUNIT)[12]|CD[12]_[12]|[AB]P?_(ORDER|DMAX|\d+_\d+)"
)


@dataclass(frozen=True)
class WcsSolution:
    """What alignment has to say about an exposure; it holds for its FLC and its FLT.

    Attributes
    ----------
    rootname : str
        Root name of the exposure.
    status : str
        'aligned'; 'quarantined': the gate refused it and it must not be measured; 'skipped': nothing could be
        matched where nothing can be (charge injection), the header's WCS stands.
    reason, detail : str
        Why it is not aligned, as slug and sentence; empty where it is.
    hash : str
        Hash of status and cards: two solutions with one hash place every star alike.
    cards : dict of int to dict
        The WCS cards of each chip (1 and 2), SIP terms included; empty unless aligned.
    """

    rootname: str
    status: str
    reason: str = ""
    detail: str = ""
    hash: str = ""
    cards: Mapping[int, Mapping[str, Card]] = field(default_factory=dict)


def alignment_dir(lake_root: StoredLake) -> Place:
    """Return the folder of the dataset ``alignment``."""
    return lake_root / "alignment"


def wcs_cards(header: fits.Header) -> dict[str, Card]:
    """Return the cards of `header` that make its celestial WCS, SIP included; lookup tables are left out."""
    return {card.keyword: card.value for card in header.cards if _WCS_CARD.fullmatch(card.keyword)}


def read_cards(headerlet: bytes) -> dict[int, dict[str, Card]]:
    """Return the WCS cards of each chip in a headerlet."""
    with fits.open(io.BytesIO(headerlet)) as hdus:
        headers = [hdu.header for hdu in hdus if hdu.name == "SIPWCS"]
        return {int(header["CCDCHIP"]): wcs_cards(header) for header in headers}


def solution_hash(status: str, cards: Mapping[int, Mapping[str, Card]]) -> str:
    """Return the hash of a solution; WCSNAME is left out, since it carries the hash's beginning itself."""
    plain = {str(chip): {k: v for k, v in named.items() if k != "WCSNAME"} for chip, named in cards.items()}
    return digest([status, plain])


def alignment_for(lake_root: StoredLake, rootname: str) -> WcsSolution | None:
    """Return the current solution of an exposure, or None where `align` has not seen it.

    Raises
    ------
    LakeError
        If its headerlet cannot be read.
    """
    version = current(alignment_dir(lake_root), rootname.lower())
    return None if version is None else _load(version)


def alignment_states(lake_root: StoredLake) -> dict[str, Version]:
    """Return root name -> current version (key, status, hash) of every exposure that `align` has seen.

    Made from one listing, no file is opened: for plans over thousands of exposures.
    """
    return current_of_all(alignment_dir(lake_root))


def without_headerlet(lake_root: StoredLake, versions: Iterable[Version]) -> set[str]:
    """Return the rows' names of those aligned whose headerlet is lost, as after a quarantine."""
    aligned = (version for version in versions if version.status == ALIGNED)
    return without_file(alignment_dir(lake_root), aligned, _HEADERLET)


def current_rows(lake_root: StoredLake) -> list[dict[str, Any]]:
    """Return the current row of every exposure that `align` has seen, by column of the dataset."""
    return newest_rows(lake_root, "alignment")


def write_solution(
    lake_root: StoredLake,
    key: str,
    solution: WcsSolution,
    headerlet: bytes | None,
    row: Mapping[str, Any],
    matches: bytes | None = None,
) -> Version:
    """Keep a solution: the headerlet first, the row, which makes it count, last.

    Parameters
    ----------
    lake_root : StoredLake
        The lake.
    key : str
        Hash of what the solution was made from: input file, master catalog, settings.
    solution : WcsSolution
        Status, reason and hash (`cards` are read back from the headerlet).
    headerlet : bytes or None
        The headerlet as a FITS file; None unless aligned.
    row : mapping
        The numbers, by column of the dataset ``alignment``; what the solution itself holds is filled in here.
    matches : bytes, optional
        The matched stars, for the diagnostic figures.

    Returns
    -------
    Version
        Where it lies; the current one where key and content are the same and its files are whole.
    """
    if (solution.status == ALIGNED) != (headerlet is not None):
        raise ValueError(f"{solution.rootname}: a headerlet goes with status 'aligned' and with no other")
    version = next_version(alignment_dir(lake_root), solution.rootname, key, solution.status, solution.hash)
    if (
        version.path.exists()
        and not changed_files(version.path)
        and (headerlet is None or version.beside(_HEADERLET).exists())
    ):
        return version
    if headerlet is not None:
        write_bytes(version.beside(_HEADERLET), headerlet)
    if matches is not None:
        write_bytes(version.beside(MATCHES), matches)
    filled = dict(row) | {
        "status": solution.status,
        "reason": solution.reason or None,
        "detail": solution.detail or None,
        "solution_hash": solution.hash,
        "headerlet": None if headerlet is None else version.beside(_HEADERLET).name,
    }
    write_row(version, "alignment", filled)
    return version


def _load(version: Version) -> WcsSolution:
    if version.status != ALIGNED:
        row = read_row(version)
        return WcsSolution(
            version.rootname, version.status, row["reason"] or "", row["detail"] or "", version.hash
        )
    path = version.beside(_HEADERLET)
    try:
        cards = read_cards(read_beside(version.path, _HEADERLET))
    except (OSError, KeyError, LakeError) as error:
        raise LakeError(
            f"the headerlet {path} cannot be read ({error}); "
            f"run 'cte-lake align --overwrite' on {version.rootname}"
        ) from error
    if solution_hash(ALIGNED, cards) != version.hash:
        raise LakeError(
            f"the headerlet {path} was changed since it was written; "
            f"run 'cte-lake align --overwrite' on {version.rootname}"
        )
    return WcsSolution(version.rootname, ALIGNED, hash=version.hash, cards=cards)
