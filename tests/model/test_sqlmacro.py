import duckdb
import numpy as np
import pyarrow as pa
import pytest

from cte_lake.model.correct import correct
from cte_lake.model.flags import INPUT_MISSING
from cte_lake.model.flags import OFF_CHIP as OFF
from cte_lake.model.sqlmacro import MACRO, create_function, key_of, use_coefficients
from cte_lake.resources import data_dir
from tests.model.sets import make_background_set, make_set

MISSING, OFF_CHIP = INPUT_MISSING.value, OFF.value


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


def create_macros(connection):
    """Make the macro with its function, as a query that names it does in a lake."""
    create_function(connection)
    connection.execute((data_dir("sql") / f"{MACRO}.sql").read_text(encoding="utf-8"))


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
        np.testing.assert_allclose(got, getattr(expected, name), rtol=1e-15, atol=0, err_msg=name)


def test_a_query_may_name_sets_radii_and_file_types_row_by_row(stars):
    one, two = make_set(), make_background_set()
    with duckdb.connect() as connection:
        create_macros(connection)
        connection.execute(
            "CREATE TABLE asked AS SELECT * FROM (VALUES (1, $one, 3, 'flt'), (2, $two, 5, 'flc'),"
            " (3, $one, NULL, NULL))"
            " AS t(number, key, radius, filetype)", {"one": key_of(one), "two": key_of(two)},
        )  # fmt: skip
        found = connection.execute(
            "SELECT (cte_corrected(500.0, 1000, 2, 57000.0, background := 3.0, radius := radius,"
            " filetype := filetype, coefficients := key)).corrected_flux FROM asked ORDER BY number"
        ).fetchall()
    expected = [
        correct(entry, 500.0, 1000.0, 2, 57000.0, background=3.0).corrected_flux for entry in (one, two, one)
    ]
    assert [row[0] for row in found] == pytest.approx([float(value) for value in expected], rel=1e-15)


def test_missing_values_have_no_result_and_their_flag():
    with duckdb.connect() as connection:
        create_macros(connection)
        use_coefficients(connection, make_set())
        rows = connection.execute(
            "SELECT unnest(cte_corrected(flux, y, chip, mjd)) FROM (VALUES"
            " (NULL, 5, 1, 57000), (900, NULL, 1, 57000), (900, 5, NULL, 57000), (900, 5, 1, NULL),"
            " (900, 5, 3, 57000))"
            " AS t(flux, y, chip, mjd)"
        ).fetchall()
    assert [row[:4] for row in rows] == [(None,) * 4] * 5
    assert [row[4] & (MISSING | OFF_CHIP) for row in rows] == [
        *[MISSING] * 4, OFF_CHIP
    ]  # fmt: skip


def test_without_coefficients_it_says_so():
    with duckdb.connect() as connection:
        create_macros(connection)
        with pytest.raises(duckdb.Error, match="has no coefficients"):
            connection.sql("SELECT cte_corrected(500.0, 1000, 2, 57000.0)").fetchall()
