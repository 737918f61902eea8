"""The demo recovers what it injects, says so in 80 columns, and refuses folders that are not its own."""

import numpy as np
import pytest

from cte_lake.demo import DemoResult, DemoScale, Recovered, result_lines, run_demo
from cte_lake.demo.demonstrate import MARK, _there
from cte_lake.errors import UsageError
from cte_lake.lake.stored import stored

SMALL = DemoScale(epochs=(57601.3,), flashes=(0,), width=192, stars=450)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    said = []
    folder = tmp_path_factory.mktemp("demo") / "new"
    return run_demo(folder, workers=0, scale=SMALL, say=said.append), said


@pytest.mark.slow
def test_losses_are_those_injected_within_their_errors(demo):
    rows = demo[0].rows
    # A nominal pair and two 180-degree pairs, FLT and FLC, eight bins.
    assert len(rows) == 48
    pulls = np.array([row.pull for row in rows])
    assert abs(pulls.mean()) < 0.6
    assert np.sqrt(np.mean(pulls**2)) < 1.7
    late = [row for row in rows if row.date > 57000 and row.filetype == "flt" and row.bin_lo == 500]
    assert min(row.loss / row.loss_err for row in late) > 5.0
    assert {row.chip for row in rows} == {None, 1, 2}


@pytest.mark.slow
def test_figures_are_written(demo):
    assert [path.name for path in demo[0].figures] == ["ratio_vs_y.png", "loss_vs_time.png"]
    assert all(path.stat().st_size > 20_000 for path in demo[0].figures)


@pytest.mark.slow
def test_a_second_run_in_the_same_folder_measures_nothing(demo):
    result, _ = demo
    said = []
    again = run_demo(result.frames.parent, workers=0, scale=SMALL, say=said.append)
    assert "[1/5] frames  are there, of an earlier demo" in said
    assert any(line.startswith("[4/5] ingest  0 frames") for line in said)
    # DuckDB adds up on several threads, in any order: the last digit is free.
    losses = [[(each.injected, each.loss) for each in run.rows] for run in (again, result)]
    np.testing.assert_allclose(np.sort(losses[0], axis=0), np.sort(losses[1], axis=0), rtol=1e-9)


@pytest.mark.slow
def test_what_is_said_fits_a_terminal_and_ends_with_what_to_try(demo):
    result, said = demo
    lines = result_lines(result)
    assert max(map(len, said)) <= 80
    assert max(len(line) for line in lines if str(result.frames.parent) not in line) <= 80
    at = lines.index("try next:")
    assert len(lines) - at > 3
    assert all("cte-lake" in line or "CTE_LAKE" in line for line in lines[at + 1 :])


def row(filetype="flt", loss=0.2):
    return Recovered(
        target="ngc104", date=57601.3, flash=0, filetype=filetype, chip=None, bin_lo=500.0, bin_hi=2000.0,
        n=100, loss=loss, loss_err=0.01, injected={"flt": 0.2, "flc": 0.07}[filetype],
    )  # fmt: skip


def lines_of(tmp_path, *rows):
    return result_lines(DemoResult(tmp_path, stored(tmp_path / "lake"), (), rows, 1.0))


def test_a_loss_is_told_with_its_error_the_injected_one_and_the_pull(tmp_path):
    (line,) = [each for each in lines_of(tmp_path, row(loss=0.215)) if each.startswith("2016-08")]
    assert line.split() == ["2016-08", "0", "flt", "21.5±1.0", "20.0", "+1.5", "-", "-"]


def test_the_part_that_the_flc_keeps_is_told(tmp_path):
    assert any("keeps 0.40 of" in line for line in lines_of(tmp_path, row(), row("flc", loss=0.08)))
    assert not any("keeps" in line for line in lines_of(tmp_path, row()))


def test_nothing_compared_is_said_so(tmp_path):
    assert "No loss could be compared." in lines_of(tmp_path)


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        run_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "x"
    path.write_text("")
    with pytest.raises(UsageError, match="is a file"):
        run_demo(path)
    assert not (tmp_path / MARK).exists()


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("cte_lake.demo.demonstrate.SPACE", 10**18)
    with pytest.raises(UsageError, match="GB left"):
        run_demo(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("mark", ["[]", "5", "no JSON", "{}", '{"stated": {"seed": 2}}'])
def test_frames_of_another_demo_or_of_a_mark_that_says_nothing_are_made_anew(tmp_path, mark):
    (tmp_path / MARK).write_text(mark, encoding="utf-8")
    assert _there(tmp_path, {"seed": 1}) is None


def test_frames_that_are_all_there_are_kept(tmp_path):
    mark = '{"stated": {"seed": 1}, "frames": ["a.fits"], "pairs": [{"x": 1}]}'
    (tmp_path / MARK).write_text(mark, encoding="utf-8")
    assert _there(tmp_path, {"seed": 1}) is None
    (tmp_path / "a.fits").touch()
    assert _there(tmp_path, {"seed": 1}) == [{"x": 1}]
