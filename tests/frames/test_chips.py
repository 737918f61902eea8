from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from cte_lake.frames.chips import (
    Footprint,
    chip_of_field,
    chip_of_postarg,
    choose_chips_180,
    nearest_chip_of_field,
    nearest_chip_of_postarg,
    no_partner,
    orientation,
    partner_group,
)
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.fitsfile import wcs_of
from cte_lake.masters.project import project
from cte_lake.masters.read import read_master

from .conftest import chip_header


@pytest.mark.parametrize(
    ("postarg2", "chip"),
    [(0.0, 2), (0.1, 2), (-0.1, 2), (0.11, None), (79.99, None), (80.0, 1), (82.0, 1), (-82.0, None)],
)
def test_postarg_rule(postarg2, chip):
    assert chip_of_postarg(postarg2) == chip


@pytest.mark.parametrize(
    ("aperture", "postarg2", "chip"),
    [
        ("UVIS-CENTER", 0.0, 2), ("UVIS", 82.0, 1), ("UVIS2-FIX", 0.0, 2), ("", 82.0, 1),
        ("UVIS", -82.0, None), ("UVIS1", 0.0, 1), ("uvis1-fix", 0.05, 1), ("UVIS1", -82.0, 2),
        ("UVIS1", 82.0, None), ("UVIS1", 2.5, None),
    ],
)  # fmt: skip
def test_aperture_and_dither_tell_the_chip_together(aperture, postarg2, chip):
    assert chip_of_field(postarg2, aperture) == chip
    assert chip is None or nearest_chip_of_field(postarg2, aperture) == chip


def test_sub_dithers_have_a_nearest_chip():
    assert [nearest_chip_of_postarg(value) for value in (-2.5, 0.2, 39.0, 41.0, 82.0)] == [2, 2, 2, 1, 1]


def test_orientation_is_the_headers():
    header = chip_header(2)
    assert orientation(wcs_of(header, 2)) == pytest.approx(header["ORIENTAT"] % 360, abs=1e-6)


def stars(*ranges):
    return np.concatenate([np.arange(a, b) for a, b in ranges] or [np.empty(0, int)]).astype(np.int64)


def footprint(name, visit, orientation, chip2, chip1, mjd=0.0, group="g"):
    return Footprint(name, group, visit, mjd, orientation, {2: chip2, 1: chip1})


A10 = footprint("a10", "10", 155.0, stars((0, 800)), stars((800, 1600)), 1.0)
A11 = footprint("a11", "11", 335.0, stars((10, 810)), stars((5000, 5800)), 2.0)
B10 = footprint("b10", "10", 155.0, stars((7000, 7800)), stars((0, 800)), 1.1)
B11 = footprint("b11", "11", 335.0, stars((780, 1580)), stars((20, 820)), 2.1)
SET = [A10, A11, B10, B11]


def chips(footprints):
    return {name: (choice.chip, choice.partner) for name, choice in choose_chips_180(footprints).items()}


WANTED = {"a10": (2, "a11"), "a11": (2, "a10"), "b10": (1, "b11"), "b11": (1, "b10")}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_partners_share_the_chip_whatever_the_order(order):
    assert chips([SET[i] for i in order]) == WANTED


def test_stars_shared_on_different_chips_make_no_partner():
    assert chips([A10, B11]) == {}
    assert chips([A10, replace(A11, stars={2: A11.stars[1], 1: A11.stars[2]})]) == {}


@pytest.mark.parametrize(
    "other",
    [
        replace(A11, visit="10"),
        replace(A11, group="another filter"),
        replace(A11, orientation=155.0),
        replace(A11, orientation=245.0),
        replace(A11, stars={2: stars((790, 1600)), 1: stars()}),
    ],
)
def test_who_is_no_partner(other):
    assert chips([A10, other]) == {}


@pytest.mark.parametrize("roll", [180.0, 176.0, -175.0, 540.0])
def test_half_a_turn_is_told_modulo_a_turn(roll):
    assert chips([A10, replace(A11, orientation=A10.orientation + roll)]) == {
        "a10": (2, "a11"),
        "a11": (2, "a10"),
    }


def test_partners_never_disagree():
    # c and d share most on chip 1; e shares with d only on chip 2, which is then no longer open to d.
    c = footprint("c", "10", 155.0, stars((0, 100)), stars((200, 300)))
    d = footprint("d", "11", 335.0, stars((0, 95)), stars((200, 298)))
    e = footprint("e", "10", 155.0, stars((0, 99)), stars((900, 950)))
    choices = choose_chips_180([c, d, e])
    for choice in choices.values():
        assert choices[choice.partner].chip == choice.chip
    assert choices["d"].chip == choices["c"].chip == 1
    assert "e" not in choices


def test_repeated_exposures_all_find_a_partner_nearest_in_time():
    many = [replace(f, imagename=f"{f.imagename}_{i}", mjd=f.mjd + 0.01 * i) for f in SET for i in range(3)]
    choices = choose_chips_180(many)
    assert {name: choice.chip for name, choice in choices.items()} == {
        f.imagename: WANTED[f.imagename[:3]][0] for f in many
    }
    assert choices["a10_2"].partner == "a11_0"


def test_no_star_on_a_chip():
    empty = replace(A11, stars={2: stars(), 1: stars()})
    assert chips([A10, empty]) == {}


def test_refusal_names_the_image():
    refusal = no_partner("ib9210aaq_flt.fits")
    assert (refusal.reason, refusal.stage) == ("no_partner", "match")
    assert "ib9210aaq_flt.fits" in refusal.detail


def reference_footprints(folder, visits=("10", "11")):
    master = read_master(folder / "ngc6583_master.cat")
    for path in sorted(folder.glob("data/*.fits.fz")):
        exposure = read_exposure(path)
        if exposure.visit in visits:
            wcs = {chip: wcs_of(path, chip) for chip in (2, 1)}
            on_chip = {
                chip: project(wcs[chip], master.ra, master.dec, (exposure.naxis2, exposure.naxis1))[0]
                for chip in wcs
            }
            group = partner_group(exposure, "ngc6583")
            yield Footprint(
                exposure.imagename, group, exposure.visit, exposure.mjd, orientation(wcs[2]), on_chip
            )


def test_reference_set_is_paired_as_it_was_made(shared):
    choices = choose_chips_180(reference_footprints(shared / "frames" / "ngc6583"))
    assert len(choices) == 8
    for name, choice in choices.items():
        wanted_chip = {"aaq": 2, "bbq": 1}[name[6:9]]
        wanted_partner = {"10": "ib9211", "11": "ib9210"}[name[4:6]] + name[6:]
        assert (choice.chip, choice.partner) == (wanted_chip, wanted_partner)
        assert choice.n_shared > 700


def test_one_visit_alone_has_no_partner(shared):
    assert choose_chips_180(reference_footprints(shared / "frames" / "ngc6583", ("10",))) == {}
