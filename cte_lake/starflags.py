"""The registry of photometry flags: bit, name, meaning. No other module knows a bit's number."""

from __future__ import annotations

from cte_lake.bitflags import Flag, names_of

OFF_CHIP = Flag(0, "off_chip", "The largest aperture reaches over the edge of the chip.")
CORE_OFF_CHIP = Flag(1, "core_off_chip", "The core (radius core_radius) reaches over the edge of the chip.")
MASKED_CORE = Flag(
    2,
    "masked_core",
    "Masked pixels, or the chip's edge, take more of the star's light (r = 3 px) than masked_light_limit.",
)
MASKED_FRACTION = Flag(
    3, "masked_fraction", "In some aperture the masked part of its area on the chip is over the limit."
)
SATURATED = Flag(4, "saturated", "A saturated pixel has its centre in the core.")
FEW_SKY_PIXELS = Flag(5, "few_sky_pixels", "The sky rests on fewer annulus pixels than the minimum.")
NO_SKY = Flag(6, "no_sky", "The annulus has no usable pixel: no sky and no flux.")
NEIGHBOUR = Flag(
    7,
    "neighbour",
    "Other stars of the catalog put more light within r = 3 px than neighbour_limit of the star's own.",
)
CENTRING_FAILED = Flag(8, "centring_failed", "No centroid was found; the catalog position is used.")
CENTRE_FAR = Flag(
    9,
    "centre_far",
    "The centroid is farther from the catalog position than max_shift; the catalog position is used "
    "(mode iraf: the centroid, as IRAF does).",
)
NOT_MEASURED = Flag(10, "not_measured", "No unmasked pixel on the chip in the core, or no finite position.")
COSMIC_RAY = Flag(
    11,
    "cosmic_ray",
    "A pixel of the cosmic-ray mask lies within ray_radius of the star.",
)

FLAGS: tuple[Flag, ...] = (
    OFF_CHIP,
    CORE_OFF_CHIP,
    MASKED_CORE,
    MASKED_FRACTION,
    SATURATED,
    FEW_SKY_PIXELS,
    NO_SKY,
    NEIGHBOUR,
    CENTRING_FAILED,
    CENTRE_FAR,
    NOT_MEASURED,
    COSMIC_RAY,
)


def decode(flags: int) -> list[str]:
    """Return the names of the conditions in `flags`, lowest bit first.

    Raises
    ------
    ValueError
        If a bit is set that the registry does not have.
    """
    return names_of(flags, FLAGS, "flags")


def mask_of(names: list[str]) -> int:
    """Return the number with the bits of the named flags set.

    Raises
    ------
    ValueError
        If a name is not in the registry.
    """
    by_name = {flag.name: flag.value for flag in FLAGS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ValueError(f"no flag is called {unknown[0]!r}; there are {', '.join(by_name)}")
    total = 0
    for name in names:
        total |= by_name[name]
    return total
