import duckdb
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.lake.selection import Selection

exposures = st.fixed_dictionaries(
    {
        "proposal": st.sampled_from([11924, 14378]),
        "visit": st.sampled_from(["01", "0A"]),
        "target": st.sampled_from(["ngc104", "ngc6791"]),
        "flash": st.sampled_from([0, 12]),
        "filetype": st.sampled_from(["flt", "flc"]),
        "filter": st.sampled_from(["F502N", "F606W"]),
    }
)
some = {
    "proposal": [11924, 14378, 1],
    "visit": ["01", "0a"],
    "target": ["NGC104", "ngc6791"],
    "flash": [0, 12],
    "filetype": ["FLT"],
    "filter": ["f502n", "F606W"],
}
selections = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(values), max_size=2).map(tuple) for name, values in some.items()}
).map(lambda values: Selection(**values))


@given(exposures, selections)
def test_python_and_sql_select_alike(exposure, selection):
    condition, parameters = selection.where()
    row = ", ".join(f'{value!r} AS "{name}"' for name, value in exposure.items())
    found = duckdb.sql(f"SELECT count(*) FROM (SELECT {row}) WHERE {condition}", params=parameters or None)
    assert bool(found.fetchall()[0][0]) == selection.matches(exposure)


def test_an_empty_selection_selects_all_and_says_so():
    assert not Selection()
    assert Selection(flash=(0,))
    assert str(Selection(target=("ngc104",), flash=(0, 12))) == "--target ngc104 --flash 0 --flash 12"
