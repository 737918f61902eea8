"""What the archive (MAST) has of a proposal, asked through astroquery."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cte_lake.config.sections import Fetch
from cte_lake.errors import ArchiveError, ConfigError, UnknownName
from cte_lake.names import Names
from cte_lake.pipeline.fetch.download import reason

_INVOKE = "/api/v0/invoke"
_COLUMNS = "/portal/Mashup/Mashup.asmx/columnsconfig"
DOWNLOAD = "/api/v0.1/Download/file"

_PRODUCT_NAME = re.compile(r"[a-z0-9]{9}_fl[tc]\.fits")
#: Observations a request for products; a longer list makes the address too long for some proxies.
_OBSERVATIONS_AT_ONCE = 100


@dataclass(frozen=True)
class Product:
    """A file in the archive; its size is in bytes, 0 where the archive does not say."""

    name: str
    uri: str
    size: int
    proposal: int
    public: bool


class Archive:
    """The archive at an address.

    Parameters
    ----------
    settings : Fetch
        Address, product types, title of the programs and timeout.
    names : Names, optional
        Configured targets: programs are found by them, and calibration frames of no target (darks, lamps) are
        left out.

    Raises
    ------
    ConfigError
        If astroquery is not installed.
    """

    def __init__(self, settings: Fetch, names: Names | None = None) -> None:
        self.settings = settings
        self._names = names or Names()
        self._observations = _client(settings.url.rstrip("/"), settings.timeout)

    def products(self, proposal: int) -> list[Product]:
        """Return the FLT and FLC files of a proposal's WFC3/UVIS exposures, by name, none twice.

        Raises
        ------
        ArchiveError
            If the archive cannot be reached or its answer cannot be read.
        """
        with self._asking(f"no list for proposal {proposal}"):
            return self._products(proposal)

    def programs(self) -> dict[int, str]:
        """Return the monitor's programs, number to title: of the configured title and a configured target.

        Raises
        ------
        ArchiveError
            If the archive cannot be reached or its answer cannot be read.
        """
        words = re.findall(r"[A-Za-z0-9]+", self.settings.title)
        found: dict[int, str] = {}
        with self._asking("no list of programs"):
            rows = self._observations.query_criteria(
                obs_collection="HST", instrument_name="WFC3/UVIS", obs_title=f"%{'%'.join(words)}%"
            )
            for row in rows:
                number, title = _number(row, "proposal_id"), _text(row, "obs_title")
                # The archive's wildcards take more than is meant: 'NON-CTE Monitor'.
                same = "".join(words).lower() in re.sub(r"[^a-z0-9]", "", title.lower())
                target = _text(row, "target_name")
                if number and same and (not target or self._is_target(target)):
                    found[number] = title
        return found

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            with warnings.catch_warnings():
                # 'Query returned no results': an empty table says the same.
                warnings.simplefilter("ignore")
                yield
        except Exception as error:  # astroquery lets anything through, from requests' errors to KeyError
            raise ArchiveError(
                f"the archive at {self.settings.url} gave {what}, because {reason(error)}; "
                "try again, or put the files into the folder by hand"
            ) from error

    def _is_target(self, name: str) -> bool:
        try:
            self._names.target(name)
        except UnknownName:
            return False
        return True

    def _wanted(self, observation: Any) -> bool:
        """Whether an observation is of the sky: the monitor's intent is 'calibration', as that of a dark."""
        if _text(observation, "intentType").lower() != "calibration" or not _text(observation, "target_name"):
            return True
        return self._is_target(_text(observation, "target_name"))

    def _products(self, proposal: int) -> list[Product]:
        observations = self._observations.query_criteria(
            obs_collection="HST", instrument_name="WFC3/UVIS", proposal_id=str(proposal)
        )
        ids = sorted({_text(row, "obsid") for row in observations if self._wanted(row)} - {""})
        found: dict[str, Product] = {}
        for start in range(0, len(ids), _OBSERVATIONS_AT_ONCE):
            table = self._observations.get_product_list(ids[start : start + _OBSERVATIONS_AT_ONCE])
            for row in table:
                product = _product(row, proposal, self.settings.filetypes)
                if product is not None:
                    found[product.name] = product
        return [found[name] for name in sorted(found)]


def _product(row: Any, proposal: int, filetypes: Sequence[str]) -> Product | None:
    uri = _text(row, "dataURI")
    name = (_text(row, "productFilename") or uri.rpartition("/")[2]).lower()
    # A name from outside becomes a path: only the form that calwf3 gives is taken. So products of the Hubble
    # Advanced Products, which lie beside those of the pipeline (hst_14378_..._flc.fits), are none of ours.
    if not _PRODUCT_NAME.fullmatch(name) or not uri:
        return None
    kind = _text(row, "productSubGroupDescription") or name[10:13]
    if kind.upper() not in filetypes:
        return None
    # Associations list members of other proposals' observations too.
    if _number(row, "proposal_id") not in {0, proposal}:
        return None
    return Product(
        name=name,
        uri=uri,
        size=_number(row, "size"),
        proposal=proposal,
        public=(_text(row, "dataRights") or "PUBLIC").upper() == "PUBLIC",
    )


def _text(row: Any, column: str) -> str:
    """Return a value of a listing as text; empty where the column is missing or its value masked."""
    if column not in row.colnames or row[column] is None or row[column] is np.ma.masked:
        return ""
    return str(row[column]).strip()


def _number(row: Any, column: str) -> int:
    """Return a whole number of a listing, which may be written as 17674.0; 0 where there is none."""
    found = re.fullmatch(r"(\d+)(\.0*)?", _text(row, column))
    return int(found[1]) if found else 0


def _client(url: str, timeout: float) -> Any:
    try:
        from astroquery.mast import ObservationsClass
    except ImportError as error:
        raise ConfigError(
            "fetching needs astroquery, which is not installed; run `pip install 'cte-lake[archive]'`, "
            "or put the FLT and FLC files into a folder by hand"
        ) from error
    observations = ObservationsClass()
    # The addresses are fixed when astroquery is imported; its instances can be pointed elsewhere.
    portal = observations._portal_api_connection
    portal.MAST_REQUEST_URL = url + _INVOKE
    portal.COLUMNS_CONFIG_URL = url + _COLUMNS
    portal.MAST_DOWNLOAD_URL = url + DOWNLOAD
    portal.TIMEOUT = timeout
    return observations
