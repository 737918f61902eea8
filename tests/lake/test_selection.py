"""One selection: Python and SQL choose alike, names and case are the lake's."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.errors import UnknownName, UsageError
from cte_lake.lake.selection import Between, Selection, all_spelled, spelled, where
from cte_lake.names import Names

NAMES = Names({"ngc104": ["NGC-104", "47TUC"], "ngc6791": []}, ("F502N", "F606W"))
exposures = st.fixed_dictionaries(
    {
        "proposal": st.sampled_from([11924, 14378]),
        "visit": st.sampled_from(["01", "0a"]),
        "target": st.sampled_from(["ngc104", "ngc6791"]),
        "flash": st.sampled_from([0, 12]),
        "filetype": st.sampled_from(["flt", "flc"]),
        "filter": st.sampled_from(["F502N", "F606W"]),
        "length": st.sampled_from(["s", "l"]),
        "mjd": st.sampled_from([55000.0, 57000.0]),
    }
)
some = {
    "proposal": [11924, "14378", 1],
    "visit": ["1", "0A"],
    "target": ["NGC 104", "47 Tuc", "ngc6791"],
    "flash": [0, 12],
    "filetype": ["FLT"],
    "filter": ["f502n", "F606W"],
    "length": ["L", "s"],
}
selections = st.builds(
    Selection,
    **{name: st.lists(st.sampled_from(values), max_size=2).map(tuple) for name, values in some.items()},
    until=st.sampled_from([None, 56000.0]),
).map(lambda selection: selection.resolved(NAMES))


@given(exposures, selections)
def test_python_and_sql_select_alike(exposure, selection):
    condition, parameters = selection.where("e")
    row = ", ".join(f'{value!r} AS "{name}"' for name, value in exposure.items())
    query = f"SELECT count(*) FROM (SELECT {row}) AS e WHERE {condition}"
    found = duckdb.sql(query, params=parameters or None)
    assert bool(found.fetchall()[0][0]) == selection.matches(exposure)


@given(selections)
def test_resolving_twice_is_resolving_once(selection):
    assert selection.resolved(NAMES) == selection


def test_an_empty_selection_selects_all_and_says_so():
    assert not Selection()
    assert Selection(flash=(0,))
    assert Selection(until=57000.0)
    assert str(Selection(target=("ngc104",), flash=(0, 12))) == "--target ngc104 --flash 0 --flash 12"
    assert str(Selection(until=57000.0)) == "--until 57000"


def test_every_spelling_is_one_selection():
    plain = Selection(target=("ngc104",), filter=("F502N",), visit=("02",), filetype=("flc",))
    for target in ("NGC104", "NGC 104", "47Tuc", "ngc-104"):
        words = Selection(target=(target,), filter=("f502n",), visit=("2",), filetype=("FLC",))
        assert words.resolved(NAMES) == plain
    with pytest.raises(UnknownName, match="did you mean 'ngc104'"):
        Selection(target=("ngc14",)).resolved(NAMES)


@pytest.mark.parametrize(
    ("column", "word", "said"),
    [
        ("filetype", "flx", r"filetype 'flx' is not known; did you mean 'flt'\? it is flt or flc"),
        ("length", "long", "length 'long' is not known; it is s or l"),
        ("pairing", "chip", r"did you mean 'chips'\? it is chips, 180 or files"),
        ("estimator", "logratio", r"did you mean 'log_ratio'\?"),
    ],
)
def test_a_word_that_no_column_holds_is_refused(column, word, said):
    with pytest.raises(UsageError, match=said):
        all_spelled({column: ["flt" if column == "filetype" else word, word]}, Names)
    if column in {"filetype", "length"}:
        with pytest.raises(UsageError, match=said):
            Selection(**{column: (word,)})


def test_what_selects_nothing_is_named_with_what_there_is():
    rows = [{"flash": level, "target": "ngc104", "filter": "F502N"} for level in (0, 12)]
    assert Selection(flash=(99,)).nothing_among(rows) == "no exposure has flash 99; there is flash 0, 12"
    near = Selection(target=("ngc105",)).nothing_among(rows, "pair")
    assert near == "no pair has target ngc105; did you mean 'ngc104'? there is target ngc104"
    assert Selection(flash=(0,)).nothing_among([]) == "the lake has no exposure"


def test_what_only_an_older_generation_has_is_said():
    rows = [
        {"filetype": "flc", "flash": flash, "generation": name, "newest": newest}
        for flash, name, newest in ((0, "cte1_old", False), (12, "cte1_old", False), (12, "cte2_new", True))
    ]
    wanted = Selection(flash=(0,), filetype=("flc",), generation=("newest",))
    assert wanted.nothing_among(rows, "pair") == (
        "no pair of the newest calibration generation has all of --flash 0 --filetype flc; "
        "--generation cte1_old does"
    )


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [({"a": 1}, 1), ({"a": [1, 2]}, 2), ({"a": None}, 1), ({"a": [1]}, 1), ({"a": []}, 0), ({}, 4)],
)
def test_conditions_of_values_lists_and_null(wanted, rows):
    condition, parameters = where(wanted)
    query = f"SELECT count(*) FROM (VALUES (1), (2), (3), (NULL)) AS t(a) WHERE {condition}"
    assert duckdb.sql(query, params=parameters or None).fetchall()[0][0] == rows


def test_other_columns_keep_their_case():
    assert spelled("cal_ver", "3.7 (CTE)") == "3.7 (CTE)"
    assert spelled("target", None, NAMES) is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Between(), [1.0, 2.0, 3.0]),
        (Between(2.0), [2.0, 3.0]),
        (Between(None, 2.0), [1.0, 2.0]),
        (Between(2.0, 2.0), [2.0]),
    ],
)
def test_a_range_holds_its_ends_and_neither_nan_nor_null(wanted, found):
    condition, parameters = where({"v": wanted})
    values = "(1.0::DOUBLE), (2.0), (3.0), ('nan'::DOUBLE), (NULL)"
    query = f"SELECT v FROM (VALUES {values}) AS t(v) WHERE {condition}"
    assert [row[0] for row in duckdb.execute(query, parameters).fetchall()] == found
