"""What a notebook does with a lake: results, tables of one's own, corrections, figures."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.time import Time

import cte_lake
from cte_lake.correction.coefficient_files import path_in_lake, write_coefficients
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.model.correct import correct
from tests.model.sets import make_set
from tests.sql.writing import add_pair

ENTRY = make_set(name="flt")


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook") / "lake"
    create_lake(stored(folder))
    rng = np.random.default_rng(5)
    y = rng.uniform(0, 2050, 300)
    flux = rng.uniform(600, 1900, 300)
    first = {"master_id": np.arange(300), "y": y, "flux_r03": flux, "sky": np.full(300, 9.0)}
    add_pair(folder, first=first, second=first | {"flux_r03": flux * rng.normal(1, 0.01, 300)})
    with cte_lake.open_lake(folder) as opened:
        write_coefficients(path_in_lake(opened.stored, "flt"), ENTRY)
        yield opened


def test_the_package_shows_what_it_has():
    assert {"open_lake", "between", "Lake", "Result", "CteLakeError"} <= set(dir(cte_lake))


def test_a_result_iterates_indexes_and_converts(lake):
    result = lake.phot()
    assert result.units["sky"]
    assert len(list(result)) == len(result)
    assert result[0] == next(iter(result)) == result[-len(result)]
    assert result["flux_r03"].unit == u.electron
    assert len(result[5:9]) == 4
    assert result[["x", "y"]].columns == ["x", "y"]
    assert polars.DataFrame(result).shape == (len(result), len(result.columns))
    assert result.polars().columns == result.columns
    assert pa.table(result).schema.field("sky").metadata[b"unit"]
    assert result["x", "y"].columns == ["x", "y"]
    assert len(result[result["y"].value > 1000]) == np.sum(result["y"].value > 1000)
    assert result[np.array([0, -1])][1] == result[-1]
    assert "sky" in result
    assert "nothing" not in result
    assert result[3] in result
    for wrong in (len(result), np.array([len(result)])):
        with pytest.raises(IndexError):
            result[wrong]
    for wrong in (1.5, None, True, [[0]]):
        with pytest.raises(UsageError, match="indexed by columns, rows, a slice or a mask"):
            result[wrong]
    with pytest.raises(UsageError, match="no column 'nothing'"):
        result["nothing"]


def test_a_result_shows_units_and_no_markup(lake):
    shown = lake.phot()._repr_html_()
    assert "<i>e-</i>" in shown
    assert shown.count("<tr>") < 30
    assert "600 rows" in shown
    shown = lake.sql(
        "SELECT 55400.0156::DOUBLE AS mjd, 1e30::DOUBLE AS large, 'nan'::DOUBLE AS none"
    )._repr_html_()
    assert re.findall(r"<td[^>]*>([^<]*)</td>", shown) == ["55400.016", "1e+30", "nan"]
    assert "<i>d</i>" in lake.coefficients()._repr_html_()
    shown = lake.sql("SELECT '<script>' AS name, NULL AS empty")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_views_are_documented_and_have_signatures(lake):
    assert "electron" in lake.cte.__doc__
    assert "a pair, flux bin and estimator" in lake.cte.__doc__
    parameters = inspect.signature(lake.cte).parameters
    assert {"aperture", "mjd", "cte_loss"} <= parameters.keys()
    assert "aperture" not in inspect.signature(lake.pairs).parameters
    with pytest.raises(UsageError, match="open_lake"):
        cte_lake.Lake.cte()


def test_ranges_filter(lake):
    flux = lake.phot()["flux_r03"].value
    found = lake.phot(flux_r03=cte_lake.between(700, 900))
    assert len(found) == np.sum((flux >= 700) & (flux <= 900))
    assert len(lake.phot(flux_r03=cte_lake.between(high=900))) == np.sum(flux <= 900)
    mjd = lake.exposures()["mjd"][0].value
    assert len(lake.exposures(mjd=cte_lake.between(Time(mjd - 1, format="mjd"), mjd + 1))) > 0
    assert len(lake.exposures(mjd=cte_lake.between("2010-01-01", "2010-02-01"))) == 0


def test_numbers_of_numpy_filter_too(lake):
    flashes = lake.exposures()["flash"]
    wanted = np.unique(np.asarray(flashes.value if hasattr(flashes, "value") else flashes))
    assert len(lake.exposures(flash=wanted)) == len(lake.exposures())
    assert len(lake.exposures(flash=wanted[0])) == len(lake.exposures(flash=int(wanted[0])))
    assert len(lake.sql("FROM exposures WHERE flash = $one", one=wanted[0])) > 0
    assert cte_lake.between(np.float32(700), np.int64(900)) == cte_lake.between(700, 900)


def test_a_year_is_no_mjd_and_a_range_begins_at_its_lower_end(lake):
    for wanted in (2015, cte_lake.between(2015)):
        with pytest.raises(UsageError, match=r"2015 looks like a year; .* between\('2015-01-01'\)"):
            lake.exposures(mjd=wanted)
    with pytest.raises(UsageError, match="57000 is above 56000"):
        cte_lake.between(57000, 56000)


def test_what_is_no_coefficient_set_is_told(lake):
    for use in (lambda: lake.correct({"flux": [600.0]}, 5), lambda: lake.use_coefficients(None)):
        with pytest.raises(
            UsageError, match=r"a (int|NoneType) is no coefficient set; give a set, or the name"
        ):
            use()


def test_coordinates_are_registered_as_numbers(lake):
    sky = SkyCoord([5.6, 5.7] * u.deg, [-72.0, -72.1] * u.deg)
    lake.register("placed", QTable({"sky": sky, "jansky": [1.0, 2.0] * u.Jy}))
    found = lake.sql('SELECT "sky.ra", "sky.dec", jansky FROM placed')
    assert found.units == {"sky.ra": "deg", "sky.dec": "deg", "jansky": "Jy"}
    assert list(found["sky.dec"].value) == [-72.0, -72.1]


@pytest.mark.parametrize("make", [QTable, pd.DataFrame, polars.DataFrame, pa.table])
def test_correct_takes_any_table(lake, make):
    table = make({"flux": [600.0, 5000.0], "y": [1500.0, 300.0], "chip": [2, 1]})
    with pytest.warns(
        cte_lake.CorrectionWarning, match="2 of 2 rows: background_unknown: No background"
    ) as told:
        result = lake.correct(table, "flt", mjd="2016-08-01T07:12:00", radius=3, filetype="flt")
    assert type(result) is type(table)
    # A sentence for each bit that is set, and the warning points at the caller.
    set_bits = np.bitwise_or.reduce(np.asarray(result["cte_flag"]))
    assert len(str(told[0].message).splitlines()) == int(set_bits).bit_count()
    assert told[0].filename == __file__
    expected = correct(ENTRY, [600.0, 5000.0], [1500.0, 300.0], [2, 1], 57601.3)
    np.testing.assert_allclose(np.asarray(result["cte_loss"], dtype=float), expected.cte_loss)
    with pytest.raises(UsageError, match="no option 'epoch'"):
        lake.correct(table, "flt", epoch=1)


def test_correct_takes_a_result(lake):
    stars = lake.phot(filetype="flt")
    result = lake.correct(stars, "flt", mjd=57601.3, chip=2, radius=3, columns={"flux": "flux_r03"})
    assert isinstance(result, cte_lake.Result)
    assert np.isfinite(result["cte_dmag"].value).all()


def test_coefficients_by_name(lake):
    assert lake.coefficients("flt") == ENTRY
    listed = lake.coefficients()
    assert "flt" in [row["name"] for row in listed if row["where"] == "lake"]
    assert any(row["name"].startswith("simulated_") for row in listed if row["where"] == "built in")
    lake.use_coefficients("flt")
    row = lake.sql("SELECT unnest(cte_corrected(600.0, 1500.0, 2, 57601.3))")[0]
    assert row["cte_loss"] == pytest.approx(float(correct(ENTRY, 600.0, 1500.0, 2, 57601.3).cte_loss))
    with pytest.raises(NothingToDo, match="built in are simulated_"):
        lake.coefficients("nothing")


def test_a_table_of_ones_own_joins(lake):
    mine = QTable({"master_id": [1, 2], "when": Time([57601.3, 57602.3], format="mjd"), "f": [1, 2] * u.Jy})
    lake.register("mine", mine)
    joined = lake.sql("SELECT count(*) AS n FROM phot JOIN mine USING (master_id)")
    assert joined[0]["n"] == 4
    index = pd.Index([3], name="master_id")
    lake.register("frame", pd.DataFrame({"day": pd.period_range("2016-08-01", periods=1)}, index=index))
    assert lake.sql("SELECT master_id, year(day) AS year FROM frame")[0] == {"master_id": 3, "year": 2016}
    lake.register("again", lake.sql("FROM phot LIMIT 1").pandas())
    assert lake.sql("SELECT flux_r03 FROM again").units == {"flux_r03": "electron"}
    for wrong in (pd.DataFrame({"a": [1, "x"]}), {"a": [2**70]}, pd.DataFrame()):
        with pytest.raises(UsageError, match=r"several types|no columns"):
            lake.register("frame", wrong)
    for name in ("cte", "no name", "stored_phot"):
        with pytest.raises(UsageError):
            lake.register(name, mine)


def test_figures_and_fits_are_methods(lake):
    assert "cte_time" in dir(lake.plot)
    assert "loss against time" in lake.plot.cte_time.__doc__
    assert lake.plot.overview().axes
    with pytest.raises(AttributeError, match="there are ratio_y"):
        _ = lake.plot.nothing
    with pytest.raises(AttributeError, match="did you mean 'cte_time'"):
        _ = lake.plot.cte_tme
    with pytest.raises(UsageError, match="did you mean 'log_ratio'"):
        lake.plot.cte_time(estimator="logratio")
    with pytest.raises(UsageError, match="did you mean 'log_ratio'"):
        lake.fit(estimator="logratio")
    with pytest.raises(UsageError, match="no option 'colour'"):
        lake.plot.overview(colour="red")
    with pytest.raises(cte_lake.CteLakeError):
        lake.fit(target="ngc104", filetype="flt")
    assert "exposures of 1 target" in lake._repr_html_()


def test_threads_wait_for_their_turn(lake):
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(lambda: len(lake.sql("FROM phot"))) for _ in range(8)]
        assert [each.result(timeout=300) for each in found] == [600] * 8


def test_whoever_takes_rows_does_not_wait_for_itself(lake):
    with pytest.raises(UsageError, match="ask it again when they are taken"):
        lake.each_part(lambda parts: lake.sql("FROM exposures"), "exposures")
    assert len(lake.exposures()) == 2


def test_a_closed_lake_says_so_and_its_results_stay(lake):
    with cte_lake.open_lake(lake.stored) as other:
        kept = other.sql("FROM exposures")
    assert len(kept.astropy()) == len(kept) == 2
    with pytest.raises(UsageError, match="this lake is closed; open it again"):
        other.exposures()


def test_closing_ends_the_query_of_another_thread(lake):
    other = cte_lake.open_lake(lake.stored)
    with ThreadPoolExecutor(1) as pool:
        endless = pool.submit(other.sql, "SELECT count(*) FROM range(100000000000) WHERE sqrt(range) < 0")
        while not any(thread.name == "cte-lake query" for thread in threading.enumerate()):
            assert not endless.done()
        other.close()
        with pytest.raises(UsageError, match=r"Interrupted|closed"):
            endless.result(timeout=300)


def test_a_fork_is_told_to_open_the_lake_itself(lake):
    """A query in it would wait for ever for threads that stayed behind."""
    told, tell = os.pipe()
    with warnings.catch_warnings():
        # Later Pythons warn of a fork beside threads, which is what this is about.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            with lake:
                os.write(tell, b"asks")
                lake.sql("SELECT sum(cte_loss) FROM cte")
                os.write(tell, b" and is answered")
        except UsageError as error:
            os.write(tell, f": {error}".encode())
        finally:
            os._exit(0)
    os.close(tell)
    assert os.waitpid(child, 0)[1] == 0
    said = os.read(told, 1000).decode()
    os.close(told)
    assert said == "asks: this lake was opened by another process; open it in this one, too"
    assert lake.sql("SELECT 1 AS a")[0] == {"a": 1}


def test_a_generation_that_the_lake_lacks_is_refused(lake):
    with pytest.raises(UsageError, match="has no exposure of calibration generation 'cte9'"):
        cte_lake.open_lake(lake.stored, generation="cte9")


@pytest.mark.slow
def test_python_ends_while_a_thread_asks(lake):
    program = """
import sys, threading, time, cte_lake
lake = cte_lake.open_lake(sys.argv[1])
query = "SELECT count(*) FROM range(100000000000) WHERE sqrt(range) < 0"
threading.Thread(target=lake.sql, args=(query,), daemon=True).start()
while not any(thread.name == "cte-lake query" for thread in threading.enumerate()):
    time.sleep(0.01)
"""
    done = subprocess.run([sys.executable, "-c", program, str(lake.stored)], timeout=300, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_an_error_is_a_sentence_in_a_notebook(lake):
    with pytest.raises(cte_lake.CteLakeError) as caught:
        lake.view("nothing")
    assert caught.value._render_traceback_() == [f"LakeError: {caught.value}"]
