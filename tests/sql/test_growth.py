"""Growth curves, focus, the loss that shapes imitate, its correction and audit; the sky along the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.starflags import mask_of
from cte_lake.views.audits import audits
from tests.sql.writing import add_exposure

N = 2500
SHARES = {2: 0.8, 3: 0.9, 5: 0.95, 7: 0.98, 10: 1.0}
#: What a star loses of its light within each radius from one end of a chip to the other by its width.
WIDENING = {2: 0.05, 3: 0.02, 5: 0.01, 7: 0.004, 10: 0.0}


def written(
    root: Path,
    *,
    loss: float = 0.0,
    widening: float = 1.0,
    faint_loss: float = 0.0,
    trails: float = 0.0,
    sky_error: float = 0.0,
    neighbours: float = 0.0,
) -> Path:
    """A pair of which stars lose `loss` per 2048 rows, and whose widths grow away from the amplifiers.

    `faint_loss` is lost by stars under 8000 e- on top; `trails` is the part of what 3 px lose that 10 px get
    back; by `sky_error` (e-/px) the sky is too low 2048 rows away from the amplifiers. `neighbours` is the
    mean light about the stars (e-/px), which lies about some far more than about others and loses as they do.
    """
    create_lake(stored(root))
    rng = np.random.default_rng(8)
    x, y, flux = rng.uniform(0, 4095, N), rng.uniform(0, 2050, N), 10 ** rng.uniform(2.45, 4.6, N)
    about = np.random.default_rng(9).exponential(1.0, N) ** 2
    for name, chip in (("ic7802aaq", 2), ("ic7802abq", 1)):
        rows = (2050 - y if chip == 1 else y) / 2048
        strength = loss + np.where(flux < 8000, faint_loss, 0.0)
        stars: dict[str, Any] = {"master_id": np.arange(N), "x": x, "y": y, "sky": 3.0 + 2.0 * rows}
        noise = rng.normal(0.0, 0.003, N)
        for radius, share in SHARES.items():
            kept = np.exp(-strength * rows * (1 - trails * (radius == 10)))
            shape = share * np.exp(
                -widening * WIDENING[radius] * rows + rng.normal(0.0, 0.004, N) * (radius < 10)
            )
            stars[f"flux_r{radius:02d}"] = flux * shape / SHARES[3] * kept * np.exp(noise)
            stars[f"flux_r{radius:02d}"] += sky_error * rows * np.pi * radius**2
            lost = np.exp(-(loss + faint_loss) * rows)
            stars[f"flux_r{radius:02d}"] += neighbours * about * lost * np.pi * max(radius**2 - 25, 0)
        # Cosmic rays within 10 px on one side, and stars that are flagged for what lies within 3 px.
        stars["flux_r10"][:40] *= 1.0 if chip == 2 else 1.4
        flags = np.zeros(N, dtype="i4")
        flags[40:80] = mask_of(["neighbour"])
        stars["flux_r02"][40:80] *= 3
        add_exposure(root, name, stars | {"flags": flags}, chip=chip, mjd=57601.3 + chip / 100)
    return root


def failing(root: Path, name: str = "shapes_imitate_loss") -> list[dict[str, Any]]:
    (audit,) = (each for each in audits() if each.name == name)
    with open_lake(root) as lake:
        return lake.sql(audit.query).rows()


@pytest.fixture(scope="module")
def widened(tmp_path_factory):
    return written(tmp_path_factory.mktemp("widened") / "lake", loss=0.05)


@pytest.mark.parametrize("aperture", [2, 3, 5, 7])
def test_the_imitated_loss_is_that_of_the_radius(widened, aperture):
    with open_lake(widened) as lake:
        (row,) = lake.growth_loss(aperture=aperture).rows()
    assert row["aperture"] == aperture
    assert abs(row["growth_loss"] - WIDENING[aperture]) < 3 * row["growth_loss_err"]
    assert row["growth_loss_err"] < 0.0006
    assert (row["pairing"], row["chip"]) == ("chips", None)
    assert row["n"] < row["n_in_bin"] < N / 2


@pytest.mark.slow
def test_the_correction_is_off_unless_chosen_and_takes_it_off_every_bin(widened):
    with open_lake(widened) as lake:
        plain = {row["bin_lo"]: row for row in lake.losses()}
        (shapes,) = lake.growth_loss().rows()
        slopes = {row["bin_lo"]: row["slope"] for row in lake.cte(estimator="log_ratio", bin_hi=500.0)}
    settings = load_settings(widened, {"measure.shape_correction": "growth"})
    with open_lake(widened, settings=settings) as lake:
        corrected = {row["bin_lo"]: row for row in lake.losses()}
        kept = {row["bin_lo"]: row["slope"] for row in lake.cte(estimator="log_ratio", bin_hi=500.0)}
        wide = {row["bin_lo"]: row for row in lake.losses(aperture=7)}
    assert len(plain) == 6
    assert slopes == kept
    for low, row in plain.items():
        assert row["loss"] == pytest.approx(0.07, abs=0.002)
        assert corrected[low]["loss"] == pytest.approx(row["loss"] - shapes["growth_loss"], abs=1e-12)
        assert corrected[low]["loss_err"] == pytest.approx(
            np.hypot(row["loss_err"], shapes["growth_loss_err"])
        )
        assert corrected[low]["loss"] == pytest.approx(0.05, abs=0.0015)
        assert wide[low]["loss"] == pytest.approx(corrected[low]["loss"], abs=0.0015)
        assert corrected[low]["loss_mag"] < row["loss_mag"]


@pytest.mark.slow
def test_the_sky_correction_goes_down_with_the_flux(tmp_path):
    root = written(tmp_path / "lake", loss=0.05, sky_error=0.3)
    found = {}
    for correction in ("none", "growth", "sky", "both"):
        settings = load_settings(root, {"measure.shape_correction": correction})
        with open_lake(root, settings=settings) as lake:
            found[correction] = {row["bin_lo"]: row for row in lake.losses()}
            (imitated,) = lake.growth_loss().rows()
            faint = lake.sql("SELECT faint_flux() AS flux").rows()[0]["flux"]
    plain, sky = found["none"][250.0], found["sky"][250.0]
    assert plain["loss"] == pytest.approx(0.07 + imitated["sky_loss"], abs=0.004)
    assert imitated["sky_loss"] < -0.01
    assert sky["loss"] == pytest.approx(0.07, abs=0.002)
    assert sky["loss_err"] > plain["loss_err"]
    for low, row in found["sky"].items():
        taken = found["none"][low]["loss"] - row["loss"]
        assert taken == pytest.approx(imitated["sky_loss"] * faint / row["mean_flux"], abs=1e-12)
        both = found["growth"][low]["loss"] - taken
        assert found["both"][low]["loss"] == pytest.approx(both, abs=1e-12)


@pytest.mark.slow
def test_a_pair_without_bright_stars_has_no_corrected_loss(tmp_path):
    create_lake(stored(tmp_path / "lake"))
    y = np.linspace(0, 2050, 300)
    stars = {
        "master_id": np.arange(300),
        "y": y,
        "flux_r03": np.full(300, 700.0),
        "flux_r10": np.full(300, 800.0),
    }
    for name, chip in (("ic7802aaq", 2), ("ic7802abq", 1)):
        add_exposure(tmp_path / "lake", name, stars, chip=chip, mjd=57601.3 + chip / 100)
    settings = load_settings(tmp_path / "lake", {"measure.shape_correction": "growth"})
    with open_lake(tmp_path / "lake", settings=settings) as lake:
        assert lake.losses().rows() == []
    with open_lake(tmp_path / "lake") as lake:
        assert [row["bin_lo"] for row in lake.losses()] == [500.0]


def test_growth_curves_tell_radius_and_place(widened):
    with open_lake(widened) as lake:
        rows = lake.growth(chip=2, aperture=3).rows()
        sharp = lake.focus().rows()
    assert {(row["row_lo"], row["column_lo"]) for row in rows if row["row_lo"] < 2048} == {
        (float(row), float(column)) for row in range(0, 2048, 256) for column in range(0, 4096, 1024)
    }
    for row in rows:
        if row["n"] < 5:
            continue
        middle = (row["row_lo"] + row["row_hi"]) / 2 / 2048
        assert abs(row["growth"] - 0.9 * np.exp(-0.02 * middle)) < 5 * row["growth_err"] + 1e-3
        assert 0 < row["growth_err"] < 0.005
    assert len(sharp) == 2
    for row in sharp:
        assert row["focus"] == pytest.approx(0.8 * np.exp(-0.025), abs=0.002)
        assert 0 < row["focus_err"] < 0.001


def test_the_sky_along_the_rows(widened):
    with open_lake(widened) as lake:
        rows = lake.sky_gradient().rows()
    assert len(rows) == 2
    for row in rows:
        assert row["sky_gradient"] == pytest.approx(2.0, abs=1e-9)
        assert row["sky"] == pytest.approx(4.0, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "lake"),
    [
        (True, {"widening": 1.0}),
        (True, {"widening": -1.0, "faint_loss": 0.1, "loss": 0.05}),
        (False, {"widening": 0.0}),
        (False, {"widening": 0.0, "loss": 0.05, "faint_loss": 0.1}),
        # What trails bring back within 10 px looks like a widening; the faint stars' losses explain it.
        (False, {"widening": 0.0, "loss": 0.05, "faint_loss": 0.1, "trails": 0.5}),
    ],
)
def test_the_audit_tells_shapes_from_trails(tmp_path, told, lake):
    rows = failing(written(tmp_path / "lake", **lake))
    assert bool(rows) is told
    if told:
        assert abs(rows[0]["growth_loss"]) > 3 * rows[0]["growth_loss_err"]


@pytest.mark.parametrize("aperture", [3, 5])
def test_a_wrong_sky_imitates_a_loss_of_faint_stars_that_grows_with_the_aperture(tmp_path, aperture):
    root = written(tmp_path / "lake", widening=0.0, sky_error=-0.3)
    with open_lake(root) as lake:
        (row,) = lake.growth_loss(aperture=aperture).rows()
    # Both images add to it, on an aperture of pi r2, of a star of 375 e-.
    assert row["sky_loss"] == pytest.approx(0.3 * np.pi * aperture**2 / 375, rel=0.15)
    assert 0 < row["sky_loss_err"] < row["sky_loss"] / 8
    assert 100 < row["n_faint"] < N


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "lake"),
    [
        (True, {"sky_error": 0.3}),
        (True, {"sky_error": -0.3}),
        (False, {}),
        # Lost charge of stars and of the light about them is no error of the sky.
        (False, {"loss": 0.05, "faint_loss": 0.2}),
        (False, {"loss": 0.05, "faint_loss": 0.2, "trails": 0.5}),
        (False, {"loss": 0.05, "faint_loss": 0.2, "neighbours": 4.0}),
        (True, {"loss": 0.05, "faint_loss": 0.2, "neighbours": 4.0, "sky_error": -0.7}),
    ],
)
def test_the_audit_tells_a_wrong_sky_from_a_loss(tmp_path, told, lake):
    rows = failing(written(tmp_path / "lake", **({"widening": 0.0} | lake)), "sky_imitates_loss")
    assert bool(rows) is told


@pytest.mark.parametrize(
    ("growth", "bright", "faint", "sky_loss", "found"),
    [
        (-0.0069, 0.087, 0.199, 0.0, 0),  # faint neighbours lose 11 points more
        (-0.0069, 0.0, 0.0, 0.0, 1),  # nobody loses anything
        (-0.0150, 0.087, 0.199, 0.0, 1),  # more than neighbours can do
        (
            -0.0150,
            0.087,
            0.199,
            0.018,
            0,
        ),  # crowded: 0.5 by the light about lonely stars
        (-0.0150, 0.087, 0.199, -0.018, 1),
        (0.0219, 0.074, 0.203, 0.0, 0),  # released late
        (0.0069, 0.087, 0.087, 0.0, 1),
        (-0.0040, 0.0, 0.0, 0.0, 0),  # under half a point
    ],
)
def test_the_audit_lets_pass_what_charge_explains(growth, bright, faint, sky_loss, found):
    (audit,) = (each for each in audits() if each.name == "shapes_imitate_loss")
    names = ("target", "filter", "length", "filetype", "generation", "pairing")
    kind = ", ".join(f"'x' AS {name}" for name in names)
    with duckdb.connect() as connection:
        connection.execute("CREATE MACRO bright_limit() AS 8000")
        connection.execute("CREATE MACRO faint_flux() AS 375")
        connection.execute(
            f"CREATE TABLE growth_loss AS SELECT {kind}, ?::DOUBLE AS growth_loss, 0.001 AS growth_loss_err,"
            " ?::DOUBLE AS sky_loss, 15000.0 AS mean_flux, 3 AS aperture",
            [growth, sky_loss],
        )
        connection.execute(
            f"CREATE TABLE slopes_of AS SELECT {kind}, unnest([8000, 500]) AS bin_lo, unnest([?, ?]) AS loss,"
            " 0.002 AS loss_err",
            [bright, faint],
        )
        connection.execute("CREATE MACRO losses(generation := 'newest') AS TABLE FROM slopes_of")
        assert len(connection.sql(audit.query).fetchall()) == found
