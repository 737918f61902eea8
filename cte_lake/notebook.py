"""The lake of a notebook: what `cte_lake.open_lake` returns asks, corrects, fits and draws."""

from __future__ import annotations

import functools
import os
import warnings
from numbers import Real
from typing import TYPE_CHECKING, Any

from cte_lake import api
from cte_lake.errors import CorrectionWarning, UsageError
from cte_lake.lake.selection import Between, Selection
from cte_lake.names import suggestion
from cte_lake.results import Result, table_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cte_lake.config import Settings
    from cte_lake.correction.chip_lake import LakeChips
    from cte_lake.lake.stored import AnyLake
    from cte_lake.model.coefficients import CoefficientSet

    OneSet = str | os.PathLike[str] | CoefficientSet
    AnySets = OneSet | list[OneSet] | tuple[OneSet, ...]


def between(low: Any = None, high: Any = None) -> Between:
    """Return a range to filter by, both ends included; None leaves an end open.

    Parameters
    ----------
    low, high : float, str, astropy Time or datetime, optional
        Numbers in the column's unit; a date or time becomes an MJD.

    Examples
    --------
    >>> between(56000, 57000)
    Between(low=56000.0, high=57000.0)
    >>> between("2016-08-01").low
    57601.0
    """
    return Between(_end(low), _end(high))


def _end(value: Any) -> float | None:
    if hasattr(value, "to_value") and not hasattr(value, "jd1"):
        value = value.to_value("d")
    if value is None or isinstance(value, Real):
        return None if value is None else float(value)
    import numpy as np

    from cte_lake.model.times import to_dates

    times = value.reshape(1) if hasattr(value, "jd1") else np.array([value], dtype=object)
    return float(to_dates(times, name="between").mjd[0])


class Lake(api.Lake):
    """A lake, opened for reading; see `open_lake`.

    Every view is a method (``lake.cte(target="ngc104")``), `sql` runs any query, `correct` corrects a table,
    `fit` makes coefficients, `plot` draws. Queries see one photometry mode, can only read, and reach nothing
    outside the lake.
    """

    def correct(self, table: Any, coefficients: AnySets, **facts: Any) -> Any:
        """Correct a table of photometry for CTE losses.

        Parameters
        ----------
        table : Result, astropy.table.Table, pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Photometry; units and times are converted.
        coefficients : str or CoefficientSet, or a sequence of them
            A set, or the name of one: of this lake, of the built-in ones, or of a file. Several are of
            different radii; each corrects the column of its own, ``radius=(3, 5)`` those of one column.
        **facts
            What the table has no column for: ``mjd``, ``chip``, ``background``, ``radius``, ``filetype``,
            ``exptime``, ``zero_point``, ``gain``, ``enclosed``, ``y_origin``, ``units``; and
            ``columns={"flux": "flux_r03"}`` for roles whose column is not found by its name. A date may be an
            MJD, an ISO text or an astropy time.

        Returns
        -------
        The type of `table`, with cte_loss, cte_dmag, cte_dmag_err, corrected_flux or corrected_mag, cte_flag.

        Raises
        ------
        CteLakeError
            If there is no such set, or the table lacks something or has a unit that cannot be converted.

        Warns
        -----
        CorrectionWarning
            A sentence for each condition that rows are flagged for, with their number.
        """
        from dataclasses import fields

        from cte_lake.model.correct_table import correct_table
        from cte_lake.model.table_constants import TableConstants

        chosen = facts.pop("columns", None)
        known = [field.name for field in fields(TableConstants)]
        for name in facts:
            if name not in known:
                raise UsageError(f"correct has no option {name!r}; it has {', '.join([*known, 'columns'])}")
        if facts.get("mjd") is not None:
            facts["mjd"] = _end(facts["mjd"])
        if isinstance(facts.get("radius"), list | tuple):
            facts["apertures"] = tuple(facts.pop("radius"))
        listed = coefficients if isinstance(coefficients, list | tuple) else [coefficients]
        sets = [self._set(each) for each in listed]
        said: list[str] = []
        result = correct_table(table, sets, TableConstants(**facts), chosen, said.extend)
        if said:
            warnings.warn("\n".join(said), CorrectionWarning, stacklevel=2)
        return result

    def _set(self, coefficients: OneSet) -> CoefficientSet:
        from cte_lake.correction.coefficient_files import as_coefficients

        return as_coefficients(coefficients, self.stored)

    def coefficients(self, name: str | None = None) -> Any:
        """Return the coefficient set of a name, or the list of all sets of this lake and the built-in ones.

        Raises
        ------
        NothingToDo
            If there is no set of the name.
        """
        if name is not None:
            return self._set(name)
        from cte_lake.correction.coefficient_files import listed_sets

        rows, problems = listed_sets(self.stored)
        for problem in problems:
            warnings.warn(f"left out: {problem}", stacklevel=2)
        return Result(table_of(rows))

    def use_coefficients(self, coefficients: OneSet) -> None:
        """Make a set, or the one of a name, the one that ``cte_corrected(...)`` uses in queries."""
        super().use_coefficients(self._set(coefficients))

    def fit(self, name: str | None = None, **request: Any) -> CoefficientSet:
        """Fit coefficients to the lake's slopes.

        Parameters
        ----------
        name : str, optional
            Name of the set; by default made of what was fitted. Nothing is written:
            `cte_lake.correction.coefficient_files.write_coefficients` or ``cte-lake fit`` keep a set.
        **request
            Which pairs (``target``, ``filter``, ``length``, ``flash``, ``filetype``, ``proposal``, ``visit``,
            ``until``) and how (``aperture``, ``estimator``, ``time_degree``, ``background_degree``,
            ``robust``, ``min_stars``, ``samples``); ``chips=True`` distinguishes the chips by each chip's own
            losses (`solve_chips`) instead of the pairs' levels.

        Raises
        ------
        FitRefused
            If the data cannot support the fit.
        """
        from cte_lake.correction.fit_lake import fit_lake
        from cte_lake.correction.followed import FitRequest

        selection, rest = _selection(request)
        settings = self.settings()
        rest.setdefault("aperture", settings.config.measure.aperture)
        asked = _made(FitRequest, "fit", selection=selection, **rest)
        return fit_lake(self, asked, settings.hash(), name).coefficients

    def solve_chips(self, **request: Any) -> LakeChips:
        """Solve for the loss of each chip by itself, from every exposure; the view ``chips`` shows kept ones.

        Parameters
        ----------
        **request
            Which exposures (``target``, ``filter``, ``length``, ``flash``, ``filetype``, ``proposal``,
            ``visit``, ``until``) and how (``aperture``, ``zero_per_bin``, ``rolled``, ``min_stars``,
            ``workers``).

        Returns
        -------
        LakeChips
            ``table()`` with units, ``covariance`` in its order, ``sentences()``.

        Raises
        ------
        FitRefused
            If nothing can be solved.
        """
        from cte_lake.correction.chip_lake import ChipRequest, solve_chips

        selection, rest = _selection(request)
        rest.setdefault("aperture", self.settings().config.measure.aperture)
        return solve_chips(self, _made(ChipRequest, "solve_chips", selection=selection, **rest))

    def register(self, name: str, table: Any) -> None:
        """Let queries read a table of yours under a name, beside the views: ``JOIN mine USING (master_id)``.

        Parameters
        ----------
        name : str
            Letters, digits and underscores; none of a view.
        table : Result, astropy.table.Table, pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Anything with an Arrow stream.

        Raises
        ------
        UsageError
            If the name is that of a view, or `table` is no table.
        """
        from cte_lake.model.arrow import arrow_of

        super().register(name, arrow_of(table))

    @functools.cached_property
    def plot(self) -> Plots:
        """Figures of this lake: ``lake.plot.cte_time(target="ngc104")``."""
        return Plots(self)

    def _repr_html_(self) -> str:
        import html

        from cte_lake.views import published_views
        from cte_lake.wording import count_text

        views = ", ".join(published_views())
        counts = self.sql(
            "SELECT count(*) AS exposures, count(DISTINCT target) AS targets FROM exposures"
        ).rows()[0]
        held = f"{count_text(counts['exposures'], 'exposure')} of {count_text(counts['targets'], 'target')}"
        place = html.escape(str(self.stored))
        return f"<p><b>cte-lake</b> {place}: {held}</p><p>Views: {views}</p>"


class Plots:
    """Figures of a lake, a method a kind; see ``help(lake.plot.cte_time)``.

    Parameters
    ----------
    lake : Lake
        What is drawn from.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def __dir__(self) -> list[str]:
        from cte_lake.report.figures import KINDS

        return [*super().__dir__(), *(kind.replace("-", "_") for kind in KINDS)]

    def __getattr__(self, name: str) -> Any:
        from cte_lake.report.figures import KINDS

        kinds = {kind.replace("-", "_"): kind for kind in KINDS}
        if name not in kinds:
            hint = suggestion(name, kinds) or ";"
            raise AttributeError(f"no figure is called {name!r}{hint} there are {', '.join(kinds)}")

        def draw(**options: Any) -> Figure:
            return self._draw(kinds[name], options)

        draw.__name__ = name
        draw.__doc__ = (
            f"Draw {KINDS[kinds[name]][0]}; return a matplotlib figure.\n\n"
            "Keywords choose exposures (target, filter, length, flash, filetype, proposal, visit, until)\n"
            "and how they are shown (aperture, estimator, bins, pair, star, image, coefficients, unit='mag')."
        )
        return draw

    def _draw(self, kind: str, options: dict[str, Any]) -> Figure:
        from cte_lake.report.figures import Request, draw

        selection, rest = _selection(options)
        measure = self._lake.settings().config.measure
        rest = {
            "aperture": measure.aperture,
            "estimator": measure.estimator,
            "time_bins": tuple(measure.time_bins),
            **rest,
        }
        sets = rest.pop("coefficients", ())
        sets = [sets] if isinstance(sets, str) or not hasattr(sets, "__iter__") else sets
        rest["coefficients"] = tuple(self._lake._set(each) for each in sets)
        asked = _made(Request, f"plot.{kind}", selection=selection, **rest)
        figure: Any = draw(kind, self._lake, asked).figure
        # Figures are made without pyplot, which would show one in the notebook.
        figure._repr_png_ = functools.partial(_png, figure)
        return figure  # type: ignore[no-any-return]


def _png(figure: Figure) -> bytes:
    from io import BytesIO

    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _selection(options: dict[str, Any]) -> tuple[Selection, dict[str, Any]]:
    """Part keywords into a selection of exposures and the rest."""
    from dataclasses import fields

    names = {field.name for field in fields(Selection)}
    chosen: dict[str, Any] = {}
    for name, value in options.items():
        if name not in names:
            continue
        if name == "until":
            chosen[name] = _end(value)
        else:
            listed = value if isinstance(value, list | tuple | set) else [value]
            chosen[name] = tuple(listed)
    return Selection(**chosen), {name: value for name, value in options.items() if name not in names}


def _made(kind: Any, what: str, **values: Any) -> Any:
    try:
        return kind(**values)
    except TypeError:
        from dataclasses import fields

        known = [field.name for field in fields(kind)]
        wrong = next((name for name in values if name not in known), "")
        hint = suggestion(wrong, known) or ";"
        raise UsageError(f"{what} has no option {wrong!r}{hint} it has {', '.join(known)}") from None


def open_lake(
    path: AnyLake | None = None,
    mode: str | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    settings: Settings | None = None,
    temp_limit: str = "50GB",
    timeout: float | None = None,
    generation: str | None = None,
) -> Lake:
    """Open a lake for reading.

    Parameters
    ----------
    path : path, address or StoredLake, optional
        The lake; else CTE_LAKE_LAKE, else the nearest cte_lake.toml upward.
    mode : str, optional
        Photometry mode that the views show; by default that of the configuration.
    threads : int, optional
        Threads of DuckDB; by default all cores. One thread repeats every digit from run to run.
    memory_limit : str, optional
        Such as '2GB'; what does not fit goes to a temporary folder. An answer may take 2 GB beyond it.
    settings : Settings, optional
        Configuration to use instead of the lake's own.
    temp_limit : str, optional
        Most that is written to that folder.
    timeout : float, optional
        Longest time of a query, s; by default none.
    generation : str, optional
        Name of the calibration generation whose rows alone are seen, those since replaced included; by
        default the newest row of each exposure counts.

    Raises
    ------
    LakeError
        If there is no lake, or it cannot be read.
    UsageError
        If the lake has no exposure of the generation.

    Examples
    --------
    >>> import cte_lake
    >>> lake = cte_lake.open_lake("lake")  # doctest: +SKIP
    >>> lake.cte(target="ngc104", mjd=cte_lake.between("2014-01-01"))  # doctest: +SKIP
    """
    lake = api.opened(Lake, path, mode, threads, memory_limit, settings, temp_limit, timeout, generation)
    if generation is not None and not len(lake.sql("FROM exposures LIMIT 1")):
        lake.close()
        raise UsageError(
            f"{lake} has no exposure of calibration generation {generation!r}; without one, "
            "lake.sql('SELECT DISTINCT generation FROM exposures') lists them"
        )
    return lake
