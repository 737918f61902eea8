"""The camera: every number that belongs to a detector and not to a measurement, once.

Python reads `DETECTOR`; `Detector.sql_macros` gives the same facts to the views of ``sql/``, which call them
``chip_rows()``, ``loss_rows()``, ``readout_start(chip)`` and so on. Another camera is one more profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

#: Standard deviations of a normal distribution in its median absolute deviation.
SIGMA_PER_MAD: Final = 1.4826


@dataclass(frozen=True)
class Chip:
    """One chip of a detector.

    Attributes
    ----------
    number : int
        As the instrument counts them.
    extension : int
        EXTVER of its SCI, ERR and DQ.
    reads_up : bool
        Whether charge moves towards the top row; else towards row 0.
    """

    number: int
    extension: int
    reads_up: bool


@dataclass(frozen=True)
class Detector:
    """A camera's facts.

    Attributes
    ----------
    name : str
        Instrument and detector, as headers name them.
    rows, columns : int
        Size of a chip, px.
    chips : tuple of Chip
        In the order of their extensions.
    loss_rows : int
        Rows that a measured loss and a coefficient refer to.
    published_rows : int
        Rows that the published losses refer to; `loss_rows` of a loss in magnitudes times
        ``published_rows / loss_rows`` is theirs.
    date_zero : float
        Zero of the date variable d of the coefficients, MJD.
    launched : float
        Date of the launch that brought the camera up, MJD; no date of it is earlier.
    installed : float
        Date of the camera's first exposures in orbit, MJD; nothing is older.
    short_limit : float
        Longest exposure time that counts as short unless configured otherwise, s.
    filters : frozenset of str
        Filters and grism, as FILTER names them.
    """

    name: str
    rows: int
    columns: int
    chips: tuple[Chip, ...]
    loss_rows: int
    published_rows: int
    date_zero: float
    launched: float
    installed: float
    short_limit: float
    filters: frozenset[str]

    @property
    def top(self) -> int:
        """Index of the last row."""
        return self.rows - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a chip's image."""
        return self.rows, self.columns

    @property
    def middle_row(self) -> int:
        """Row half-way down the rows that a loss refers to."""
        return self.loss_rows // 2

    @cached_property
    def extension_of_chip(self) -> Mapping[int, int]:
        """EXTVER by chip number."""
        return MappingProxyType({chip.number: chip.extension for chip in self.chips})

    def readout_sign(self, chip: int) -> int:
        """Return 1 where a trail lies at higher rows than its star, -1 where at lower ones."""
        return next(-1 if each.reads_up else 1 for each in self.chips if each.number == chip)

    def sql_macros(self) -> Mapping[str, str]:
        """Return the facts as the heads and bodies of DuckDB macros."""
        starts = " ".join(
            f"WHEN {chip.number} THEN {self.top if chip.reads_up else 0}" for chip in self.chips
        )
        signs = " ".join(f"WHEN {chip.number} THEN {self.readout_sign(chip.number)}" for chip in self.chips)
        numbers = ", ".join(str(chip.number) for chip in self.chips)
        return {
            "chip_rows()": str(self.rows),
            "chip_columns()": str(self.columns),
            "is_chip(chip)": f"chip IN ({numbers})",
            "loss_rows()": str(self.loss_rows),
            "published_rows()": str(self.published_rows),
            "date_zero()": f"{self.date_zero!r}::DOUBLE",
            "installed()": f"{self.installed!r}::DOUBLE",
            "readout_start(chip)": f"CASE chip {starts} END",
            "readout_sign(chip)": f"CASE chip {signs} END",
            "sigma_per_mad()": f"{SIGMA_PER_MAD!r}::DOUBLE",
        }


_UVIS_FILTERS: Final = """
    F200LP F218W F225W F275W F280N F300X F336W F343N F350LP F373N F390M F390W F395N F410M F438W F467M F469N
    F475W F475X F487N F502N F547M F555W F600LP F606W F621M F625W F631N F645N F656N F657N F658N F665N F673N
    F680N F689M F763M F775W F814W F845M F850LP F953N FQ232N FQ243N FQ378N FQ387N FQ422M FQ436N FQ437N FQ492N
    FQ508N FQ575N FQ619N FQ634N FQ672N FQ674N FQ727N FQ750N FQ889N FQ906N FQ924N FQ937N G280
"""

#: WFC3/UVIS: chip 2 (UVIS2, ``SCI,1``) is read towards row 0, chip 1 (UVIS1, ``SCI,2``) towards the top.
WFC3_UVIS: Final = Detector(
    name="WFC3/UVIS",
    rows=2051,
    columns=4096,
    chips=(Chip(2, extension=1, reads_up=False), Chip(1, extension=2, reads_up=True)),
    loss_rows=2048,
    published_rows=2051,
    date_zero=55400.0,
    # Servicing mission 4: launched on 2009-05-11, installed on 2009-05-14.
    launched=54962.0,
    installed=54965.0,
    short_limit=60.0,
    filters=frozenset(_UVIS_FILTERS.split()),
)

#: The camera of this installation's lakes.
DETECTOR: Final = WFC3_UVIS


def exposure_length(exptime: float, short_limit: float = DETECTOR.short_limit) -> str:
    """Return 's' for a short exposure, 'l' for a long one; `exptime` and its limit in s, the limit short."""
    return "s" if exptime <= short_limit else "l"


ROLL_TOLERANCE: Final = 5.0
"""Partners of a 180-degree set differ in orientation by 180 degrees to within this, in degrees.

A turn that is off by an angle d shows (1 + cos d) / 2 of the loss: 0.2% too little at 5 degrees. The pairing
in SQL (``sql/pairable.sql``) reads the same number.
"""


def are_opposite(first: float, second: float) -> bool:
    """Whether two orientations (degrees) differ by half a turn within the tolerance."""
    return abs((first - second) % 360.0 - 180.0) <= ROLL_TOLERANCE
