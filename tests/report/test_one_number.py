"""What stands on the page, in a figure, in a table, in the mail and on the command line is one number."""

from __future__ import annotations

import json
import shlex
import shutil
from collections import defaultdict
from pathlib import Path

import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks.simulated_photometry import draw_stars, simulate_program_photometry
from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.correction.renewal import all_sets
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.model.loss_unit import MAGNITUDES, PERCENT
from cte_lake.report.moves import moves_of
from cte_lake.simulate.program import TARGETS, nominal_program
from tests.model.lakes import write_images
from tests.report.conftest import make

KEY = ("target", "filter", "length", "filetype", "flash", "bin_lo", "bin_hi")


def run(*arguments):
    done = CliRunner().invoke(app, [str(word) for word in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def page(report: Path):
    return json.loads((report / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def moves(hostile_lake: Path):
    """The newest losses as the night records and mails them, by mode and bin."""
    settings = load_settings(hostile_lake)
    sets, _ = all_sets(stored(hostile_lake), settings)
    with open_lake(hostile_lake) as lake:
        found = moves_of(lake, settings.config.measure, sets)
    return {tuple(getattr(move, name) for name in KEY): move for move in found}


def newest(rows):
    """Rows of the newest epoch of each mode and bin, by these."""
    rows, last, found = list(rows), {}, defaultdict(list)
    for row in rows:
        mode = tuple(row[name] for name in KEY[:5])
        last[mode] = max(last.get(mode, 0), row["epoch"])
    for row in rows:
        if row["epoch"] == last[tuple(row[name] for name in KEY[:5])]:
            found[tuple(row[name] for name in KEY)].append(row)
    return found


@pytest.mark.slow
def test_consistency_is_the_same_on_the_page_and_on_the_command_line(tmp_path):
    # A visit of 2024 at the background that was published: 20 to 25 e-/px with the post-flash.
    root, field = tmp_path / "lake", TARGETS["ngc104"]
    create_lake(stored(root))
    program = nominal_program(field, (60400.0,), flashes=(22,))
    write_images(root, simulate_program_photometry(program, draw_stars(field, 1200)))
    told = json.loads(run("consistency", "--lake", root, "--json"))
    shown = json.loads(Path(str(make(root).folder), "report.json").read_text(encoding="utf-8"))["consistency"]
    assert [row["what"] for row in told] == [row["what"] for row in shown]
    assert any(row["measured"] is not None for row in told)
    for one, cells in zip(told, shown, strict=True):
        assert [cells[name] for name in ("verdict", "note", "pairs")] == [
            one[name] for name in ("verdict", "note", "pairs")
        ]
        if one["measured"] is not None:
            scale = 100 if one["unit"] == "fraction" else 1
            measured, error = scale * one["measured"], scale * one["measured_err"]
            assert cells["measured"] == f"{measured:.3g} ± {error:.2g}"


@pytest.mark.slow
def test_the_newest_losses_are_the_same_everywhere(hostile_lake, page, moves, tmp_path):
    lake, out = shutil.copytree(hostile_lake, tmp_path / "lake", symlinks=True), tmp_path / "losses.parquet"
    run("measure", "--lake", lake, "-o", out)
    run("run", lake, "--lake", lake, "--steps", "measure")
    estimator = load_settings(lake).config.measure.estimator
    tables = (pq.read_table(path).to_pylist() for path in (out, lake / "reports" / "losses.parquet"))
    of_command, of_run = (
        newest(row for row in rows if row["cte_loss"] is not None and row["estimator"] == estimator)
        for rows in tables
    )
    on_page = {text for row in page["latest"] for name, text in row.items() if name.startswith("bin")}
    status = run("status", "--lake", hostile_lake)
    assert len(moves) > 10
    for key, move in moves.items():
        for found in (of_command, of_run):
            (row,) = found[key]
            assert (row["cte_loss"], row["cte_loss_err"]) == pytest.approx(
                (move.loss, move.loss_err), rel=1e-9
            )
            assert row["epoch_mjd"] == move.mjd
            magnitudes = MAGNITUDES.of(move.loss, move.loss_err)
            assert (row["loss_mag"], row["loss_mag_err"]) == pytest.approx(magnitudes, rel=1e-9)
        assert MAGNITUDES.text(move.loss, move.loss_err) in on_page, key
        assert PERCENT.text(move.loss, move.loss_err) in on_page, key
        assert PERCENT.text(move.loss, move.loss_err) in status, key


@pytest.mark.slow
def test_a_figure_s_losses_and_model_are_those_of_the_record(hostile_lake, moves, tmp_path):
    data = tmp_path / "time.parquet"
    chosen = ("--flash", 0, "--filetype", "flt", "--data", data, "-o", tmp_path / "time.png")
    run("plot", "cte-time", "--lake", hostile_lake, *chosen)
    drawn = newest(pq.read_table(data).to_pylist())
    assert drawn
    for key, (row,) in drawn.items():
        expected = (moves[key].loss, moves[key].loss_err, moves[key].model)
        assert (row["cte_loss"], row["cte_loss_err"], row["model_loss"]) == pytest.approx(expected, rel=1e-9)


def table_of(path):
    """Rows of a table that a page offers, or that a command wrote."""
    table = pq.read_table(path) if path.suffix == ".parquet" else csv.read_csv(path)
    return table.to_pylist()


@pytest.mark.slow
def test_what_stars_look_like_and_each_chip_s_loss_are_the_same_on_page_in_figure_view_and_command(
    hostile_lake, tmp_path
):
    lake = shutil.copytree(hostile_lake, tmp_path / "lake", symlinks=True)
    told = json.loads(run("chips", "--lake", lake, "--filetype", "flt", "--length", "l", "--json"))
    folder = Path(str(make(lake).folder))
    page = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    offered = {one["name"]: one["command"] for one in (*page["more_figures"], *page["quality_figures"])}
    for kind, key, values in (
        ("chips", ("mjd", "chip", "bin_lo", "bin_hi", "flash"), ("loss", "loss_err")),
        ("displacement", ("pair_id", "against", "bin_lo"), ("displacement", "displacement_err")),
        ("growth", ("imagename", "aperture", "row_lo", "column_lo"), ("growth", "growth_err", "n")),
        ("focus", ("imagename",), ("focus", "focus_err")),
    ):
        data = tmp_path / f"{kind}.parquet"
        # The command that the page gives, in another place.
        program, *words = shlex.split(offered[kind])
        words[words.index("--lake") + 1], words[words.index("-o") + 1] = lake, tmp_path / f"{kind}.svg"
        assert program == "cte-lake"
        run(*words, "--data", data)
        drawn, on_page = table_of(data), table_of(folder / "data" / f"{kind}.csv")
        assert drawn, kind
        assert len(on_page) == len(drawn), kind
        asked = json.loads(run("sql", f"FROM {kind}", "--lake", lake, "--format", "json", "--limit", 100000))
        with open_lake(lake) as opened:
            of_python = [dict(row) for row in getattr(opened, kind)().rows()]
        for rows in (asked, of_python, *([told] if kind == "chips" else [])):
            found = {tuple(row[name] for name in key): [row[name] for name in values] for row in rows}
            for row in (*drawn, *on_page):
                expected = found[tuple(row[name] for name in key)]
                assert [row[name] for name in values] == pytest.approx(expected, rel=1e-9, nan_ok=True), kind
