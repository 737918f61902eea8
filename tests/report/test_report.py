"""A report is put in place whole, knows the one before it, and is quick and small."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.errors import UsageError
from cte_lake.lake.stored import stored
from cte_lake.pipeline.night import Night, NightStep, keep_night
from cte_lake.report.build import make_report
from cte_lake.report.publish import new_folder, point_latest
from cte_lake.report.states import settings_state
from cte_lake.report.unchanged import report_state
from tests.report.big_lake import Image, make_lake, write_image
from tests.report.conftest import add_reject, make

NOW = dt.datetime(2026, 6, 1, 9, 30, tzinfo=dt.UTC)


_TIME = re.compile(r"2026-06-01[T ]\d\d:\d\d(:00\+00:00)?")


def contents(folder: Path) -> dict[str, str]:
    """Return the files of a report but for the times at which reports were made."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): _TIME.sub("", path.read_bytes().decode("latin-1")) for path in files
    }


@pytest.mark.slow
def test_what_is_new_is_told_against_the_last_report(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=8, stars=400)

    def files(folder: str) -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (root / "reports/latest" / folder).iterdir()}

    def texts() -> dict[str, str]:
        pages = (root / "reports/latest/pairs").iterdir()
        return {path.name: re.sub("Made .* by cte-lake", "", path.read_text()) for path in pages}

    first = json.loads((make(root, now=NOW).folder / "report.json").read_text())
    assert first["news"]["since"] is None
    assert len(first["news"]["new"]) == 8
    pages = files("pairs")
    write_image(root, Image(7, "flt", 2, "NGC-104"), 400)
    write_image(root, Image(0, "flt", 2, "NGC-104", revision=2), 400)
    second = json.loads((make(root, now=NOW + dt.timedelta(hours=1)).folder / "report.json").read_text())
    assert second["news"]["since"] == NOW.isoformat(timespec="seconds")
    assert second["news"]["new"] == ["i00717aaq_flt.fits"]
    assert second["news"]["changed"] == ["i00010aaq_flt.fits"]
    assert second["news"]["text"] == "1 new image, 1 measured again"
    drawn, again = files("figures"), files("pairs")
    # Of the pages of pairs that of the changed image alone.
    assert {name for name in again if again[name] != pages[name]} == {"i00010baq_flt-i00010aaq_flt.html"}
    mark = root / "reports/latest/report.json"
    # Without what it follows from, the content of the next report is gathered anew.
    mark.write_text(json.dumps(second | {"follows_from": ""}))
    third = json.loads((make(root, now=NOW + dt.timedelta(hours=2)).folder / "report.json").read_text())
    assert third["news"]["text"] == "nothing changed"
    # Figures that follow from the same are taken over; those of the first report follow from other rows.
    assert files("figures") == drawn
    assert files("pairs") == again
    assert {one: third[one] for one in ("figures", "more_figures", "quality_figures")} == {
        one: second[one] for one in ("figures", "more_figures", "quality_figures")
    }
    assert third["figures_state"] != first["figures_state"]
    gathered, quality = contents(root / "reports/latest"), root / "reports/latest/quality.html"
    of_third = quality.stat().st_ino
    make(root, now=NOW + dt.timedelta(hours=3))
    assert contents(root / "reports/latest") == gathered
    assert quality.stat().st_ino == of_third
    taken = texts()
    (root / "reports/latest").unlink()
    make(root, now=NOW + dt.timedelta(hours=4))
    assert len(taken) == 4
    assert texts() == taken
    assert not {*files("pairs").values()} & {*again.values()}
    few = load_settings(root, {"report.stars_per_bin": 70}, environment={})
    assert settings_state(few) != settings_state(load_settings(root, environment={}))


def test_a_report_of_an_empty_lake(tmp_path: Path) -> None:
    made = make(make_lake(tmp_path / "lake", images=0, stars=1))
    text = (made.folder / "index.html").read_text()
    assert "No exposure is in the lake yet." in text
    assert made.pages == 6


@pytest.mark.slow
def test_a_report_of_a_lake_in_which_nothing_changed_takes_the_last_one_over(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=0, stars=1)
    quality, hours = root / "reports/latest/quality.html", iter(range(9))

    def made() -> int:
        make(root, now=NOW + dt.timedelta(hours=next(hours)))
        return quality.stat().st_ino

    first = made()
    step = NightStep("align", "failed", "no disk")
    keep_night(stored(root), Night(NOW.isoformat(), steps=(step,), exit_code=1))
    assert made() == first
    state = quality.with_name("index.html").read_text()
    assert "no disk" in state
    # A page that is taken over has the time at which it was made, and says so.
    assert ["stays as it was made" in text for text in (quality.read_text(), state)] == [True, False]
    quality.with_name("pairs.html").unlink()
    assert (second := made()) != first
    settings = [load_settings(root, flags, environment={}) for flags in (None, {"report.keep": 9})]
    with open_lake(root) as lake:
        assert len({report_state(lake, each, "standard") for each in settings}) == 2
    add_reject(root, "/data/a.fits", "read", "missing_keyword", "a.fits has no EXPSTART")
    assert made() != second


@pytest.mark.slow
def test_an_image_alone_has_no_pair_and_no_slope(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=0, stars=1)
    write_image(root, Image(0, "flt", 2, "NGC-104"), 300)
    made = make(root)
    assert made.state["images"] == 1
    assert made.state["pairs"] == 0
    assert "No pair has a slope yet." in (made.folder / "index.html").read_text()


@pytest.mark.slow
def test_publish_replaces_an_older_report_whole_and_latest_points_at_the_newest(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=0, stars=1)
    place = tmp_path / "www" / "cte"
    first = make(root, place, NOW)
    assert first.folder.name == "20260601T093000Z"
    assert (root / "reports/latest").resolve() == Path(str(first.folder))
    (place / "of-the-old-one.txt").write_text("")
    second = make(root, place, NOW + dt.timedelta(days=1))
    assert second.published == place
    assert not (place / "of-the-old-one.txt").exists()
    assert json.loads((place / "report.json").read_text())["made"].startswith("2026-06-02")
    assert [path.name for path in place.parent.iterdir()] == ["cte"]
    assert (root / "reports/latest").resolve() == Path(str(second.folder))
    assert first.folder.is_dir()
    assert sorted(path.name for path in (root / "reports").iterdir()) == [
        "20260601T093000Z",
        "20260602T093000Z",
        "latest",
    ]


def test_publish_never_takes_another_folders_place(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=0, stars=1)
    place = tmp_path / "home"
    place.mkdir()
    (place / "thesis.tex").write_text("important")
    with pytest.raises(UsageError, match="holds something else than a report"):
        make(root, place)
    assert (place / "thesis.tex").read_text() == "important"
    assert not list((root / "reports").iterdir())


def test_a_report_that_fails_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "reports" / "one"

    def fail() -> None:
        with new_folder(place) as work:
            (work / "index.html").write_text("half")
            raise RuntimeError("no disk")

    with pytest.raises(RuntimeError, match="no disk"):
        fail()
    assert list((tmp_path / "reports").iterdir()) == []


def test_readers_always_see_a_whole_report(tmp_path: Path) -> None:
    place = tmp_path / "www"
    with new_folder(place) as work:
        (work / "report.json").write_text("0")
    code = (
        "import sys, pathlib\n"
        "place, end = map(pathlib.Path, sys.argv[1:])\n"
        "print(len({(place / 'report.json').read_text()}), flush=True)\n"
        "seen = set()\n"
        "while not end.exists(): seen.add((place / 'report.json').read_text())\n"
        "print(len(seen))\n"
    )
    line, end = [sys.executable, "-c", code, str(place), str(tmp_path / "end")], tmp_path / "end"
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1\n"
        for number in range(100):
            with new_folder(place) as work:
                (work / "report.json").write_text(str(number))
        end.touch()
        seen, _ = reader.communicate(timeout=300)
    assert reader.returncode == 0
    assert int(seen) > 1


def test_latest_is_replaced_in_one_step(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        point_latest(tmp_path / name)
        assert (tmp_path / "latest").resolve() == tmp_path / name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "latest"]


@pytest.mark.slow
def test_pages_of_pairs_stay_small_however_dense_the_field(tmp_path: Path) -> None:
    made = make(make_lake(tmp_path / "lake", images=4, stars=8000))
    sizes = [path.stat().st_size for path in Path(str(made.folder), "pairs").iterdir()]
    assert len(sizes) == 2
    # 200 of them, with 400 pictures of up to 15 kB, leave 5 MB of the 20 for everything else.
    assert max(sizes) < 45_000


@pytest.mark.slow
def test_commands_say_again_what_a_flag_said(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=0, stars=1)
    settings = load_settings(root, {"measure.estimator": "both_in_bin", "workers.count": "1"})
    with open_lake(root, settings=settings) as lake:
        made = make_report(lake, settings, "standard", now=NOW)
    text = json.loads((made.folder / "report.json").read_text())["commands"]
    assert text == f"cte-lake report --lake {root.name} --set 'measure.estimator=\"both_in_bin\"'"
    plain = json.loads((make(root, now=NOW).folder / "report.json").read_text())["commands"]
    assert plain == f"cte-lake report --lake {root.name}"


@pytest.mark.slow
def test_commands_of_another_mode_name_it(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=0, stars=1)
    settings = load_settings(root)
    with open_lake(root, mode="iraf", settings=settings) as lake:
        made = make_report(lake, settings, "iraf", now=NOW)
    text = (made.folder / "provenance.html").read_text()
    assert f"cte-lake report --lake {root.name} --mode iraf" in text


@pytest.mark.slow
def test_pages_show_paths_only_when_asked_to(tmp_path: Path) -> None:
    root = make_lake(tmp_path / "lake", images=0, stars=1)
    odd = tmp_path / "inbox" / "odd.fits"
    add_reject(root, str(odd), "read", "unreadable", f"{odd} cannot be read")
    step = NightStep("ingest", "failed", f"{odd} cannot be read", exit_code=1)
    assert keep_night(stored(root), Night("2026-06-01T03:43:00+00:00", steps=(step,), exit_code=1))
    for asked in (False, True):
        settings = load_settings(root, {"report.show_paths": str(asked).lower()})
        with open_lake(root, settings=settings) as lake:
            made = make_report(lake, settings, "standard", now=NOW)
        published = [
            path for path in Path(str(made.folder)).rglob("*") if path.suffix in {".html", ".json", ".csv"}
        ]
        assert any(str(tmp_path) in path.read_text() for path in published) is asked
        assert any("odd.fits" in path.read_text() for path in published)
