"""Where the correction of a table is written."""

import pytest

from cte_lake.correction.coefficient_files import built_in_sets, read_coefficients
from cte_lake.correction.correct_files import TableOptions, correct_file
from cte_lake.errors import UsageError
from cte_lake.model.table_constants import TableConstants

TABLE = "y,flux,sky,chip\n1500,800,10,2\n"


def test_the_table_that_is_read_stays_whatever_name_it_is_given_by(tmp_path):
    source, link = tmp_path / "stars.csv", tmp_path / "link.csv"
    source.write_text(TABLE)
    link.symlink_to(source)
    known, constants = read_coefficients(built_in_sets()[0]), TableConstants(mjd=56000.0)
    for target in (source, link):
        with pytest.raises(UsageError, match="is the table that is read"):
            correct_file(
                source, target, known, TableConstants(mjd=56000.0), options=TableOptions(replace=True)
            )
    assert source.read_text() == TABLE
    other = tmp_path / "other.csv"
    other.write_text("kept")
    with pytest.raises(UsageError, match="use --overwrite"):
        correct_file(source, other, known, constants)
    assert other.read_text() == "kept"
