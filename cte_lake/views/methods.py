"""Each view as a method of an open lake, documented as the view is."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Protocol

from cte_lake.errors import UsageError
from cte_lake.views.columns import view_columns
from cte_lake.views.source import SqlObject, sql_objects


@functools.cache
def view_doc(name: str) -> str:
    """Return what one row of a view is and what its columns hold, as a docstring."""
    each, columns = _object(name), view_columns(name)
    lines = [f"Rows of the view ``{name}``: {each.grain or 'see its columns'}".rstrip(".") + ".", ""]
    lines += [
        "Keywords filter by column: a value, a list of which it is one, None for NULL, or",
        "``cte_lake.between(low, high)`` for a range.",
        "",
        "Columns",
        "-------",
    ]
    if each.kind == "table macro":
        lines.insert(4, "``aperture`` chooses the radius of the measurement, px.")
    for column in columns:
        lines += [f"{column.name} : {column.unit or 'no unit'}", f"    {column.description}"]
    return "\n".join(lines)


@functools.cache
def view_signature(name: str) -> inspect.Signature:
    """Return the keywords that a view's method takes: its columns, and the radius where it has one."""
    columns = [column.name for column in view_columns(name)]
    radius = ["aperture"] if _object(name).kind == "table macro" and "aperture" not in columns else []
    parameters = [
        inspect.Parameter(column, inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty)
        for column in [*radius, *columns]
    ]
    every: Any = [each.replace(default=..., annotation="Filter") for each in parameters]
    return inspect.Signature(every, return_annotation="Result")


def _object(name: str) -> SqlObject:
    return next(each for each in sql_objects() if each.name == name)


class Viewed(Protocol):
    """What answers by views: an open lake."""

    def view(self, name: str, **filters: Any) -> Any:
        """Return the rows of a view, filtered by its columns."""


class ViewMethod:
    """One view as a method of a lake: keyword filters in, a result out, documented as the view is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, lake: Viewed | None, owner: type[Viewed]) -> Any:
        def read(**filters: Any) -> Any:
            if lake is None:
                raise UsageError(f"{self.name} is a view of an open lake: open_lake(PATH).{self.name}()")
            return lake.view(self.name, **filters)

        read.__name__ = self.name
        read.__qualname__ = f"{owner.__name__}.{self.name}"
        described: Any = read
        described.__doc__ = view_doc(self.name)
        described.__signature__ = view_signature(self.name)
        return read


class ViewMethods:
    """The views, as methods."""

    alignment = ViewMethod("alignment")
    binned_ratios = ViewMethod("binned_ratios")
    chip_stars = ViewMethod("chip_stars")
    chips = ViewMethod("chips")
    coverage = ViewMethod("coverage")
    crmasks = ViewMethod("crmasks")
    cte = ViewMethod("cte")
    cte_vs_flash = ViewMethod("cte_vs_flash")
    cte_vs_flux = ViewMethod("cte_vs_flux")
    cte_vs_time = ViewMethod("cte_vs_time")
    displacement = ViewMethod("displacement")
    epochs = ViewMethod("epochs")
    exposures = ViewMethod("exposures")
    exposures_all_modes = ViewMethod("exposures_all_modes")
    flux_background = ViewMethod("flux_background")
    flux_background_means = ViewMethod("flux_background_means")
    focus = ViewMethod("focus")
    growth = ViewMethod("growth")
    growth_loss = ViewMethod("growth_loss")
    log_slopes = ViewMethod("log_slopes")
    losses = ViewMethod("losses")
    master = ViewMethod("master")
    matched_stars = ViewMethod("matched_stars")
    overdue = ViewMethod("overdue")
    pairs = ViewMethod("pairs")
    pairs_180 = ViewMethod("pairs_180")
    phot = ViewMethod("phot")
    ratios = ViewMethod("ratios")
    recovery = ViewMethod("recovery")
    rejects = ViewMethod("rejects")
    shifts = ViewMethod("shifts")
    sky_gradient = ViewMethod("sky_gradient")
    slopes = ViewMethod("slopes")
    star_history = ViewMethod("star_history")
    unpaired = ViewMethod("unpaired")
    visits = ViewMethod("visits")
