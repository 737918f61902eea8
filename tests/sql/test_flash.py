"""`cte_vs_flash`: only epochs in which flash levels can be compared."""

from __future__ import annotations

import duckdb
import pytest

from cte_lake.resources import data_dir

COLUMNS = """
    target filter length flash filetype chinject generation newest pairing chip aperture estimator bin_lo
    bin_hi epoch epoch_mjd mjd cte_loss cte_loss_err cte_dmag loss_mag loss_mag_err n mean_flux background
    readout_background pair_id image_1 image_2 proposal visit exptime
""".split()  # noqa: SIM905
USUAL = {
    "target": "ngc104", "filter": "F502N", "length": "l", "filetype": "flt", "pairing": "chips",
    "estimator": "mean_flux", "bin_lo": 500.0, "bin_hi": 2000.0, "epoch": 1, "cte_loss": 0.1,
    "chinject": "NONE", "generation": "flt", "newest": True,
}  # fmt: skip


@pytest.fixture
def losses():
    """Make `cte_vs_flash` over rows of `cte` that a test gives."""
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO default_aperture() AS 3")
        connection.execute("CREATE TABLE time_bins AS SELECT 500.0 AS bin_lo, 2000.0 AS bin_hi")

        def shown(*rows: dict[str, object]) -> list[tuple[int, ...]]:
            kept = [USUAL | row | {"pair_id": number} for number, row in enumerate(rows)]
            literals = [
                ["NULL" if row.get(name) is None else repr(row[name]) for name in COLUMNS] for row in kept
            ]
            values = ", ".join(f"({', '.join(literal)})" for literal in literals)
            connection.execute(
                "CREATE OR REPLACE MACRO cte(aperture := 3) AS TABLE "
                f"FROM (VALUES {values}) AS t({', '.join(COLUMNS)})"
            )
            for name in ("several_flashes", "shown_generation", "cte_vs_flash"):
                connection.execute((data_dir("sql") / f"{name}.sql").read_text(encoding="utf-8"))
            return connection.execute("SELECT pair_id FROM cte_vs_flash() ORDER BY pair_id").fetchall()

        yield shown


def test_an_epoch_of_one_flash_level_is_not_shown(losses):
    rows = losses({"flash": 0}, {"flash": 0}, {"flash": 0, "epoch": 2}, {"flash": 12, "epoch": 2})
    assert rows == [(2,), (3,)]


@pytest.mark.parametrize(
    "other",
    [
        {"target": "ngc6791"}, {"filter": "F606W"}, {"length": "s"}, {"filetype": "flc"}, {"pairing": "180"},
        {"estimator": "log_ratio"}, {"epoch": 2}, {"chinject": "CONT"}, {"newest": False},
        {"bin_lo": 250.0}, {"cte_loss": None},
    ],
)  # fmt: skip
def test_levels_that_cannot_be_compared_do_not_make_an_epoch(losses, other):
    assert losses({"flash": 0}, {"flash": 12} | other) == []
    assert losses({"flash": 0}, {"flash": 12}) == [(0,), (1,)]
