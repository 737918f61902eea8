"""What is said of the columns of a free query holds whichever view they are from."""

from cte_lake.views.columns import known_columns, view_columns


def test_a_name_that_views_describe_differently_has_a_unit_and_no_description():
    meanings = {
        column.description
        for view in ("slopes", "log_slopes")
        for column in view_columns(view)
        if column.name == "estimator"
    }
    assert len(meanings) == 2
    assert known_columns()["estimator"].description == ""
    assert known_columns()["mjd"].unit == "d"


def test_a_name_with_one_meaning_keeps_it():
    (stated,) = (column for column in view_columns("cte") if column.name == "cte_dmag")
    assert known_columns()["cte_dmag"] == stated
    assert stated.description
