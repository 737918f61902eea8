from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.wcs import WCS
from msgspec.structs import replace
from typer.testing import CliRunner

from cte_lake.config import load_settings
from cte_lake.errors import NothingToDo
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import current_master
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.masters.read import read_master
from cte_lake.pipeline.align.match import match_nearest, refine, search_offset
from cte_lake.pipeline.master_build.build_catalog import BuildArguments, build_master, choose_exposures
from cte_lake.pipeline.master_build.detect_stars import Drizzled, find_stars
from cte_lake.pipeline.master_import import lake_catalog
from cte_lake.simulate import (
    TARGETS,
    Settings,
    WCSError,
    nominal_program,
    simulate_program,
    with_wcs_errors,
)

WIDTH = 224


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visit")
    program = nominal_program(TARGETS["ngc6583"], (57601.3,), repeats=1)
    errors = {p.rootname: WCSError(2 - k, k - 1.5, 0.01 * k) for k, p in enumerate(program.exposures)}
    simulated = simulate_program(
        with_wcs_errors(program, errors), folder, Settings(width=WIDTH, seed=9), filetypes=("flc",)
    )
    return folder, simulated


def _lake(folder):
    create_lake(stored(folder))
    return folder, load_settings(folder, environment={})


@pytest.mark.slow
def test_catalog_is_made_without_one_and_keeps_its_numbers(visit, tmp_path):
    folder, simulated = visit
    lake, settings = _lake(tmp_path / "lake")
    arguments = BuildArguments(
        stored(lake), (str(folder / "data"),), "ngc6583", settings, image=tmp_path / "ngc6583_drc.fits"
    )
    report = build_master(arguments)
    assert len(report.exposures) == 2
    assert report.refused == {}
    assert report.depth == 2 * 348
    built, filters, origins = lake_catalog(current_master(stored(lake), "ngc6583"))
    assert set(filters) == {"F502N"}
    assert "ngc6583_drc.fits (2 exposures, 696 s)" in origins[0]
    assert (tmp_path / "ngc6583_drc.fits").is_file()
    assert list(built.id) == list(range(1, len(built) + 1))
    matched, scatter = _against_truth(built, read_master(simulated.master))
    assert matched > 0.97
    assert scatter < 8.0
    again = build_master(arguments)
    assert not again.imported.new
    assert (again.n_added, again.n_common) == (0, len(built))


def _against_truth(built, truth):
    """Share of the built stars that are stars of the truth, and the scatter an axis, mas."""
    scale = np.cos(np.radians(truth.dec.mean()))

    def plane(table):
        return np.column_stack([(table.ra - truth.ra.mean()) * scale, table.dec - truth.dec.mean()]) * 9e4

    sources, stars = plane(built), plane(truth)
    offset = refine(sources, stars, search_offset(sources, stars, 12.0, 0.1)[0], 0.7)
    i, j = match_nearest(offset(sources), stars, 1.0)
    residual = (stars[j] - offset(sources[i])) * 40
    return len(i) / len(built), 1.4826 * np.median(np.abs(residual))


def test_exposures_are_those_of_one_visit_and_filter(visit, tmp_path):
    folder, _ = visit
    lake, settings = _lake(tmp_path / "lake")
    arguments = BuildArguments(stored(lake), (str(folder / "data"),), "ngc6583", settings)
    chosen = choose_exposures(arguments)
    assert [e.mjd for e in chosen] == sorted(e.mjd for e in chosen)
    assert len(chosen) == 2
    with pytest.raises(NothingToDo, match="two are needed"):
        choose_exposures(
            BuildArguments(stored(lake), (f"{folder}/data/*aaq_flc.fits",), "ngc6583", settings, Selection())
        )
    with pytest.raises(NothingToDo):
        choose_exposures(BuildArguments(stored(lake), (str(folder / "data"),), "ngc104", settings))


def _drizzled(stars, exptime=348.0, weight=None):
    rows, columns = np.mgrid[:160, :200]
    image = np.random.default_rng(3).normal(0.01, 0.004, rows.shape)
    for x, y, flux in stars:
        image += (
            flux
            / exptime
            / (2 * np.pi * 0.85**2)
            * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / 0.85**2)
        )
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [5.65, -72.07], [100, 80]
    wcs.wcs.cdelt = [-0.04 / 3600, 0.04 / 3600]
    weight = np.full(image.shape, 4 * exptime) if weight is None else weight
    return Drizzled(image.astype(np.float32), weight.astype(np.float32), wcs, exptime)


def test_clean_stars_are_measured_and_others_left_out_by_reason():
    settings = load_settings(None, environment={}).config.master_build
    weight = np.full((160, 200), 4 * 348.0)
    weight[100:160, :60] = 348.0
    weight[49:52, 149:152] = 0.0
    stars = [(40.2, 30.7, 5000), (90.6, 30.1, 20000), (30, 130, 8000), (150, 50, 60000), (120, 120, 9000),
             (124.6, 120, 8000), (60, 70, 900000)]  # fmt: skip
    found = find_stars(_drizzled(stars, weight=weight), settings)
    assert found.left_out["single exposure"] == 1
    assert found.left_out["crowded"] == 2
    assert found.left_out["saturated"] >= 1
    assert len(found) == 2
    assert found.flux == pytest.approx([20000, 5000], rel=0.03)
    assert found.x == pytest.approx([90.6, 40.2], abs=0.05)
    assert found.depth == pytest.approx([4 * 348.0] * 2)
    assert found.dec[1] == pytest.approx(-72.07 + (30.7 - 79) * 0.04 / 3600, abs=1e-6)


def test_bumps_in_the_wings_of_a_bright_star_are_no_stars():
    settings = load_settings(None, environment={}).config.master_build
    stars = [(60, 60, 70000), (69, 60, 1500), (60, 90, 1500)]
    found = find_stars(_drizzled(stars), settings)
    assert found.left_out == {"glare": 1}
    assert sorted(zip(found.x.round(), found.y.round(), strict=True)) == [(60, 60), (60, 90)]
    assert len(find_stars(_drizzled(stars), replace(settings, glare_radius=0.0))) == 3


def test_faint_is_told_by_the_noise_in_the_aperture():
    settings = load_settings(None, environment={}).config.master_build
    image = _drizzled([(60, 60, 100), (120, 90, 400)])
    assert len(find_stars(image, settings)) == 2
    # 28 px of 0.004 e-/s in 348 s are 7.4 e-.
    found = find_stars(image, replace(settings, min_snr=25.0))
    assert found.left_out == {"too faint": 1}
    assert found.flux == pytest.approx([400], rel=0.1)


def test_a_star_on_a_bad_pixel_of_one_exposure_is_kept():
    settings = load_settings(None, environment={}).config.master_build
    weight = np.full((160, 200), 2 * 348.0)
    weight[50, 150] = 348.0
    weight[100:, :60] = 348.0
    found = find_stars(_drizzled([(150, 50, 9000), (30, 130, 9000)], weight=weight), settings)
    assert found.left_out == {"single exposure": 1}
    assert found.x == pytest.approx([150], abs=0.1)


def test_empty_image_has_no_star():
    settings = load_settings(None, environment={}).config.master_build
    assert len(find_stars(_drizzled([]), settings)) == 0
    empty = _drizzled([], weight=np.zeros((160, 200)))
    assert len(find_stars(empty, settings)) == 0


def test_commands_merge_and_show(visit, tmp_path):
    from cte_lake.cli.main import app

    _, simulated = visit
    lake, _ = _lake(tmp_path / "lake")
    run = CliRunner().invoke
    nothing = run(app, ["master", "show", "--lake", str(lake)])
    assert isinstance(nothing.exception, NothingToDo)
    no_base = run(app, ["master", "merge", str(simulated.master), "--target", "ngc6583", "--lake", str(lake)])
    assert isinstance(no_base.exception, NothingToDo)
    lines = simulated.master.read_text().splitlines()
    part = tmp_path / "part.cat"
    part.write_text("\n".join(lines[: len(lines) // 2]) + "\n")
    assert (
        run(app, ["master", "import", str(part), "--target", "ngc6583", "--lake", str(lake)]).exit_code == 0
    )
    merged = run(
        app,
        [
            "master",
            "merge",
            str(simulated.master),
            "--target",
            "ngc6583",
            "--lake",
            str(lake),
            "--found-in",
            "F606W",
        ],
    )
    assert merged.exit_code == 0
    figure = tmp_path / "m.png"
    shown = run(app, ["master", "show", "--lake", str(lake), "--json", "--plot", str(figure)])
    (row,) = json.loads(shown.stdout)
    assert row["n_stars"] == len(lines)
    assert {part["filter"] for part in row["parts"]} == {None, "F606W"}
    assert figure.read_bytes()[:4] == b"\x89PNG"
