"""`correct - -o -`: a table comes from standard input and goes to standard output in its own format."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table
from typer.testing import CliRunner

from cte_lake.cli.main import app
from cte_lake.correction.coefficient_files import write_coefficients
from cte_lake.errors import CatalogError, LakeError, UsageError
from cte_lake.model.correct import correct
from tests.correction.inputs import CHIP, MJD, PLAIN, Y, stars
from tests.model.sets import make_set


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


def test_several_sets_correct_the_column_of_their_radius(tmp_path):
    for radius in (3, 5):
        entry = make_set(name=f"r{radius}")
        validity = replace(entry.validity, radius=radius)
        write_coefficients(tmp_path / f"r{radius}.toml", replace(entry, validity=validity))
    table, out = tmp_path / "stars.fits", tmp_path / "out.ecsv"
    Table(stars(flux=np.array([[600.0, 700.0], [5000.0, 6000.0]]))).write(table)
    sets = [word for radius in (5, 3) for word in ("-c", str(tmp_path / f"r{radius}.toml"))]
    done = CliRunner().invoke(
        app, ["correct", str(table), *sets, "--radius", "3, 5", "-o", str(out), "--json"]
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["columns"]["flux_r05"] == "flux[1]"
    found = Table.read(out)
    for radius, flux in ((3, [600.0, 5000.0]), (5, [700.0, 6000.0])):
        assert found[f"cte_loss_r0{radius}"].tolist() == pytest.approx(
            correct(make_set(), flux, Y, CHIP, MJD).cte_loss.tolist()
        )
    assert found.meta["cte_lake"]["coefficients"] == "r3, r5"
    assert "coefficients: r5" in done.stderr


@pytest.mark.parametrize("text", ["three", "3,x", ""])
def test_a_radius_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="not a radius in pixels"):
        piped(PLAIN, "-o", "-", "--radius", text)


def test_standard_input_is_called_so_and_a_pipe_is_no_output(tmp_path):
    with pytest.raises(CatalogError, match="table standard input holds no values"):
        piped(b"", "-o", "-")
    os.mkfifo(tmp_path / "out.csv")
    with pytest.raises(LakeError, match="is a named pipe, which is not replaced"):
        piped(PLAIN, "-o", str(tmp_path / "out.csv"), "--overwrite")
    assert (tmp_path / "out.csv").is_fifo()
