"""The calibration generations of a coefficient set, and whether measurements are of another."""

from __future__ import annotations

from collections.abc import Iterable

from cte_lake.model.coefficients import CoefficientSet

#: What a coefficient set's selection calls the generation that it was fitted to.
KEY = "generation"


def fitted_generations(coefficients: CoefficientSet) -> tuple[str, ...]:
    """Return the calibration generations that a set was fitted to; empty where it does not say."""
    return tuple(name for name in str(coefficients.selection.get(KEY) or "").split(",") if name)


def is_other(coefficients: CoefficientSet, generation: str) -> bool:
    """Whether a generation, or the beginning of its name, is none that a set was fitted to.

    False where either is not known.
    """
    name, fitted = generation.strip().lower(), fitted_generations(coefficients)
    return bool(name and fitted) and not any(own.lower().startswith(name) for own in fitted)


def other_generation(coefficients: CoefficientSet, generations: Iterable[str]) -> str:
    """Return a warning if pixels are of another generation than those a set was fitted to, else ''.

    Parameters
    ----------
    coefficients : CoefficientSet
        The set; one that records no generation (published, of an older version) gives none.
    generations : iterable of str
        Of what is to be corrected: of a frame's header, or a column ``generation``; beginnings of names too.
    """
    others = sorted({one for one in generations if is_other(coefficients, one)})
    if not others:
        return ""
    return (
        f"the coefficients {coefficients.name} were fitted to calibration generation "
        f"{', '.join(fitted_generations(coefficients))}, the measurements are of {', '.join(others)}, "
        "whose pixels were corrected otherwise; fit a set to that generation with `cte-lake fit --generation`"
    )
