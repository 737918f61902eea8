"""Sets that keep up with the lake: current, stale, a new version beside the old, held by an alarm."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.simulated_photometry import draw_stars, simulate_program_photometry
from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.correction.coefficient_files import path_in_lake, read_coefficients, write_coefficients
from cte_lake.correction.first_sets import make_first_sets
from cte_lake.correction.fit_lake import fit_lake
from cte_lake.correction.followed import FitRequest, request_of, to_text
from cte_lake.correction.renewal import _advice, all_sets, renew, set_states
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.model.compare import Largest, largest_difference
from cte_lake.simulate.exposure import Settings
from cte_lake.simulate.program import TARGETS, nominal_program
from cte_lake.workflow.run import RunArguments, run
from tests.model.lakes import write_images
from tests.model.sets import make_set

DATES = tuple(55466.0 + 365.0 * k for k in range(8))
REQUEST = FitRequest(
    Selection(target=("ngc104",), flash=(0,), filetype=("flt",)), time_degree=1, form="none", samples=0
)


@pytest.fixture(scope="module")
def images():
    """Images by the number of their epoch; those of epoch 9 are of the last date with a loss of 1.6 times."""
    stars = draw_stars(TARGETS["ngc104"], 1500)
    program = nominal_program(TARGETS["ngc104"], DATES, flashes=(0,))
    found = {k: [] for k in range(len(DATES))}
    for image in simulate_program_photometry(program, stars, filetypes=("flt",)):
        found[int(np.argmin([abs(image.record["mjd"] - date) for date in DATES]))].append(image)
    settings = Settings()
    times = tuple(tuple(1.6 * c for c in row) for row in settings.law.coefficients)
    stronger = replace(settings, law=replace(settings.law, coefficients=times))
    found[9] = [
        image
        for image in simulate_program_photometry(program, stars, stronger, filetypes=("flt",))
        if abs(image.record["mjd"] - DATES[-1]) < 30
    ]
    return found


@pytest.fixture(scope="module")
def six_epochs(images, tmp_path_factory):
    root = tmp_path_factory.mktemp("six") / "lake"
    create_lake(stored(root))
    for number in range(6):
        write_images(root, images[number])
    return root


@pytest.fixture
def lake(six_epochs, tmp_path):
    return stored(shutil.copytree(six_epochs, tmp_path / "lake"))


@pytest.fixture
def settings(lake):
    return load_settings(lake, environment={})


def fit(lake, settings, request=REQUEST, name=None):
    with open_lake(lake, settings=settings) as opened:
        found = fit_lake(opened, request, settings.hash(), name).coefficients
    write_coefficients(path_in_lake(lake, found.name), found)
    return found


def told(lake, settings):
    return [(one.coefficients.name, one.state, one.use) for one in set_states(lake, settings)]


def test_a_set_is_stale_when_an_epoch_comes_and_a_new_version_stands_beside_it(lake, settings, images):
    old = fit(lake, settings)
    assert told(lake, settings) == [(old.name, "current", True)]
    assert renew(lake, settings) == []
    before = path_in_lake(lake, old.name).read_bytes()
    write_images(Path(str(lake)), images[6])
    (state,) = set_states(lake, settings)
    assert (state.state, state.reason) == ("stale", "fitted to 6 pairs, there are 7 now")
    (renewal,) = renew(lake, settings)
    assert path_in_lake(lake, old.name).read_bytes() == before
    new = renewal.new
    assert new.name == old.name.replace(f"mjd{int(old.validity.mjd[1])}", f"mjd{int(new.validity.mjd[1])}")
    assert read_coefficients(path_in_lake(lake, new.name)) == new
    assert request_of(new) == request_of(old) == (REQUEST, "standard")
    assert renewal.advice == new.provenance["advice"]
    assert renewal.advice.startswith(f"observers should use {new.name} instead of {old.name}; largest change")
    assert told(lake, settings) == [(new.name, "current", True), (old.name, "superseded", False)]
    assert [one.name for one in all_sets(lake, settings)[0]] == [new.name, old.name]
    assert renew(lake, settings) == []


@pytest.mark.slow
def test_measuring_again_makes_a_set_stale_and_the_new_version_has_a_name_of_its_own(lake, settings, images):
    old, named = fit(lake, settings), fit(lake, settings, replace(REQUEST, min_stars=12), "mine")
    again = images[2][0]
    record = again.record | {"phot_key": "ab" * 12, "revision": 2}
    columns = again.columns | {"phot_key": np.full(len(again.true_flux), "ab" * 12)}
    write_images(Path(str(lake)), [replace(again, record=record, columns=columns)])
    states = {one.coefficients.name: one for one in set_states(lake, settings)}
    assert states[old.name].reason == "its 6 pairs were measured again, or are others"
    made = {renewal.old.name: renewal.new.name for renewal in renew(lake, settings)}
    assert made == {old.name: f"{old.name}_v2", "mine": "mine_v2"}
    assert named.name == "mine"
    wider = load_settings(lake, {"measure.clip_sigma": 5.0}, environment={})
    assert {one.new.name for one in renew(lake, wider)} == {f"{old.name}_v3", "mine_v3"}


@pytest.mark.slow
def test_what_changes_no_slope_makes_no_set_stale(lake, settings):
    fit(lake, settings)
    for changed in ({"measure.aperture": 5}, {"workers.count": 7}, {"measure.estimator": "both_in_bin"}):
        other = load_settings(lake, changed, environment={})
        assert [state for _, state, _ in told(lake, other)] == ["current"], changed


@pytest.mark.slow
def test_a_new_version_is_held_while_its_newest_epoch_departs_from_the_others(lake, settings, images):
    old = fit(lake, settings)
    write_images(Path(str(lake)), images[9])
    (renewal,) = renew(lake, settings)
    assert renewal.advice.startswith(f"observers should go on with {old.name} until the alarm is explained")
    assert told(lake, settings) == [(old.name, "stale", True), (renewal.new.name, "current", False)]
    assert renew(lake, settings) == []
    # The next one is held against the set that observers use, not against one that was held.
    write_images(Path(str(lake)), images[6])
    (later,) = renew(lake, settings)
    assert later.advice.startswith(f"observers should go on with {old.name} until the alarm is explained")
    # Whoever has looked at it fits by hand.
    by_hand = fit(lake, settings, name="looked at")
    assert [one.coefficients.name for one in set_states(lake, settings) if one.use] == [by_hand.name]


@pytest.mark.slow
def test_a_set_that_is_asked_for_is_made_once_as_soon_as_it_can_be(lake):
    sets = [
        {"target": "NGC 104", "filter": "F502N", "length": length, "filetype": filetype, "flash": [0]}
        for length, filetype in (("l", "flt"), ("s", "flt"), ("l", "flc"))
    ]
    settings = load_settings(lake, {"refresh.sets": sets}, environment={})
    made = make_first_sets(lake, settings)
    assert [one.new is not None for one in made][::2] == [True, False]
    new = made[0].new
    assert made[0].advice.startswith(f"observers may use {new.name}, the first of NGC 104 F502N l FLT;")
    assert made[2].advice.startswith("the first set of NGC 104 F502N l FLC has to wait: ")
    assert read_coefficients(path_in_lake(lake, new.name)) == new
    assert (new.name, "current", True) in told(lake, settings)
    # Once it is there it is kept up as any other; what waits is tried again.
    again = make_first_sets(lake, settings)
    assert new.name not in {one.new.name for one in again if one.new is not None}
    assert len(again) == 3 - sum(one.new is not None for one in made)


def lake_of(root, images):
    create_lake(stored(root))
    for image in images:
        write_images(root, image)
    return stored(root)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("numbers", "bins", "reason"),
    [
        ((0, 5), None, "2 epochs cannot test a time dependence of degree 1, which needs 3"),
        ((0, 2, 5), [[250.0, 500.0], [500.0, 8000.0]], "2 flux bins cannot carry"),
    ],
)
def test_the_night_makes_no_first_set_that_nothing_could_contradict(numbers, bins, reason, images, tmp_path):
    lake = lake_of(tmp_path / "lake", [images[number] for number in numbers])
    asked = {"refresh.sets": [{"target": "ngc104", "filter": "F502N", "filetype": "flt", "flash": [0]}]}
    if bins is not None:
        asked |= {"measure.flux_bins": bins, "measure.time_bins": bins}
    (waiting,) = make_first_sets(lake, load_settings(lake, asked, environment={}))
    assert waiting.new is None
    assert waiting.advice.startswith(f"the first set of NGC 104 F502N l FLT has to wait: {reason}")
    assert set_states(lake, load_settings(lake, environment={})) == []


@pytest.mark.slow
def test_the_first_set_waits_for_bins_that_several_epochs_have(images, tmp_path):
    # Faint stars alone in all epochs but one.
    first, *others = [
        images[0],
        *([replace(image, columns=faint(image)) for image in images[k]] for k in (2, 5)),
    ]
    lake = lake_of(tmp_path / "lake", [first, *others])
    asked = {"refresh.sets": [{"target": "ngc104", "filter": "F502N", "filetype": "flt", "flash": [0]}]}
    (waiting,) = make_first_sets(lake, load_settings(lake, asked, environment={}))
    assert "2 flux bins have slopes in 3 epochs, a quadratic in log flux needs 3" in waiting.advice


def faint(image):
    flux = image.columns["flux_r03"]
    return image.columns | {"flux_r03": np.where(flux < 1000.0, flux, np.nan)}


def test_a_set_that_does_not_say_what_it_was_fitted_to_is_unknown_and_left_alone(lake, settings):
    made = fit(lake, settings)
    provenance = {key: value for key, value in made.provenance.items() if key != "request"}
    write_coefficients(path_in_lake(lake, made.name), replace(made, provenance=provenance), replace=True)
    assert told(lake, settings) == [(made.name, "unknown", True)]
    for broken in ("", "[]", "{}", '{"mode": 3, "selection": {"nothing": 1}}'):
        assert request_of(replace(made, provenance={"request": broken})) is None
    assert renew(lake, settings) == []


@pytest.mark.slow
def test_a_stale_set_whose_pairs_are_gone_is_told_and_kept(lake, settings):
    made = fit(lake, settings)
    gone = load_settings(
        lake, {f"measure.{name}_bins": [[1.0, 2.0]] for name in ("flux", "time")}, environment={}
    )
    (renewal,) = renew(lake, gone)
    assert renewal.new is None
    assert renewal.advice.startswith(f"{made.name} is stale and cannot be fitted again: ")


def test_the_largest_difference_is_found_where_it_is(lake, settings):
    one = fit(lake, settings)
    coefficients = one.coefficients.copy()
    coefficients[one.term_names.index("c00")] += 0.01
    largest = largest_difference(one, replace(one, coefficients=coefficients))
    assert largest.difference == pytest.approx(0.01)
    # An even shift counts most where the errors are least.
    grid = np.meshgrid(np.linspace(*one.validity.mjd, 12), np.geomspace(*one.validity.flux, 12))
    assert largest.error == pytest.approx(2**0.5 * one.loss_err(*grid).min(), rel=0.01)
    assert largest.sigma == pytest.approx(0.01 / largest.error)
    assert largest_difference(one, one).difference == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "request_",
    [REQUEST, FitRequest(), FitRequest(Selection(proposal=(12348,), until=57000.5), 5, "both_in_bin")],
)
def test_a_request_is_read_as_it_was_written(request_, lake, settings):
    made = fit(lake, settings)
    kept = replace(made, provenance={"request": to_text(request_, "iraf")})
    assert request_of(kept) == (request_, "iraf")


@pytest.mark.slow
def test_coeffs_list_says_what_is_stale_and_the_step_of_a_run_renews_it(lake, settings, images):
    def listed():
        done = CliRunner().invoke(app, ["coeffs", "list", "--lake", str(lake), "--json"])
        rows = {row["name"]: row for row in json.loads(done.stdout) if row["where"] == "lake"}
        return {name: (row["state"], row["use"]) for name, row in rows.items()}, done.stderr

    old = fit(lake, settings).name
    assert listed() == ({old: ("current", True)}, "")
    write_images(Path(str(lake)), images[6])
    states, told = listed()
    assert states == {old: ("stale", True)}
    assert told == f"{old} is stale: fitted to 6 pairs, there are 7 now\n"
    asked = RunArguments(lake, Path(), settings, steps=("fit",))
    (step,) = run(asked).steps
    assert (step.done, step.failed) == (1, 0)
    assert step.summary.startswith("fit: observers should use ngc104_F502N_l_pf0_flt_r3_mjd57656 instead of ")
    assert set(listed()[0].values()) == {("current", True), ("superseded", False)}
    (step,) = run(asked).steps
    assert (step.done, step.summary) == (0, "fit: no set is stale")


@pytest.mark.parametrize(("difference", "looked_at"), [(0.0029, False), (0.0031, True), (-0.0031, True)])
def test_a_change_over_three_errors_is_to_be_looked_at(difference, looked_at):
    largest = Largest(difference, 0.001, 57000.0, 500.0, 3.0)
    advice, held = _advice(make_set(name="old"), make_set(name="new"), largest, None)
    assert ("look at it before you publish it" in advice, held) == (looked_at, "")
