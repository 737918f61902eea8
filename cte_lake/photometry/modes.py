"""Named settings of the photometry: what was done is one frozen, hashable record."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal, get_args

from cte_lake.radii import RADII

Overlap = Literal["exact", "iraf"]
Centring = Literal["off", "watch", "window", "iraf"]
SkyMethod = Literal["median", "mean", "mode", "iraf_centroid", "iraf_mode", "mean_exact"]
Engine = Literal["kernel", "photutils"]

IRAF_SKIES = frozenset({"iraf_centroid", "iraf_mode"})
"""Sky methods that follow IRAF step by step."""

_RADII = tuple(float(radius) for radius in RADII)

ALGORITHM = 3
"""Raised whenever the same settings would give other numbers: it is part of the record."""


@dataclass(frozen=True)
class PhotometrySettings:
    """Everything that decides the numbers of a measurement.

    Attributes
    ----------
    mode : str
        Name of the set these settings started from.
    radii : tuple of float
        Aperture radii, pixels, ascending.
    overlap : {"exact", "iraf"}
        Weight of a border pixel: its exact overlap with the circle, or IRAF's
        ``clip(r + 0.5 - d, 0, 1)`` with d the distance of its centre.
    area : {"good", "geometric"}
        Area that the sky is taken off for: the unmasked area on the chip, or the whole aperture's.
    position_offset : float
        Added to x and y before measuring, pixels; 1 repeats the 2017 defect.
    centring : {"off", "watch", "window", "iraf"}
        Where the apertures go: the catalog position (``off``; ``watch`` too, but the shift to the windowed
        centroid is measured and kept), the windowed centroid, IRAF's ``centroid``.
    window_sigma : float
        Sigma of the centroid's Gaussian window, pixels.
    max_shift : float
        Largest distance from the catalog position that centring may go, pixels.
    centring_box : int
        Side of IRAF's centring box, pixels (odd).
    annulus_inner, annulus_width : float
        Inner radius and width of the sky annulus, pixels.
    sky_method : str
        ``median``, ``mean`` or ``mode`` (2.5 median - 1.5 mean) of the clipped annulus pixels;
        ``iraf_centroid`` and ``iraf_mode`` are IRAF's (``salgorithm``); ``mean_exact`` is the sum weighted
        by exact overlap over the annulus' geometric area, as in 2017.
    clip_sigma : float
        Limits of the annulus clip in standard deviations about the median; 0 for no clip, else at least 2
        (below 1.73 repeated clipping leaves nothing). For IRAF's skies both of its limits.
    clip_steps : int
        Largest number of clipping steps.
    min_sky_pixels : int
        Below this many pixels the sky is flagged.
    core_radius : float
        Radius, pixels, in which saturated pixels are flagged, and the chip's edge.
    masked_light_limit : float
        Share of a star's light within r = 3 px in masked pixels over which it is flagged.
    masked_fraction_limit : float
        Masked part of an aperture's area on the chip from which it is flagged.
    ray_radius : float
        Stars with a pixel of the cosmic-ray mask this near are flagged, pixels; 0 flags none.
    saturation_level : float or None
        Signal, electrons, from which a pixel counts as saturated.
    neighbour_distance : float
        How far the light of the catalog's other stars is followed, pixels.
    neighbour_limit : float
        Light of other stars within r = 3 px, in units of the star's own, over which it is flagged.
    engine : {"kernel", "photutils"}
        What sums the apertures.
    algorithm : int
        Version of the numerics.
    """

    mode: str
    radii: tuple[float, ...] = _RADII
    overlap: Overlap = "exact"
    area: Literal["good", "geometric"] = "good"
    position_offset: float = 0.0
    centring: Centring = "watch"
    window_sigma: float = 0.85
    max_shift: float = 1.0
    centring_box: int = 5
    annulus_inner: float = 10.0
    annulus_width: float = 10.0
    sky_method: SkyMethod = "median"
    clip_sigma: float = 2.0
    clip_steps: int = 5
    min_sky_pixels: int = 100
    core_radius: float = 2.0
    masked_light_limit: float = 0.15
    masked_fraction_limit: float = 0.2
    ray_radius: float = 4.0
    saturation_level: float | None = None
    neighbour_distance: float = 9.0
    neighbour_limit: float = 0.1
    engine: Engine = "kernel"
    algorithm: int = ALGORITHM

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            # The types are texts here; what may be None is None by default.
            if (
                each.type in {"float", "int", "float | None"}
                and value != each.default
                and not _is_finite(value)
            ):
                raise ValueError(f"{each.name} is {value!r}; it must be a number")
        if not self.radii or self.radii[0] <= 0 or any(b <= a for a, b in pairwise(self.radii)):
            raise ValueError(f"radii must be positive and ascending, not {self.radii}")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}")
        for name in ("annulus_width", "window_sigma", "core_radius", "max_shift", "saturation_level"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive")
        for name in _NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        if 0 < self.clip_sigma < 2:
            raise ValueError(f"clip_sigma is {self.clip_sigma}; it must be 0 (no clip) or at least 2")
        for name in ("masked_fraction_limit", "masked_light_limit"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be within 0 and 1")
        if self.centring_box < 3 or self.centring_box % 2 == 0:
            raise ValueError(f"centring_box is {self.centring_box}; it must be odd and at least 3")
        if self.engine == "photutils" and self.overlap != "exact":
            raise ValueError("engine photutils knows exact overlap only; use engine kernel for overlap iraf")

    @property
    def annulus_outer(self) -> float:
        """Outer radius of the sky annulus, pixels."""
        return self.annulus_inner + self.annulus_width

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that JSON can hold, for hashing and for the record."""
        return asdict(self) | {"radii": list(self.radii)}


def _is_finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


_NOT_NEGATIVE = (
    "annulus_inner", "clip_sigma", "neighbour_distance", "neighbour_limit", "ray_radius", "min_sky_pixels",
    "clip_steps",
)  # fmt: skip
_CHOICES = MappingProxyType(
    {
        "overlap": get_args(Overlap),
        "area": ("good", "geometric"),
        "centring": get_args(Centring),
        "sky_method": get_args(SkyMethod),
        "engine": get_args(Engine),
    }
)

_STANDARD = PhotometrySettings(mode="standard")

MODES: MappingProxyType[str, PhotometrySettings] = MappingProxyType(
    {
        "standard": _STANDARD,
        "photutils2017": PhotometrySettings(
            mode="photutils2017",
            area="geometric",
            position_offset=1.0,
            centring="off",
            sky_method="mean_exact",
            clip_sigma=0.0,
        ),
        "iraf": PhotometrySettings(
            mode="iraf",
            overlap="iraf",
            centring="iraf",
            annulus_inner=12.0,
            sky_method="iraf_centroid",
            clip_sigma=3.0,
            clip_steps=10,
        ),
    }
)
"""The named modes. `standard` was chosen by the evidence in docs/photometry.md."""


def settings_for(mode: str = "standard", **overrides: Any) -> PhotometrySettings:
    """Return the settings of a named mode with single values replaced.

    Parameters
    ----------
    mode : {"standard", "photutils2017", "iraf"}
        The named set to start from.
    **overrides
        Any field of `PhotometrySettings` but ``mode`` and ``algorithm``. ``centring`` may also be
        False, or True or "on": IRAF's in mode iraf, else the window.

    Raises
    ------
    ValueError
        If the mode or a field is unknown or a value is not allowed.
    """
    if mode not in MODES:
        raise ValueError(f"no photometry mode is called {mode!r}; there are {', '.join(MODES)}")
    base = MODES[mode]
    known = {field.name for field in fields(base)} - {"mode", "algorithm"}
    unknown = sorted(set(overrides) - known)
    if unknown:
        raise ValueError(f"photometry has no setting {unknown[0]!r}; there are {', '.join(sorted(known))}")
    if "radii" in overrides:
        overrides["radii"] = tuple(float(radius) for radius in overrides["radii"])
    if overrides.get("centring") in (False, "off"):
        overrides["centring"] = "off"
    elif overrides.get("centring") in (True, "on"):
        overrides["centring"] = "iraf" if base.centring == "iraf" else "window"
    return replace(base, **overrides)
