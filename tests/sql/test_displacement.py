"""`displacement`: what trails do to centroids, and nothing that coordinates do."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from cte_lake import open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.starflags import mask_of
from tests.sql.writing import add_exposure

N = 3000
WATCHED = {"settings": json.dumps({"centring": "watch", "mode": "standard"})}


class Field:
    """Stars with a shift of `size(flux)` px per 2048 rows, catalog errors, noise and some outliers."""

    def __init__(self, seed: int = 1, size: float = 40.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.x, self.y = self.rng.uniform(0, 4095, N), self.rng.uniform(0, 2050, N)
        self.flux = 10 ** self.rng.uniform(2.42, 4.5, N)
        self.catalog = self.rng.normal(0.0, 0.06, (2, N)) - 0.1 * size / self.flux
        self.size = size

    def seen(
        self, chip: int, part: float = 1.0, flipped: bool = False, **coordinates: float
    ) -> dict[str, Any]:
        x, y = (4095 - self.x, 2050 - self.y) if flipped else (self.x, self.y)
        distance = 2050 - y if chip == 1 else y
        away = (1.0 if chip == 2 else -1.0) * part * self.size / self.flux * distance / 2048
        turned = -1.0 if flipped else 1.0
        wrong = coordinates.get("common", 0.0) + coordinates.get("scale", 0.0) * (y - 1025) / 2048
        wrong = wrong + coordinates.get("turn", 0.0) * (x - 2048) / 4096
        error = self.catalog[1] * turned + wrong
        noise = self.rng.normal(0.0, 1.0, N) * np.sqrt(1.0 / self.flux)
        outliers = (self.rng.uniform(size=N) < 0.01) * self.rng.uniform(-0.9, 0.9, N)
        return {
            "master_id": np.arange(N), "x": x, "y": y, "flux_r03": self.flux, "sky": np.full(N, 2.0),
            "dx": np.full(N, 0.01), "dy": away - error + noise + outliers,
        }  # fmt: skip

    def truth(self, row: dict[str, Any]) -> float:
        """Displacement that a row should have, px per 2048 rows."""
        inside = (self.flux > row["bin_lo"]) & (self.flux < row["bin_hi"])
        bright = (self.flux > 8000) & (self.flux < 32000)
        reference = np.mean(self.size / self.flux[bright]) if row["against"] == "bright" else 0.0
        return float(np.mean(self.size / self.flux[inside]) - reference)


def written(path: Any, *exposures: tuple[str, dict[str, Any], dict[str, Any]]) -> list[dict[str, Any]]:
    create_lake(stored(path))
    for name, stars, columns in exposures:
        add_exposure(path, name, stars, **(WATCHED | columns))
    with open_lake(path) as lake:
        return sorted(lake.displacement().rows(), key=lambda row: row["bin_lo"])


def pulls(field: Field, rows: list[dict[str, Any]], part: float = 1.0) -> np.ndarray:
    return np.array(
        [(row["displacement"] - part * field.truth(row)) / row["displacement_err"] for row in rows]
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [40.0, 0.0])
def test_a_pair_gives_the_shift_whatever_its_coordinates_are(tmp_path, size):
    found = []
    for k, wrong in enumerate(({}, {"common": 0.3, "scale": 0.15, "turn": 0.2})):
        field = Field(4, size)
        found.append(
            written(
                tmp_path / f"lake{k}",
                ("ic7802aaq", field.seen(2), {"chip": 2}),
                ("ic7802abq", field.seen(1, **wrong), {"chip": 1, "mjd": 57601.4}),
            )
        )
    straight, crooked = found
    assert [(row["against"], row["bin_lo"], row["chip"]) for row in straight] == [
        ("bright", low, None) for low in (250.0, 500.0, 1000.0, 2000.0, 4000.0)
    ]
    assert np.abs(pulls(field, straight)).max() < 3
    assert straight[0]["displacement_err"] < 0.007
    for one, other in zip(straight, crooked, strict=True):
        assert other["displacement"] == pytest.approx(one["displacement"], abs=0.5 * one["displacement_err"])
    first = straight[0]
    assert (first["pairing"], first["flash"], first["mjd"]) == ("chips", 0, pytest.approx(57601.35))
    assert (first["filetype"], first["background"]) == ("flt", pytest.approx(2.0))
    assert first["bright_flux"] > 8000 > 500 > first["mean_flux"]


@pytest.mark.slow
def test_a_rolled_pair_gives_the_same_on_either_chip(tmp_path):
    for chip in (1, 2):
        field = Field(7)
        rows = written(
            tmp_path / f"lake{chip}",
            ("ibxy10aaq", field.seen(chip), {"chip": chip, "target": "ngc6583", "orientation": 40.0}),
            (
                "ibxy11aaq",
                field.seen(chip, flipped=True, common=0.2),
                {"chip": chip, "target": "ngc6583", "orientation": 220.0, "mjd": 57603.3},
            ),
        )
        assert {(row["pairing"], row["chip"]) for row in rows} == {("180", chip)}
        assert np.abs(pulls(field, rows)).max() < 3


def test_files_of_an_exposure_are_compared_pixel_by_pixel(tmp_path):
    """Other coordinates in the FLT move catalog positions and dy against each other: no matter."""
    field = Field(9)
    flt, flc = field.seen(1), field.seen(1, part=0.35)
    wrong = 0.2 + 0.3 * (field.y - 1025) / 2048
    flt["y"], flt["dy"] = flt["y"] + wrong, flt["dy"] - wrong
    rows = written(
        tmp_path / "lake",
        ("ic7802abq", flt, {"chip": 1}),
        ("ic7802abq", flc, {"chip": 1, "filetype": "flc", "generation": None}),
    )
    assert [(row["against"], row["bin_lo"], row["chip"], row["filetype"]) for row in rows] == [
        ("flc", low, 1, "flt") for low in (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
    ]
    assert np.abs(pulls(field, rows, 0.65)).max() < 3


def test_noise_that_grows_with_the_distance_and_is_lopsided_is_not_cut_off(tmp_path):
    """FLT less FLC scatters as it shifts; clipped about a line, far stars are cut on one side: 10% low."""
    field = Field(10)
    flc = field.seen(2, part=0.0)
    own = field.rng.gamma(4.0, 1.0, N) / 4.0
    flt = flc | {"dy": flc["dy"] + own * field.size / field.flux * field.y / 2048}
    rows = written(
        tmp_path / "lake", ("ic7802aaq", flt, {"chip": 2}), ("ic7802aaq", flc, {"chip": 2, "filetype": "flc"})
    )
    found = pulls(field, rows)
    assert len(rows) == 6
    assert np.abs(found).max() < 3
    assert np.mean([row["displacement"] / field.truth(row) for row in rows]) == pytest.approx(1.0, abs=0.03)


def test_stars_in_the_trail_of_a_brighter_one_do_not_count(tmp_path):
    field = Field(11)
    second = np.arange(1, N, 2)
    # Every second star is in a trail on chip 2: 4 to 35 rows behind a brighter one, in its columns.
    field.x[second] = field.x[second - 1] + field.rng.uniform(-2.9, 2.9, second.size)
    field.y[second] = field.y[second - 1] + field.rng.uniform(4.0, 35.0, second.size)
    field.flux[second] = field.flux[second - 1] * field.rng.uniform(0.3, 0.9, second.size)
    flt, flc = field.seen(2), field.seen(2, part=0.0)
    flt["dy"][second] -= 0.3
    # The last ten have no flux: nothing stands in their trail.
    flt["flux_r03"] = np.where(np.arange(N) >= N - 10, np.nan, flt["flux_r03"])
    rows = written(
        tmp_path / "lake", ("ic7802aaq", flt, {"chip": 2}), ("ic7802aaq", flc, {"chip": 2, "filetype": "flc"})
    )
    assert np.abs(pulls(field, rows)).max() < 3
    assert N / 3 < sum(row["n_in_bin"] for row in rows) < N / 2


def test_where_apertures_follow_the_stars_the_centre_is_the_position(tmp_path):
    field = Field(12)
    flt, flc = field.seen(2), field.seen(2, part=0.35)
    for stars in (flt, flc):
        stars["y"] = stars["y"] + stars["dy"]
    moved = {"settings": json.dumps({"centring": "window", "mode": "standard"}), "chip": 2}
    rows = written(
        tmp_path / "lake", ("ic7802aaq", flt, moved), ("ic7802aaq", flc, moved | {"filetype": "flc"})
    )
    assert len(rows) == 6
    assert np.abs(pulls(field, rows, 0.65)).max() < 3


def test_stars_without_a_centroid_or_with_a_flag_do_not_count(tmp_path):
    field = Field(15)
    one, two = field.seen(2), field.seen(1)
    flags = np.zeros(N, dtype="i4")
    flags[::3], flags[1::3] = mask_of(["centring_failed"]), mask_of(["neighbour"])
    # As files of before December 2026 have it; the neighbours' shifts are absurd.
    one |= {"flags": flags, "dy": np.where(np.arange(N) % 3 == 2, one["dy"], 0.0)}
    one["dx"] = np.where(np.arange(N) % 3 == 0, 0.0, one["dx"])
    two["dy"] = np.where(np.arange(N) % 3 == 1, 5.0, two["dy"])
    rows = written(
        tmp_path / "lake", ("ic7802aaq", one, {"chip": 2}), ("ic7802abq", two, {"chip": 1, "mjd": 57601.4})
    )
    assert np.abs(pulls(field, rows)).max() < 3
    assert sum(row["n_in_bin"] for row in rows) < N / 3


def test_too_few_bright_stars_give_no_row(tmp_path):
    field = Field(16)
    field.flux = np.where(field.flux > 7900, 7000.0, field.flux)
    rows = written(
        tmp_path / "lake",
        ("ic7802aaq", field.seen(2), {"chip": 2}),
        ("ic7802abq", field.seen(1), {"chip": 1, "mjd": 57601.4}),
    )
    assert rows == []
