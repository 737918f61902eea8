"""fit, coeffs, correct, predict, closure and consistency as a user runs them."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.fit import _print_trials
from cte_lake.cli.main import app
from cte_lake.cli.options import parse_date
from cte_lake.correction.coefficient_files import read_coefficients
from cte_lake.correction.fit_lake import FitOutcome
from cte_lake.errors import AuditFailed, CteLakeError, FitRefused, NothingToDo, UsageError
from cte_lake.model.bins import non_overlapping
from cte_lake.model.correct import correct
from cte_lake.model.estimators import bin_slopes
from cte_lake.simulate.law import CTELaw
from tests.model.lakes import make_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return make_lake(tmp_path_factory.mktemp("model") / "lake")


def run(*arguments, ok=True):
    """Run a command; its own errors come back as they are raised, as `main` sees them."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(result.exception, CteLakeError) or (ok and result.exception is not None):
        raise result.exception
    return result


FLT = ("--target", "ngc104", "--filter", "F502N", "--length", "l", "--flash", "0", "--filetype", "flt")


@pytest.fixture(scope="module")
def fitted(lake):
    return run("fit", "--lake", lake, *FLT, "--name", "first", "--bootstrap", 20, "--json")


def test_fit_keeps_a_set_with_its_provenance(lake, fitted):
    told = json.loads(fitted.stdout)
    entry = read_coefficients(lake / "coefficients" / "first.toml")
    assert told["path"] == str(lake / "coefficients" / "first.toml")
    assert entry.coefficients.tolist() == told["coefficients"]["coefficients"]
    assert entry.selection["flash"] == "0"
    assert {"lake_hash", "config_hash", "software", "date"} <= set(entry.provenance)
    assert "cross-validation" in fitted.stderr
    assert "AIC" in fitted.stderr
    assert "BIC" in fitted.stderr
    assert "bootstrap over visits" in fitted.stderr
    assert 0.1 < entry.quality["bootstrap_min"] <= entry.quality["bootstrap_max"] < 10
    assert entry.quality["epochs"] == 6
    assert sum(trial["chosen"] for trial in told["trials"]) == 1


def test_fit_recovers_the_simulated_law(lake, fitted):
    entry = read_coefficients(lake / "coefficients" / "first.toml")
    background = float(np.mean(entry.validity.background))
    for mjd in (55850.0, 57050.0):
        for flux in (400.0, 1500.0, 6000.0):
            # The simulator's law is of the flux before readout, the surface of that half-way down the chip.
            half = float(entry.loss(mjd, flux)) / 2
            truth = CTELaw().loss(mjd, flux * np.exp(half), background)
            error = entry.loss_err(mjd, flux)
            assert entry.loss(mjd, flux) == pytest.approx(
                float(truth), abs=float(4 * error) + 0.03 * float(truth)
            )


def test_the_sql_estimator_is_the_numpy_one(lake):
    with open_lake(lake) as opened:
        rows = (
            opened.cte(estimator="log_ratio").arrow().to_pandas().sort_values(["pair_id", "bin_lo", "bin_hi"])
        )
        stars = opened.sql("SELECT * FROM ratios").arrow().to_pandas()
    bins = non_overlapping(zip(rows.bin_lo, rows.bin_hi, strict=True))
    compared = 0
    for pair, own in stars.groupby("pair_id"):
        expected = bin_slopes(own.distance, own.ratio * own.mean_flux, own.mean_flux, bins)
        same = bin_slopes(own.distance, own.flux_1, own.flux_2, bins)
        for number, (low, high) in enumerate(bins):
            found = rows[(rows.pair_id == pair) & (rows.bin_lo == low) & (rows.bin_hi == high)]
            if found.pairing.item() == "180":
                # In such a pair the ratio is the second exposure over the first.
                same = bin_slopes(own.distance, own.flux_2, own.flux_1, bins)
            assert found.n.item() == same.n[number]
            for name in ("slope", "slope_err", "intercept", "mean_flux", "mean_log_flux", "mean_log_flux_sq"):
                assert found[name].item() == pytest.approx(getattr(same, name)[number], rel=1e-9)
            compared += 1
        assert expected.n.size == len(bins)
    assert compared >= 70


@pytest.mark.slow
def test_a_fit_that_the_data_cannot_support_is_refused(lake, fitted):
    with pytest.raises(FitRefused, match="1 epoch cannot"):
        run("fit", "--lake", lake, *FLT, "--until", "2010-12-31")
    with pytest.raises(UsageError, match="flash 0, 12; choose one with --flash"):
        run("fit", "--lake", lake, "--target", "ngc104", "--background", 0)
    with pytest.raises(NothingToDo, match=r"nothing to fit: no pair has target ngc6791; .*ngc104"):
        run("fit", "--lake", lake, "--target", "ngc6791")
    for command in (("fit",), ("measure",), ("consistency",), ("plot", "cte-time")):
        with pytest.raises(
            UsageError, match="--estimator 'median' is not known; it is both_in_bin, mean_flux"
        ):
            run(*command, "--lake", lake, "--estimator", "median")
    with pytest.raises(UsageError, match="`coeffs export` writes it"):
        run("fit", "--lake", lake, *FLT, "--format", "csv")
    with pytest.raises(UsageError, match="use --overwrite"):
        run("fit", "--lake", lake, *FLT, "--name", "first", "--time", "linear")


@pytest.mark.slow
def test_a_fit_whose_errors_visits_cannot_check_says_so(lake):
    done = run("fit", "--lake", lake, *FLT, "--until", "2011-12-31", "--name", "two", "--time", "linear")
    assert "errors not checked: a bootstrap over 2 visits" in done.stderr
    assert "bootstrap_min" not in read_coefficients(lake / "coefficients" / "two.toml").quality


@pytest.mark.parametrize(("scatter", "told"), [(0.1, False), (0.45, True)])
def test_a_background_that_scatters_and_is_no_variable_is_told(lake, fitted, capsys, scatter, told):
    entry = read_coefficients(lake / "coefficients" / "first.toml")
    assert {"background", "background_scatter"} <= entry.quality.keys()
    measured = {**entry.quality, "background": 3.0, "background_scatter": scatter}
    _print_trials(FitOutcome(replace(entry, quality=measured), [], None))
    assert ("scatter by 0.45 e-/px about 3," in capsys.readouterr().err) == told


@pytest.mark.slow
def test_one_epoch_alone(lake):
    rows = json.loads(run("fit", "--lake", lake, *FLT, "--epoch", "57050", "--json").stdout)
    assert [row["coefficient"] for row in rows] == ["a0", "a1", "a2"]
    with pytest.raises(FitRefused, match="no slope within 30 days"):
        run("fit", "--lake", lake, *FLT, "--epoch", "2020-01-01")


@pytest.mark.slow
def test_background_as_a_variable_and_the_flash_that_limits_the_loss(lake):
    run("fit", "--lake", lake, "--target", "ngc104", "--background", 1, "--time", "linear", "--name", "sky")
    asked = ("predict", "--lake", lake, "-c", "sky", "--date", "2016-01-01", "--flux", 500)
    asked += ("--background", 2, "--background", 12, "--json")
    without, with_flash = (row["loss"] for row in json.loads(run(*asked).stdout))
    assert without > with_flash
    wanted = (without + with_flash) / 2
    rows = json.loads(run(*asked, "--below", wanted).stdout)
    assert rows[0]["post_flash"] is None
    # The background that does it, and the flash that adds it to what the exposure has by itself.
    assert [row["loss"] for row in rows[2:]] == [pytest.approx(wanted, abs=1e-4)] * 2
    assert 2 < rows[2]["background"] < 12
    assert [row["post_flash"] for row in rows[2:]] == [pytest.approx(rows[2]["background"] - 2), 0.0]
    assert all(row["dmag_err"] > 0 for row in rows)
    out_of_reach = run(
        "predict", "--lake", lake, "-c", "sky", "--date", "2016-01-01", "--flux", 300, "--below", "0.001"
    )
    assert "no background of the fitted range" in out_of_reach.stderr
    with pytest.raises(UsageError, match="give --background"):
        run("predict", "--lake", lake, "-c", "sky", "--date", "57000", "--flux", 500)


def test_pivot_free_and_forced(lake):
    rows = json.loads(run("pivot", 1024, "--lake", lake, "--pairs", "180", "--json").stdout)
    assert {row["chip"] for row in rows} == {1, 2}
    assert all(row["cte_loss"] > -3 * row["cte_loss_err"] for row in rows)
    done = run("pivot", "--lake", lake, "--target", "47 Tuc", "--flash", 0)
    assert "chip 1 over chip 2: pivot 10" in done.stderr


@pytest.mark.slow
def test_rows_fit_a_terminal_of_80_columns_in_one_block(lake, fitted, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in (
        ("pivot", 1024, "--lake", lake, "--pairs", "180"),
        ("consistency", "--lake", lake),
        ("coeffs", "list", "--lake", lake),
        ("coeffs", "diff", "first", "first", "--lake", lake),
        ("predict", "-c", "first", "--lake", lake, "--date", "2014-01-01", "--flux", 500),
        ("closure", "-n", 2, "--stars", 800, "--per", "flux"),
    ):
        # A closure of two lakes may fail its limits; it prints first.
        text = CliRunner().invoke(app, [str(a) for a in arguments]).stdout
        lines = text.splitlines()
        assert len([line for line in lines if set(line) == {"-", " "}]) == 1, text
        assert max(map(len, lines)) <= 80, text


def columns_and_count(path):
    """Names of the columns of a file of rows, and how many rows it has."""
    if path.suffix == ".json":
        rows = json.loads(path.read_text())
        return list(rows[0]), len(rows)
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table.column_names, table.num_rows
    table = Table.read(path, format=f"ascii{path.suffix}")
    return table.colnames, len(table)


@pytest.mark.slow
def test_rows_come_in_every_format(lake, fitted, tmp_path):
    commands = {
        "epoch": ("fit", "--lake", lake, *FLT, "--epoch", "57050"),
        "pivot": ("pivot", 1024, "--lake", lake, "--pairs", "180"),
        "list": ("coeffs", "list", "--lake", lake),
        "show": ("coeffs", "show", "first", "--lake", lake),
        "diff": ("coeffs", "diff", "first", "first", "--lake", lake),
        "predict": ("predict", "-c", "first", "--lake", lake, "--date", "2014-01-01", "--flux", 500),
        "consistency": ("consistency", "--lake", lake),
    }
    for name, command in commands.items():
        # One place writes the rows of all commands: a quick one shows every format.
        endings = ("csv", "json", "parquet", "ecsv") if name == "predict" else ("json", "ecsv")
        found = {}
        for ending in endings:
            path = tmp_path / f"{name}.{ending}"
            assert run(*command, "-o", path).stdout == ""
            found[ending] = columns_and_count(path)
        assert len({str(each) for each in found.values()}) == 1, found
        rows = json.loads((tmp_path / f"{name}.json").read_text())
        assert rows
        if name != "list":
            assert rows == json.loads(run(*command, "--format", "json").stdout)
    assert Table.read(tmp_path / "predict.ecsv", format="ascii.ecsv")["flux"].unit == "electron"
    with pytest.raises(UsageError, match="--json and --format csv"):
        run("coeffs", "list", "--lake", lake, "--json", "--format", "csv")
    with pytest.raises(UsageError, match="choose it with --per"):
        run("closure", "-n", 2, "--format", "csv")


def test_coeffs(lake, fitted, tmp_path):
    listed = json.loads(run("coeffs", "list", "--lake", lake, "--json").stdout)
    assert "first" in [row["name"] for row in listed]
    shown = run("coeffs", "show", "first", "--lake", lake).stdout
    assert "c11" in shown
    assert "e- within 3 px" in shown
    table = run("coeffs", "latex", "first", "first", "--lake", lake).stdout
    assert r"\begin{tabular}{lrr}" in table
    copy = tmp_path / "copy.toml"
    run("coeffs", "export", "first", "--lake", lake, "-o", copy)
    assert read_coefficients(copy) == read_coefficients(lake / "coefficients" / "first.toml")
    assert "%ECSV" in run("coeffs", "export", copy, "--format", "ecsv").stdout
    same = json.loads(run("coeffs", "diff", copy, "first", "--lake", lake, "--json").stdout)
    assert all(row["loss_1"] == row["loss_2"] for row in same)
    with pytest.raises(NothingToDo, match="the lake has first"):
        run("coeffs", "show", "second", "--lake", lake)


@pytest.mark.parametrize("ending", ["ecsv", "fits", "fits.gz", "vot", "csv", "parquet"])
def test_correct_every_format(lake, fitted, tmp_path, ending):
    path = tmp_path / f"stars.{ending}"
    table = Table({"flux": [300.0, 3000.0, -5.0], "y": [2000.0, 100.0, 7.0], "chip": [2, 1, 2]})
    kind = {"vot": "votable", "csv": "ascii.csv", "ecsv": "ascii.ecsv"}.get(ending, ending.split(".")[0])
    table.write(path, format=kind)
    arguments = ("correct", path, "--lake", lake, "-c", "first", "--mjd", "2014-06-01")
    done = run(*arguments, "--radius", 3, "--filetype", "flt", "--background", 2, "--json")
    told = json.loads(done.stdout)
    assert (told["rows"], told["corrected"]) == (3, 2)
    assert told["flags"] == {"flux_not_positive": 1} or "background" in str(told["flags"])
    result = Table.read(told["path"], format=kind)
    if ending not in {"csv", "fits", "fits.gz"}:
        assert "dimming" in result["cte_dmag"].description
    assert result["corrected_flux"][0] > 300.0
    assert 0 < result["cte_loss"][1] < 0.2
    assert result["cte_dmag_err"][0] > 0
    with pytest.raises(UsageError, match="--overwrite"):
        run(*arguments)
    run(*arguments, "--overwrite")


def test_correct_says_what_is_wrong(lake, fitted, tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("flux,y\n300,20\n")
    with pytest.raises(CteLakeError, match="no chip among the columns flux, y"):
        run("correct", path, "-c", "first", "--lake", lake)
    with pytest.raises(UsageError, match="ROLE=NAME"):
        run("correct", path, "-c", "first", "--lake", lake, "--column", "flux")
    with pytest.raises(UsageError, match="unknown ending"):
        run("correct", path, "-o", tmp_path / "stars.odd", "-c", "first", "--lake", lake)
    with pytest.raises(CteLakeError, match="does not exist"):
        run("correct", tmp_path / "no.csv", "-c", "first", "--lake", lake)


def test_correct_in_batches_is_correct_at_once(lake, fitted, tmp_path):
    from cte_lake.correction.correct_files import TableOptions, correct_file

    rng = np.random.default_rng(0)
    table = Table({"flux": 10 ** rng.uniform(2, 5, 5000), "y": rng.uniform(0, 2050, 5000)})
    table["chip"], table["mjd"] = rng.integers(1, 3, 5000), rng.uniform(55000, 58000, 5000)
    table.write(tmp_path / "stars.parquet")
    entry = read_coefficients(lake / "coefficients" / "first.toml")
    once = correct_file(tmp_path / "stars.parquet", tmp_path / "a.parquet", entry)
    few = TableOptions(batch_rows=700)
    parts = correct_file(tmp_path / "stars.parquet", tmp_path / "b.parquet", entry, options=few)
    assert once.flags == parts.flags
    one, two = Table.read(tmp_path / "a.parquet"), Table.read(tmp_path / "b.parquet")
    np.testing.assert_array_equal(one["cte_dmag"], two["cte_dmag"])
    assert len(one) == 5000


@pytest.mark.slow
def test_closure_exits_by_its_verdict():
    done = run("closure", "-n", 3, "--stars", 1500, "--json")
    assert len(json.loads(done.stdout)["coefficients"]) == 9
    rows = run("closure", "-n", 2, "--stars", 800, "--per", "coefficient", "--format", "csv").stdout
    assert [row.split(",")[0].strip('"') for row in rows.splitlines()][:3] == ["coefficient", "c00", "c01"]
    with pytest.raises(AuditFailed, match="250-500"):
        run("closure", "-n", 2, "--estimator", "both_in_bin")


@pytest.mark.slow
def test_consistency_says_no_data_where_there_is_none(lake):
    rows = json.loads(run("consistency", "--lake", lake, "--json").stdout)
    verdict = {row["key"]: row["verdict"] for row in rows}
    assert verdict["loss_faint_flashed_flc"] == "no data"
    assert len(rows) == 7
    assert set(verdict.values()) <= {"consistent", "differs", "no data"}
    table = run("consistency", "--lake", lake)
    assert "arXiv:2602.07133" in table.stderr
    assert "no data" in table.stdout


def test_dates():
    assert parse_date("57601.5") == 57601.5
    assert parse_date("2016-08-01") == 57601.0
    assert parse_date("2016-08-01T12:00+00:00") == 57601.5
    for text in ("soon", "20160801", "-4"):
        with pytest.raises(UsageError):
            parse_date(text)


def test_the_correction_in_the_lakes_sql(lake, fitted):
    entry = read_coefficients(lake / "coefficients" / "first.toml")
    with open_lake(lake) as opened:
        opened.use_coefficients(entry)
        rows = opened.sql(
            "SELECT p.flux_r03, p.y, e.chip, e.mjd, p.sky, "
            "unnest(cte_corrected(p.flux_r03, p.y, e.chip, e.mjd, "
            "background := p.sky, radius := 3, filetype := e.filetype)) "
            "FROM phot AS p JOIN exposures AS e USING (imagename) WHERE e.flash = 0 AND p.master_id < 50"
        ).pandas()
    expected = correct(entry, rows.flux_r03, rows.y, rows.chip, rows.mjd, rows.sky, 3, "flt")
    np.testing.assert_allclose(rows.corrected_flux, expected.corrected_flux, rtol=1e-9)
    assert len(rows) > 500
