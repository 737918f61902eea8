"""Catalogs, tables and coefficient sets changed at random: read, or refused in words; no nonsense is taken.

`MUTATIONS=1700 pytest -s tests/faults/test_mutations.py` is the campaign.
"""

import os
import random
import re
from dataclasses import replace
from time import process_time

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from cte_lake.correction.coefficient_files import read_coefficients
from cte_lake.correction.correct_files import TableOptions, correct_file
from cte_lake.errors import CteLakeError
from cte_lake.masters.read import read_master
from cte_lake.model.coefficient_text import to_toml
from cte_lake.model.table_constants import TableConstants
from tests.faults.trials import moments
from tests.model.sets import make_set

#: Words of Python, which no user should have to understand.
FOREIGN = re.compile(r"Error\b|Exception|Traceback|NoneType|\.verify|dtype\(")
#: Mutated files of each kind; raise it for a campaign.
MUTATIONS = int(os.environ.get("MUTATIONS", "120"))
SET = make_set()
VALUES = (
    b"", b"nan", b"-inf", b"1e400", b"-1e9", b"1e9", b"0", b"-5", b"1.5", b"T", b"99999999999999999999999",
    b"N/A", b"INDEF", b"\xe9", b"\x00", b'"open', b"2457601.8", b"1858-11-17", b"8587-01-01", b"57601", b"--",
    b"[1, 2]", b"../../x", b"\x1b[31m", b"1,2", b"0x10", b"1_000", b"12:30:00", b"true", b"{}",
)  # fmt: skip


def mutated(raw: bytes, draw: random.Random) -> bytes:
    """Change one to three words, lines or bytes."""
    content = raw
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        words = list(re.finditer(rb"[^\s,=\[\]\"']+", content))
        lines, kind = content.split(b"\n"), draw.random()
        at = draw.randrange(len(lines))
        if kind < 0.6 and words:
            word = draw.choice(words)
            content = content[: word.start()] + draw.choice(VALUES) + content[word.end() :]
        elif kind < 0.75:
            content = b"\n".join(lines[:at] + lines[at + 1 :])
        elif kind < 0.85:
            content = b"\n".join([*lines[:at], lines[at], *lines[at:]])
        elif kind < 0.95:
            place = draw.randrange(len(content))
            content = content[:place] + bytes([draw.randrange(256)]) + content[place + 1 :]
        else:
            content = content[: draw.randrange(len(content))]
    return content


def rows(count=12):
    draw = np.random.default_rng(5)
    return Table(
        {
            "id": np.arange(1, count + 1),
            "x": draw.uniform(0, 4000, count).round(2),
            "y": draw.uniform(0, 2000, count).round(2),
            "ra": draw.uniform(5.5, 5.7, count).round(6),
            "dec": draw.uniform(-72.1, -72.0, count).round(6),
            "flux": draw.uniform(300, 30_000, count).round(1),
            "chip": draw.integers(1, 3, count),
            "mjd": np.full(count, 57601.3),
            "background": np.full(count, 12.0),
        }
    )


def write(path):
    kinds = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".cat": "ascii.no_header"}
    table = rows() if path.suffix != ".cat" else rows()["id", "x", "y", "ra", "dec"]
    if path.suffix in kinds:
        table.write(path, format=kinds[path.suffix])
    else:
        table.write(path)
    return path.read_bytes()


def catalog(path, folder):
    read = read_master(path)
    assert len(set(read.id.tolist())) == len(read) > 0
    assert np.all(np.isfinite(read.ra) & np.isfinite(read.dec))
    assert np.all((read.ra >= 0) & (read.ra < 360) & (np.abs(read.dec) <= 90))


def table(path, folder):
    out = folder / "out.parquet"
    constants = TableConstants(radius=3, filetype="flt")
    correct_file(path, out, SET, constants, options=TableOptions(replace=True))
    found = pq.read_table(out)
    loss, flag = found["cte_loss"].to_numpy(zero_copy_only=False), found["cte_flag"].to_numpy()
    # What has no flag is a loss that this law can give.
    good = flag == 0
    assert np.all(np.isfinite(loss[good]))
    assert np.all((loss[good] >= -0.1) & (loss[good] < 0.9))


def coefficients(path, folder):
    entry = read_coefficients(path)
    assert np.all(np.isfinite(entry.coefficients))
    assert np.all(np.isfinite(entry.covariance))
    assert entry.validity.flux[0] < entry.validity.flux[1]
    assert entry.validity.mjd[0] < entry.validity.mjd[1]


KINDS = {
    "catalog.cat": catalog, "catalog.csv": catalog, "catalog.ecsv": catalog, "catalog.fits": catalog,
    "table.csv": table, "table.ecsv": table, "table.fits": table, "set.toml": coefficients,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600 + 2 * MUTATIONS)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KINDS)
def test_mutated_files_are_read_or_refused_in_words(name, tmp_path):
    draw, taken = moments(name), 0
    path = tmp_path / name
    if path.suffix == ".toml":
        path.write_text(to_toml(replace(SET, selection={"target": "ngc104"})))
        whole = path.read_bytes()
    else:
        whole = write(path)
    KINDS[name](path, tmp_path)
    for number in range(MUTATIONS):
        path.write_bytes(content := mutated(whole, draw))
        began, said = process_time(), ""
        try:
            KINDS[name](path, tmp_path)
            taken += 1
        except CteLakeError as error:
            said = str(error)
        except AssertionError:
            pytest.fail(f"{name} {number}: nonsense was taken: {content[:3000]!r}")
        assert not FOREIGN.search(said), (number, said)
        assert process_time() - began < 20
    print(f"{name}: {MUTATIONS} mutated, {taken} taken, the others refused in words")
