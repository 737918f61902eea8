"""Names as astronomers write them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.errors import ExitCode, UnknownName
from cte_lake.names import Names, filter_name, folded, suggestion, target_name

TARGETS = {"ngc104": ["NGC-104", "47TUC"], "ngc6791": ["NGC6791"], "ngc104-cal2": ["NGC104-CAL2"]}


@pytest.mark.parametrize(
    "text",
    ["NGC 104", "NGC104", "ngc-104", "ngc_104", "NGC\N{EN DASH}104", "NGC 0104", "47Tuc", "47 Tuc", "47-tuc"],
)
def test_every_spelling_of_a_target_is_its_name(text):
    assert target_name(text, TARGETS) == "ngc104"


def test_a_longer_name_is_not_mistaken_for_a_shorter():
    assert target_name("NGC 104 CAL2", TARGETS) == "ngc104-cal2"


@pytest.mark.parametrize(
    ("text", "meant"), [("ngc103", "ngc104"), ("47 Tucs", "47TUC"), ("ngc 6719", "ngc6791")]
)
def test_an_unknown_target_is_refused_with_the_nearest_spelling(text, meant):
    with pytest.raises(UnknownName, match=f"no target is called '{text}'; did you mean '{meant}'") as caught:
        target_name(text, TARGETS)
    assert caught.value.exit_code == ExitCode.NOTHING_TO_DO


def test_a_name_far_from_all_is_refused_with_what_there_is():
    with pytest.raises(UnknownName, match=r"known targets: ngc104, ngc104-cal2, ngc6791$"):
        target_name("omega Cen", TARGETS)


def test_a_zero_makes_no_ambiguous_name():
    both = {"a1": [], "a01": []}
    assert target_name("A01", both) == "a01"
    assert target_name("A 1", both) == "a1"
    with pytest.raises(UnknownName):
        target_name("A 001", both)


@pytest.mark.parametrize("text", ["f502n", "F502N", "F 502N", "F-502-N"])
def test_filters_are_found_in_any_case(text):
    assert filter_name(text, ["F502N", "F606W"]) == "F502N"
    assert filter_name(text, []) == "F502N"


def test_a_filter_that_the_lake_lacks_is_refused():
    with pytest.raises(UnknownName, match=r"did you mean .F606W.\? known filters: F502N, F606W"):
        Names(filters=("F606W", "F502N")).filter("F606")


def test_nothing_near_suggests_nothing():
    assert suggestion("zz", ["ngc104"]) == ""


@given(st.text(alphabet=string.printable))
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)
