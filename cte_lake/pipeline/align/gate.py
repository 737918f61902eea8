"""The gate: whether a fitted WCS may be used."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cte_lake.config.sections import Align, Gate
from cte_lake.errors import Rejected
from cte_lake.pipeline.align.quality import Quality
from cte_lake.pipeline.survey import ExposureFile

_SIGNIFICANCE = 5.0
#: Reasons that mean 'no star could be matched', as against 'matched and found wanting'.
NOTHING_MATCHED = frozenset({"no_sources", "unmatched", "chance_matches", "few_matches"})
_TRAILED = frozenset({"smeared"})


def check(quality: Quality, gate: Gate) -> None:
    """Let a solution pass or refuse it.

    Numbers of matches alone do not distinguish a right solution from a wrong one: in a dense field 40 false
    matches are found anywhere. So the share of the brightest sources that have a star is compared with that
    at displaced positions, where all matches are false.

    Raises
    ------
    Rejected
        Stage 'align', with the first limit that is not kept and all others in the detail.
    """
    failures = list(_failures(quality, gate))
    if failures:
        reason = failures[0][0]
        raise Rejected(reason, "; ".join(sentence for _, sentence in failures), stage="align")


def _failures(quality: Quality, gate: Gate) -> Iterator[tuple[str, str]]:
    fraction, chance = quality.match_fraction, quality.chance_fraction
    if quality.n_expected == 0:
        yield "outside_master", "no source lies where the master catalog has stars"
        return
    if fraction < gate.min_fraction:
        yield (
            "unmatched",
            f"only {fraction:.0%} of the {quality.n_expected} brightest sources have a star of the master "
            f"catalog ({gate.min_fraction:.0%} are asked for): another field, a trailed image, or few stars",
        )
    expected_false = chance * quality.n_expected
    excess = fraction * quality.n_expected - expected_false
    if fraction < gate.min_chance_ratio * chance or excess < _SIGNIFICANCE * math.sqrt(expected_false + 1):
        yield (
            "chance_matches",
            f"the matches ({fraction:.0%}) do not stand out from false ones ({chance:.0%} at displaced "
            "positions)",
        )
    if quality.n_matched < gate.min_matches:
        yield "few_matches", f"{quality.n_matched} stars matched, {gate.min_matches} are asked for"
    limits = (
        ("rms_too_large", "residual in x", quality.rms_x, gate.max_rms, "px"),
        ("rms_too_large", "residual in y", quality.rms_y, gate.max_rms, "px"),
        ("shift_too_large", "shift", math.hypot(quality.shift_x, quality.shift_y), gate.max_shift, "px"),
        ("rotation_too_large", "rotation", abs(quality.rotation), gate.max_rotation, "degrees"),
        ("scale_off", "scale off 1 by", abs(quality.scale - 1), gate.max_scale, ""),
        ("smeared", "axis ratio of the star images", quality.elongation, gate.max_elongation, ""),
        ("uneven", "mean residual of a part of the detector", quality.unevenness, gate.max_unevenness, "px"),
    )
    for reason, what, value, limit, unit in limits:
        # NaN means too few stars to judge, which is refused above.
        if value > limit:
            yield reason, f"{what} {value:.3g} {unit}".rstrip() + f", at most {limit:g} allowed"


def advice(exposure: ExposureFile, settings: Align, reason: str, quality: Quality | None) -> str:
    """Say where the best solution lies and what may mend it."""
    reach = f"{settings.wide_radius:g} arcsec and {settings.wide_rotation:g} degrees"
    where = f"searched up to {reach}"
    if quality is not None and np.isfinite(quality.offset):
        shift = float(np.hypot(quality.shift_x, quality.shift_y))
        where += (
            f"; the best offset is {quality.offset:.2f} arcsec ({shift:.1f} px), turned by "
            f"{quality.rotation:+.2f} degrees"
        )
    if reason in _TRAILED:
        return f"{where}; the telescope moved during the exposure: leave it out by [exclusions.visits]"
    command = _command(exposure)
    if reason in NOTHING_MATCHED or reason == "outside_master":
        return (
            f"{where}; is it {exposure.target}, and its catalog of this field? To look further: "
            f"`{command} --set align.wide_radius={2 * settings.wide_radius:g} "
            f"--set align.gate.max_shift={2 * settings.gate.max_shift:g}`"
        )
    return f"{where}; its residuals are drawn by `{command} --overwrite --plots FOLDER`"


def _command(exposure: ExposureFile) -> str:
    folder = shlex.quote(str(Path(exposure.path).parent))
    return f"cte-lake align {folder} --proposal {exposure.proposal} --visit {exposure.visit}"
