import duckdb
import numpy as np
import pyarrow as pa
import pytest

from cte_lake.model.correct import correct
from cte_lake.model.sqlmacro import MACROS, as_struct, create_macros, use_coefficients
from cte_lake.resources import data_dir
from tests.model.sets import make_background_set, make_set


@pytest.fixture(scope="module")
def stars():
    rng = np.random.default_rng(3)
    size = 2000
    chip = rng.integers(1, 3, size).astype(float)
    chip[:50] = rng.integers(0, 5, 50)
    flux = 10 ** rng.uniform(1.5, 5.2, size)
    flux[:4] = [-3.0, 0.0, np.nan, 1e5]
    background = rng.uniform(-3, 30, size)
    background[::7] = np.nan
    return {
        "flux": flux,
        "y": rng.uniform(-3, 2054, size),
        "chip": chip,
        "mjd": rng.uniform(54000, 59000, size),
        "background": background,
    }


@pytest.mark.parametrize("entry", [make_set(), make_set(-make_set().coefficients), make_background_set()])
@pytest.mark.parametrize(("radius", "filetype"), [(3, "flt"), (5, "FLC"), (None, None)])
def test_the_macro_is_the_python_function(stars, entry, radius, filetype):
    connection = duckdb.connect()
    create_macros(connection)
    use_coefficients(connection, entry)
    connection.register("stars", pa.table(stars))
    result = connection.sql(
        "SELECT unnest(cte_corrected(flux, y, chip, mjd, background := background,"
        " radius := $r, filetype := $f))"
        " FROM stars",
        params={"r": radius, "f": filetype},
    ).to_arrow_table()
    expected = correct(entry, **stars, radius=radius, filetype=filetype)
    np.testing.assert_array_equal(result["cte_flag"].to_numpy(), expected.cte_flag)
    for name in ("corrected_flux", "cte_loss", "cte_dmag", "cte_dmag_err"):
        got = result[name].to_numpy(zero_copy_only=False)
        np.testing.assert_allclose(got, getattr(expected, name), rtol=1e-8, atol=1e-10, err_msg=name)


def test_macros_do_not_depend_on_the_order_in_which_they_are_made():
    connection = duckdb.connect()
    for name in sorted(MACROS):
        connection.execute((data_dir("sql") / f"{name}.sql").read_text())
    connection.execute(f"SET VARIABLE mine = {as_struct(make_set())}")
    query = "SELECT (cte_corrected(500.0, 1000, 2, 57000.0, coefficients := getvariable('mine'))).cte_loss"
    expected = correct(make_set(), 500.0, 1000.0, 2, 57000.0).cte_loss
    assert connection.sql(query).fetchall()[0][0] == pytest.approx(float(expected), rel=1e-10)


def test_without_coefficients_it_says_so():
    connection = duckdb.connect()
    create_macros(connection)
    with pytest.raises(duckdb.Error, match="has no coefficients"):
        connection.sql("SELECT cte_corrected(500.0, 1000, 2, 57000.0)").fetchall()
