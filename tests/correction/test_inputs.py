"""Whatever people and programs write is corrected rightly or refused in a sentence; never a wrong number."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cte_lake.cli.main import app
from cte_lake.correction.coefficient_files import write_coefficients
from cte_lake.errors import CteLakeError, ExitCode
from cte_lake.model.correct import correct
from cte_lake.resources import data_dir
from tests.correction import inputs
from tests.model.sets import make_set

ENTRY = make_set()


@pytest.fixture(scope="module")
def entry_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "set.toml"
    write_coefficients(path, ENTRY)
    return path


def corrected(case, folder, entry_file):
    """Run the command; return the losses, or the refusal's sentence."""
    path, out = folder / case.file, folder / "out.parquet"
    case.write(path)
    arguments = ["correct", str(path), "-c", str(entry_file), "-o", str(out), *case.options]
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, CteLakeError):
        assert result.exception.exit_code == ExitCode.WRONG_USE
        assert not out.exists()
        return str(result.exception)
    if result.exception is not None:
        raise result.exception
    return pq.read_table(out)["cte_loss"].to_numpy()


def expected(out):
    chip = 2 if out == "right on chip 2" else [2, 1]
    y = [1500.0, 1750.0] if out == "right on chip 2" else inputs.Y
    return correct(ENTRY, inputs.FLUX, y, chip, inputs.MJD).cte_loss


@pytest.mark.parametrize("case", inputs.INPUTS, ids=lambda case: f"{case.kind}: {case.what}")
def test_input(case, tmp_path, entry_file):
    found = corrected(case, tmp_path, entry_file)
    if isinstance(found, str):
        assert re.search(case.out, found), found
        assert "\n" not in found
        return
    truth = expected(case.out)
    if case.out == "first missing":
        truth[0] = np.nan
    else:
        assert case.out.startswith("right"), found
    np.testing.assert_allclose(found, truth, rtol=3e-4 if case.out == "right to a day" else 1e-8)


def test_the_page_of_inputs_is_up_to_date():
    assert len(inputs.INPUTS) >= 60
    page = data_dir("sql").parent / "docs" / "inputs.md"
    assert page.read_text(encoding="utf-8") == inputs.page(), "run python tests/correction/inputs.py"
