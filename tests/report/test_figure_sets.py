"""Sets of figures in dated folders, and figures of the 180-degree set from a lake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from cte_lake import Lake, open_lake
from cte_lake.correction.measure import measure_losses, printable
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.place import place_of
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.model.loss_unit import MAGNITUDES
from cte_lake.plots.style import PAGE
from cte_lake.report.figures import KINDS, Request, draw
from cte_lake.report.figures.collection import SET_KINDS, checked_kinds, draw_set
from cte_lake.report.tables import bin_table
from tests.plots.samples import TIME_BINS
from tests.report.big_lake import make_lake
from tests.sql.writing import add_exposure

ASKED = Request(time_bins=TIME_BINS, estimator="log_ratio")
LOSS = 0.1


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Flash 0 and 12, FLT and FLC, of one cluster."""
    root = make_lake(tmp_path_factory.mktemp("sets") / "lake", images=8, stars=400)
    with open_lake(root) as opened:
        yield opened


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The 180-degree set with a nominal pair of the same proposal."""
    root = tmp_path_factory.mktemp("rolled") / "lake"
    create_lake(stored(root))
    rng = np.random.default_rng(2)
    many = 500
    y, flux = rng.uniform(5, 2045, many), 10 ** rng.uniform(2.5, 4.4, many)

    def write(name: str, at: np.ndarray, chip: int, **columns: object) -> None:
        rows = at if chip == 2 else 2050 - at
        left = flux * np.exp(-LOSS * rows / 2048) * rng.normal(1, 0.02, many)
        stars = {"master_id": np.arange(many), "y": at, "flux_r03": left, "sky": np.full(many, 2.0)}
        add_exposure(root, name, stars, chip=chip, proposal=12692, **columns)

    write("ib9203aaq", y, 2, mjd=56100.0)
    write("ib9203abq", y, 1, mjd=56100.1)
    turned = {"target": "ngc6583", "targname": "NGC6583"}
    for chip, letter in ((1, "a"), (2, "b")):
        write(f"ib9210{letter}aq", y, chip, mjd=56103.0, pa_v3=30.0, **turned)
        write(f"ib9211{letter}aq", 2050 - y, chip, mjd=56103.1, pa_v3=210.0, **turned)
    with open_lake(root) as opened:
        yield opened


@pytest.mark.slow
def test_a_set_is_sorted_by_flash_file_type_target_and_radius(lake: Lake, tmp_path: Path) -> None:
    asked = Request(selection=Selection(filetype=("flt",)), time_bins=TIME_BINS)
    when = [datetime(2026, 11, day, 4, 30, tzinfo=UTC) for day in (28, 29)]
    first, second = (
        draw_set(lake, asked, place_of(tmp_path / "plots"), kinds, radii, now=now)
        for kinds, radii, now in zip(
            (["cte-time"], ["cte-time", "ratio-y"]), ((3, 5), (3,)), when, strict=True
        )
    )
    folders = [f"flash-{flash}/flt/ngc104" for flash in ("00", "12")]
    assert set(first.files) == {f"{folder}/r{px}/cte-time.png" for folder in folders for px in ("03", "05")}
    assert set(second.files) == {
        f"{folder}/r03/{kind}.png" for folder in folders for kind in ("cte-time", "ratio-y")
    }
    latest = tmp_path / "plots" / "latest"
    assert latest.readlink() == Path("20261129T043000Z")
    assert all((latest / file).is_file() for file in second.files)
    assert str(second) == f"4 figures in {tmp_path / 'plots' / '20261129T043000Z'}"
    draw_set(lake, asked, place_of(tmp_path / "plots"), ["overview"], keep=1)
    assert len([path for path in (tmp_path / "plots").iterdir() if not path.is_symlink()]) == 1


@pytest.mark.slow
def test_a_set_for_print_has_captions_and_what_is_of_all_levels_lies_apart(
    lake: Lake, tmp_path: Path
) -> None:
    drawn = draw_set(lake, ASKED, place_of(tmp_path), ["cte-180", "cte-flash"], paper=PAGE)
    assert drawn.files == ("flash-all/filetype-all/ngc104/r03/cte-flash.pdf",)
    assert drawn.empty == ("cte-180",)
    caption = tmp_path / "latest" / "flash-all/filetype-all/ngc104/r03/cte-flash.caption.txt"
    assert caption.read_text().startswith("CTE loss against post-flash level. NGC 104, ")


def test_a_kind_of_all_visits_is_left_out_of_a_set_of_some(lake: Lake, tmp_path: Path) -> None:
    asked = replace(ASKED, selection=Selection(proposal=(13000,)))
    drawn = draw_set(lake, asked, place_of(tmp_path), ["chips", "overview"])
    assert (drawn.files, drawn.empty) == (("overview.png",), ("chips",))


def test_nothing_to_draw_leaves_nothing(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="nothing to plot for all exposures"):
        draw_set(lake, ASKED, place_of(tmp_path / "plots"), ["cte-180-overlay"])
    assert not list(tmp_path.rglob("*.png"))
    assert not (tmp_path / "plots" / "latest").exists()


def test_a_set_in_a_bucket_names_the_newest_in_a_file(lake: Lake, bucket: str) -> None:
    plots = place_of(f"s3://{bucket}/lake/reports/plots")
    names = []
    for day in (1, 2, 3):
        now = datetime(2026, 12, day, tzinfo=UTC)
        names.append(draw_set(lake, ASKED, plots, ["overview"], keep=2, now=now).folder.name)
    assert (plots / "latest.txt").read_text() == f"{names[-1]}\n"
    assert plots.names() == {*names[1:], "latest.txt"}
    assert (plots / names[-1] / "overview.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_loss_is_one_number_wherever_it_is_told(lake: Lake) -> None:
    asked = replace(ASKED, bins=((500.0, 1000.0),), unit=MAGNITUDES)
    drawn = draw("cte-time", lake, asked)
    bars = next(container for axes in drawn.figure.axes for container in axes.containers)
    shown = bars.lines[0].get_xydata()[:, 1]
    again = lake.plot.cte_time(bins=((500.0, 1000.0),), estimator="log_ratio", unit="mag")
    assert again._supylabel.get_text() == drawn.figure._supylabel.get_text() == MAGNITUDES.label
    told = lake.losses(filetype="flt", flash=0, bin_lo=500.0, bin_hi=1000.0).rows()
    told.sort(key=lambda row: row["mjd"])
    np.testing.assert_allclose(shown, [row["loss_mag"] for row in told], rtol=1e-9)
    settings = lake.settings()
    measured = measure_losses(lake.stored, settings, Selection(filetype=("flt",), flash=(0,)))
    printed = printable(measured, MAGNITUDES).to_pylist()
    assert [row["loss"] for row in printed if row["bin"] == "500-1000"] == [
        pytest.approx(row["loss_mag"], abs=5.1e-5) for row in told
    ]
    rows = lake.cte(pair_id=told[0]["pair_id"], estimator="log_ratio").rows()
    _, cells = bin_table(rows)
    (cell,) = (cell for cell, row in zip(cells, rows, strict=True) if row["bin_hi"] == 1000.0)
    assert cell["mag"] == f"{told[0]['loss_mag']:.4f} ± {told[0]['loss_mag_err']:.4f}"


def test_kinds_of_a_set() -> None:
    assert checked_kinds(["cte-flux", "overview"]) == ("overview", "cte-flux")
    assert checked_kinds([]) == checked_kinds(["all"]) == tuple(SET_KINDS)
    # Every kind is in a set but those that need a star, a frame or another lake.
    assert KINDS.keys() - SET_KINDS.keys() == {"star", "field", "compare"}
    with pytest.raises(UsageError, match="'star' is drawn by name alone"):
        checked_kinds(["star"])
    with pytest.raises(UsageError, match="no figure is called 'cte-tim'; did you mean 'cte-time'"):
        checked_kinds(["cte-tim"])


@pytest.mark.slow
def test_a_target_of_rolled_pairs_alone_is_drawn_from_them(rolled: Lake) -> None:
    asked = Request(selection=Selection(target=("NGC 6583",)), time_bins=TIME_BINS, estimator="log_ratio")
    drawings = {kind: draw(kind, rolled, asked) for kind in ("cte-flux", "cte-time")}
    for drawing in drawings.values():
        rows = drawing.tables["losses"].to_pylist()
        assert {(row["pairing"], row["chip"]) for row in rows} == {("180", 1), ("180", 2)}
        assert all(row["cte_loss"] == pytest.approx(LOSS, abs=0.05) for row in rows)
    heads = [axes.get_title(loc="left") for axes in drawings["cte-flux"].figure.axes]
    assert heads == ["chip 1", "chip 2"]
    plain = draw("cte-flux", rolled, ASKED).tables["losses"].to_pylist()
    assert {row["target"] for row in plain} == {"ngc104"}


@pytest.mark.slow
def test_the_rolled_set_lies_over_nominal_pairs_of_its_proposal(rolled: Lake) -> None:
    for selection in (Selection(), Selection(target=("ngc6583",))):
        asked = Request(selection=selection, time_bins=TIME_BINS, estimator="log_ratio")
        drawing = draw("cte-180-overlay", rolled, asked)
        above, behind = (drawing.tables[name].to_pylist() for name in ("losses", "nominal"))
        assert {row["target"] for row in above} == {"ngc6583"}
        assert {row["target"] for row in behind} == {"ngc104"}
        assert {(row["bin_lo"], row["bin_hi"]) for row in behind} <= {
            (row["bin_lo"], row["bin_hi"]) for row in above
        }
        assert [axes.get_xscale() for axes in drawing.figure.axes] == ["log"]
