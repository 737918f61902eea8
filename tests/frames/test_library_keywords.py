"""What libraries ask for is checked before they meet it."""

import pytest
from astropy.io import fits

from cte_lake.errors import Rejected
from cte_lake.frames.checks import ASTRODRIZZLE, WCS_FIT, check_needs


@pytest.fixture
def hdus():
    primary = fits.PrimaryHDU()
    primary.header.update(
        dict.fromkeys(ASTRODRIZZLE.texts, "text") | dict.fromkeys(ASTRODRIZZLE.numbers, 1.5)
    )
    chips = [fits.ImageHDU(name="SCI", ver=extver) for extver in (1, 2)]
    for chip in chips:
        chip.header.update(
            dict.fromkeys(ASTRODRIZZLE.sci_texts, "t") | dict.fromkeys(ASTRODRIZZLE.sci_numbers, 1)
        )
    return fits.HDUList([primary, *chips])


def test_headers_that_have_all_pass(hdus):
    for needs in (ASTRODRIZZLE, WCS_FIT):
        check_needs(hdus, "a_flc.fits", needs)


@pytest.mark.parametrize("value", ["N/A", "", "NaN", fits.card.Undefined(), None])
def test_all_that_are_missing_or_no_number_are_named(hdus, value):
    places = [(hdus[0].header, "PA_V3"), (hdus[0].header, "ATODGNB"), (hdus[2].header, "IDCTHETA")]
    for header, key in places:
        if value is None:
            del header[key]
        else:
            header[key] = value
    with pytest.raises(Rejected, match=r"a_flc.fits lacks PA_V3, ATODGNB, IDCTHETA of SCI,2, which AstroDr"):
        check_needs(hdus, "a_flc.fits", ASTRODRIZZLE)
    with pytest.raises(Rejected, match=r"a_flc.fits lacks PA_V3, IDCTHETA of SCI,2, which stwcs asks for"):
        check_needs(hdus, "a_flc.fits", WCS_FIT)


def test_a_text_is_refused_with_its_place(hdus):
    hdus[1].header["MEANDARK"] = "dark"
    with pytest.raises(Rejected, match=r"MEANDARK='dark' of SCI,1 of a_flc.fits is not a number"):
        check_needs(hdus, "a_flc.fits", ASTRODRIZZLE)


def test_a_number_that_is_no_fits_value_is_none(hdus):
    card = fits.Card.fromstring("PA_V3   =                  NaN".ljust(80))
    hdus[0].header.remove("PA_V3")
    hdus[0].header.append(card)
    with pytest.raises(Rejected, match="lacks PA_V3, which stwcs"):
        check_needs(hdus, "a_flc.fits", WCS_FIT)
