"""What the archive (MAST) has of a proposal, asked through astroquery."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cte_lake.config.preparation import Fetch
from cte_lake.errors import ArchiveError, ConfigError

_INVOKE = "/api/v0/invoke"
_COLUMNS = "/portal/Mashup/Mashup.asmx/columnsconfig"
DOWNLOAD = "/api/v0.1/Download/file"

_PRODUCT_NAME = re.compile(r"[a-z0-9]{9}_fl[tc]\.fits")
#: Observations a request for products; a longer list makes the address too long for some proxies.
_OBSERVATIONS_AT_ONCE = 100


@dataclass(frozen=True)
class Product:
    """A file in the archive.

    Attributes
    ----------
    name : str
        File name, ``ipppssoot_flc.fits``.
    uri : str
        What the archive calls it.
    size : int
        Bytes; 0 where the archive does not say.
    proposal : int
        Proposal number.
    public : bool
        Whether anybody may have it.
    """

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
        Address, product types and timeout.

    Raises
    ------
    ConfigError
        If astroquery is not installed.
    """

    def __init__(self, settings: Fetch) -> None:
        self.settings = settings
        self._observations = _client(settings.url.rstrip("/"), settings.timeout)

    def products(self, proposal: int) -> list[Product]:
        """Return the FLT and FLC files of a proposal's WFC3/UVIS exposures, by name, none twice.

        Raises
        ------
        ArchiveError
            If the archive cannot be reached or its answer cannot be read.
        """
        try:
            with warnings.catch_warnings():
                # 'Query returned no results': an empty table says the same.
                warnings.simplefilter("ignore")
                return self._ask(proposal)
        except Exception as error:  # astroquery lets anything through, from requests' errors to KeyError
            raise ArchiveError(
                f"the archive at {self.settings.url} gave no list for proposal {proposal}: "
                f"{type(error).__name__}: {error}; try again, or put the files into the folder by hand"
            ) from error

    def _ask(self, proposal: int) -> list[Product]:
        observations = self._observations.query_criteria(
            obs_collection="HST", instrument_name="WFC3/UVIS", proposal_id=str(proposal)
        )
        ids = sorted({str(obsid) for obsid in observations["obsid"]}) if len(observations) else []
        found: dict[str, Product] = {}
        for start in range(0, len(ids), _OBSERVATIONS_AT_ONCE):
            table = self._observations.get_product_list(ids[start : start + _OBSERVATIONS_AT_ONCE])
            for row in table:
                product = _product(row, proposal, self.settings.filetypes)
                if product is not None:
                    found[product.name] = product
        return [found[name] for name in sorted(found)]


def _product(row: Any, proposal: int, filetypes: Sequence[str]) -> Product | None:
    name = str(row["productFilename"]).lower()
    # A name from outside becomes a path: only the form that calwf3 gives is taken.
    if str(row["productSubGroupDescription"]) not in filetypes or not _PRODUCT_NAME.fullmatch(name):
        return None
    stated, size = str(row["proposal_id"]), str(row["size"])
    # Associations list members of other proposals' observations too.
    if stated.isdigit() and int(stated) != proposal:
        return None
    return Product(
        name=name,
        uri=str(row["dataURI"]),
        size=int(size) if size.isdigit() else 0,
        proposal=proposal,
        public=str(row["dataRights"]).upper() == "PUBLIC",
    )


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
