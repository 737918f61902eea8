"""plot, report and status through the installed command's entry point."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from astropy.table import QTable
from PIL import Image

from cte_lake.errors import ExitCode
from tests.cli.in_process import in_process
from tests.report.big_lake import make_lake

KINDS = (
    "ratio-y", "cte-time", "cte-flux", "cte-flash", "cte-180", "cte-180-overlay", "chips",
    "model-vs-data", "flux-background", "recovery", "displacement", "growth", "focus", "compare", "star",
    "field", "overview",
)  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lake(tmp_path_factory.mktemp("plot") / "lake", images=16, stars=600)


Call: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        done = in_process(*arguments)
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_figure_and_its_numbers(call: Call, lake: Path, tmp_path: Path) -> None:
    code, out, said = call("plot", "cte-time", "--lake", lake, "-o", "time.svg", "--data", "time.csv")
    assert (code, out) == (0, "time.svg\ntime.csv\n")
    shown, masks = said.splitlines()
    assert shown == "shown: --flash 0 --filetype flt"
    assert masks.startswith("8 of 8 pairs measured without cosmic-ray masks")
    text = (tmp_path / "time.svg").read_text()
    assert "CTE loss per 2048 rows (%)" in text
    rows = list(csv.DictReader((tmp_path / "time.csv").read_text().splitlines()))
    assert {row["filetype"] for row in rows} == {"flt"}
    assert f"{len({row['pair_id'] for row in rows})} pairs" in text


@pytest.mark.slow
def test_numbers_keep_their_units(call: Call, lake: Path, tmp_path: Path) -> None:
    code, out, _ = call("plot", "ratio-y", "--lake", lake, "-o", "r.png", "--data", "r.ecsv")
    assert (code, out) == (0, "r.png\nr.ecsv\nr_fits.ecsv\n")
    stars, fits = (QTable.read(tmp_path / name, format="ascii.ecsv") for name in ("r.ecsv", "r_fits.ecsv"))
    assert str(stars["mean_flux"].unit) == "electron"
    assert len(fits) == 6
    with Image.open(tmp_path / "r.png") as picture:
        assert picture.width == 1200


def test_a_figure_for_print_has_its_size_and_its_caption_beside_it(
    call: Call, lake: Path, tmp_path: Path
) -> None:
    code, out, _ = call("plot", "cte-time", "--lake", lake, "--paper", "page", "--unit", "mag", "-o", "t.svg")
    assert (code, out) == (0, "t.svg\nt.caption.txt\n")
    text, caption = ((tmp_path / name).read_text() for name in ("t.svg", "t.caption.txt"))
    assert 'width="468pt"' in text
    assert "CTE loss per 2051 rows (mag)" in text
    assert "CTE loss against time" not in text
    assert caption.startswith("CTE loss against time. NGC 104, ")


@pytest.mark.slow
def test_several_figures_go_into_a_dated_folder(call: Call, lake: Path, tmp_path: Path) -> None:
    code, out, said = call("plot", "cte-flash", "overview", "--lake", lake, "-o", "figures")
    folder = Path(out.strip())
    assert code == 0
    assert folder.parent == tmp_path / "figures"
    assert (folder / "overview.png").is_file()
    assert (folder / "flash-all/filetype-all/ngc104/r03/cte-flash.png").is_file()
    assert (tmp_path / "figures" / "latest").resolve() == folder
    assert said == f"2 figures in {folder}\n"


@pytest.mark.slow
def test_losses_are_printed_in_either_unit(call: Call, lake: Path) -> None:
    percent, magnitudes = (call("measure", "--lake", lake, "--unit", unit)[1] for unit in ("percent", "mag"))
    first, second = (table.splitlines()[3].split() for table in (percent, magnitudes))
    assert float(second[-2]) == pytest.approx(float(first[-2]) * 0.010857 * 2051 / 2048, abs=6e-4)
    assert "mag" in magnitudes.splitlines()[1]


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_other_formats_of_the_numbers(suffix: str, call: Call, lake: Path, tmp_path: Path) -> None:
    assert call("plot", "overview", "--lake", lake, "--data", f"o.{suffix}")[0] == 0
    assert (tmp_path / f"o.{suffix}").stat().st_size > 100
    assert (tmp_path / "overview.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("nokind",), ExitCode.WRONG_USE, "no figure is called 'nokind'; there are ratio-y, cte-time"),
        (("cte-time", "-o", "x.gif"), ExitCode.WRONG_USE, "a figure can be written as .png, .pdf, .svg"),
        (("cte-time", "-o", "no/x.png"), ExitCode.WRONG_USE, "its folder does not exist"),
        (("cte-time", "--data", "x.txt"), ExitCode.WRONG_USE, "the numbers can be written as .csv, .ecsv"),
        (("cte-time", "--bin", "9-1"), ExitCode.WRONG_USE, "'9-1' is no range of fluxes: give LOW-HIGH"),
        (("cte-time", "--length", "x"), ExitCode.WRONG_USE, "length 'x' is not known; it is s or l"),
        (("cte-time", "--filetype", "raw"), ExitCode.WRONG_USE, "it is flt or flc"),
        (("cte-time", "--show"), ExitCode.WRONG_USE, "there is no screen"),
        (("cte-time", "--unit", "ratio"), ExitCode.WRONG_USE, "it is percent or mag"),
        (("cte-time", "--paper", "a4"), ExitCode.WRONG_USE, "it is screen, page or column"),
        (("all", "--data", "x.csv"), ExitCode.WRONG_USE, "--data and --show are for one figure"),
        (("cte-time", "cte-flux", "-o", "x.png"), ExitCode.WRONG_USE, "several figures go into a folder"),
        (("cte-time", "star"), ExitCode.WRONG_USE, "'star' is drawn by name alone"),
        (("star",), ExitCode.WRONG_USE, "--star NUMBER"),
        (("compare",), ExitCode.WRONG_USE, "--with-mode MODE, or --with LAKE"),
        (("cte-time", "--target", "m31"), ExitCode.NOTHING_TO_DO, "no target is called 'm31'"),
        (("cte-time", "--coefficients", "no"), ExitCode.NOTHING_TO_DO, "no coefficient set 'no'"),
        (("ratio-y", "--pair", "1"), ExitCode.NOTHING_TO_DO, "the lake has no pair 1"),
        (("growth", "--image", "none"), ExitCode.NOTHING_TO_DO, "nothing to plot for image none;"),
        (("compare", "--with-mode", "iraf"), ExitCode.NOTHING_TO_DO, "nothing to plot"),
    ],
)
def test_errors_are_one_line_that_helps(
    arguments: tuple[str, ...], code: ExitCode, what: str, call: Call, lake: Path, tmp_path: Path
) -> None:
    found, out, said = call("plot", *arguments, "--lake", lake)
    assert (found, out) == (code, "")
    assert what in said
    assert said.splitlines()[-1].startswith("cte-lake: ")
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_help_names_every_kind(call: Call) -> None:
    code, out, _ = call("plot", "--help")
    assert code == 0
    for kind in KINDS:
        assert kind in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_report_and_status_agree(call: Call, lake: Path, tmp_path: Path) -> None:
    code, out, _ = call("status", "--lake", lake)
    assert code == 0
    assert "none yet; `cte-lake report` makes one" in out
    code, out, said = call("report", "--lake", lake, "--publish", tmp_path / "www")
    assert (code, out) == (0, f"{tmp_path / 'www' / 'index.html'}\n")
    assert said.startswith("report: 14 pages, ")
    code, out, _ = call("status", "--lake", lake)
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "Measured        16 images, 8 pairs, 9,600 star measurements" in lines
    assert "Since then      nothing changed" in lines
    code, out, _ = call("status", "--lake", lake, "--json")
    found = json.loads(out)
    data = json.loads((tmp_path / "www" / "report.json").read_text())
    assert found["state"] == data["state"]
    assert found["report"]["news"] == "nothing changed"


def test_status_of_an_empty_lake(call: Call, tmp_path: Path) -> None:
    make_lake(tmp_path / "empty", images=0, stars=1)
    code, out, _ = call("status", "--lake", tmp_path / "empty")
    assert code == 0
    assert "none: nothing is measured yet" in out


def test_report_refuses_a_folder_that_is_no_report(call: Call, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("x")
    code, out, said = call("report", "--lake", lake, "--publish", tmp_path / "home")
    assert (code, out) == (ExitCode.WRONG_USE, "")
    assert "holds something else than a report; name a new or empty folder" in said
