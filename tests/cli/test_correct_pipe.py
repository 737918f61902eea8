"""`correct - -o -`: a table comes from standard input and goes to standard output in its own format."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.table import Table
from typer.testing import CliRunner

from cte_lake.cli.main import app
from cte_lake.errors import UsageError
from tests.correction.inputs import PLAIN, stars


def piped(content, *arguments):
    command = ["correct", "-", "-c", "simulated_demo_flt_r3", *arguments]
    done = CliRunner().invoke(app, command, input=content)
    if done.exception is not None:
        raise done.exception
    return done.stdout_bytes


def binary(kind):
    stream = io.BytesIO()
    Table(stars()).write(stream, format=kind)
    return stream.getvalue()


def ecsv():
    stream = io.StringIO()
    Table(stars()).write(stream, format="ascii.ecsv")
    return stream.getvalue().encode()


@pytest.mark.parametrize(
    ("content", "back"),
    [
        (PLAIN, "ascii.csv"),
        (PLAIN.replace(b",", b"\t"), "ascii.tab"),
        (PLAIN.replace(b",", b" "), "ascii.basic"),
        (ecsv(), "ascii.ecsv"),
        (binary("fits"), "fits"),
        (binary("votable"), "votable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_piped_table_comes_back_in_its_own_format(content, back):
    out = piped(content, "-o", "-")
    table = Table.read(
        out.decode().splitlines() if back.startswith("ascii") else io.BytesIO(out), format=back
    )
    assert table.colnames[:5] == ["flux", "y", "chip", "mjd", "cte_loss"]
    loss = np.asarray(table["cte_loss"], dtype=float)
    reference = Table.read(piped(PLAIN, "-o", "-", "--to", "csv").decode().splitlines(), format="ascii.csv")
    np.testing.assert_allclose(loss, reference["cte_loss"], rtol=1e-12)


def test_a_piped_text_without_names_takes_those_given():
    content = PLAIN.partition(b"\n")[2].replace(b",", b" ")
    out = piped(content, "-o", "-", "--names", "flux,y,chip,mjd").decode()
    assert out.startswith("flux y chip mjd cte_loss ")


def test_a_piped_table_goes_to_a_file_or_says_where_to(tmp_path):
    piped(PLAIN, "-o", str(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_text().startswith("flux,y,chip,mjd,cte_loss,")
    with pytest.raises(UsageError, match="needs -o FILE, or -o - for standard output"):
        piped(PLAIN)
