"""Coefficient sets as files of a lake."""

from dataclasses import replace

from cte_lake.correction.coefficient_files import (
    built_in_sets,
    listed_sets,
    path_in_lake,
    read_coefficients,
    read_sets,
    write_coefficients,
)
from cte_lake.lake.stored import stored


def test_one_file_that_somebody_edited_hides_no_other(tmp_path):
    lake, known = stored(tmp_path), read_coefficients(built_in_sets()[0])
    for name in ("a", "b", "c"):
        write_coefficients(path_in_lake(lake, name), replace(known, name=name))
    edited = tmp_path / "coefficients" / "b.toml"
    edited.write_text(edited.read_text().replace("1", "2", 1))
    sets, problems = read_sets(lake)
    assert [one.name for one in sets] == ["a", "c"]
    assert len(problems) == 1
    assert "b.toml was changed since it was written" in problems[0]
    assert [row["name"] for row in listed_sets(lake)[0] if row["where"] == "lake"] == ["a", "c"]
    assert listed_sets(None)[1] == []
