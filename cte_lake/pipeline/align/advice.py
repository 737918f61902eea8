"""What to do about an exposure that could not be aligned: where it seems to be, and the command to try."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from cte_lake.config.sections import Align
from cte_lake.pipeline.align.quality import Quality
from cte_lake.pipeline.survey import ExposureFile

#: Reasons that mean 'no star could be matched', as against 'matched and found wanting'.
NOTHING_MATCHED = frozenset({"no_sources", "unmatched", "chance_matches", "few_matches"})
_TRAILED = frozenset({"smeared"})


def advice(exposure: ExposureFile, settings: Align, reason: str, quality: Quality | None) -> str:
    """Say where the best solution lies and what may mend it.

    Parameters
    ----------
    exposure : ExposureFile
        The exposure.
    settings : Align
        Of the search.
    reason : str
        Why it was refused.
    quality : Quality or None
        Of the best solution; None where there is none.
    """
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
