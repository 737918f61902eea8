"""Photometry of another calibration generation than the set's is flagged and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
from typer.testing import CliRunner

from cte_lake.cli.main import app
from cte_lake.correction.coefficient_files import write_coefficients
from cte_lake.model.flags import OTHER_GENERATION
from tests.model.sets import make_set

OWN, OTHER = "cte2_54l1347ei", "cte3_54l1347ei_serial"


def run(folder: Path, fitted: str, columns: dict[str, list[str]], *options: str) -> tuple[np.ndarray, str]:
    """Correct two stars with a set fitted to a generation; return whether each is flagged, and stderr."""
    entry = make_set()
    entry = replace(entry, selection={**entry.selection, "generation": fitted})
    coefficients = folder / "set.toml"
    write_coefficients(coefficients, entry, True)
    table = folder / "stars.csv"
    csv.write_csv(pa.table({"flux": [900.0, 1000.0], "y": [100.0, 1900.0], **columns}), table)
    given = ["--mjd", "57000", "--chip", "2", "--no-progress", "--overwrite", *options]
    result = CliRunner().invoke(app, ["correct", str(table), "-c", str(coefficients), *given])
    assert result.exit_code == 0, result.stderr
    flags = csv.read_csv(folder / "stars_cte.csv")["cte_flag"].to_numpy()
    return (flags & OTHER_GENERATION.value) > 0, result.stderr


@pytest.mark.parametrize(
    ("given", "flagged"), [(OWN, False), ("cte2", False), ("CTE2", False), (OTHER, True), ("cte1", True)]
)
def test_a_generation_given_is_compared(tmp_path, given, flagged):
    found, said = run(tmp_path, OWN, {}, "--generation", given)
    assert found.tolist() == [flagged] * 2
    assert (f"the measurements are of {given}" in said) is flagged


def test_a_column_is_compared_row_by_row(tmp_path):
    found, said = run(tmp_path, OWN, {"generation": [OWN, OTHER]})
    assert found.tolist() == [False, True]
    assert f"fitted to calibration generation {OWN}, the measurements are of {OTHER}" in said


def test_what_could_not_be_compared_is_said(tmp_path):
    found, said = run(tmp_path, OWN, {})
    assert not found.any()
    assert f"generation: not known, so not checked against {OWN} of the set" in said
    found, said = run(tmp_path, "", {}, "--generation", OTHER)
    assert not found.any()
    assert "not checked: the set records none" in said
