"""The forty lines of docs/model.md read a set as cte-lake does."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from cte_lake.model.coefficient_text import to_toml
from cte_lake.model.correct import correct
from tests.model.sets import make_background_set
from tests.model.test_surface import make_surface, with_course, with_jumps

PAGE = Path(__file__).parents[2] / "docs" / "model.md"


def reader() -> dict:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line for line in block.splitlines() if line.strip()]
    assert len(lines) <= 40
    names: dict = {}
    exec(block, names)  # the page's own code is what is tested
    return names


@pytest.mark.parametrize(
    ("kind", "jumps", "apart"), [(None, (), False), ("ngc6791", (-0.1, 0.05), True), (None, (), True)]
)
def test_forty_lines_are_enough(tmp_path, kind, jumps, apart):
    kinds = {} if kind is None else {"ngc104": (-0.03, 0.004), kind: (0.05, 0.006)}
    table = dataclasses.replace(with_jumps(make_surface(), *jumps), kinds=kinds)
    entry = dataclasses.replace(make_background_set(), surface=with_course(table) if apart else table)
    path = tmp_path / "set.toml"
    path.write_text(to_toml(entry), encoding="utf-8")
    read = reader()
    surface = read["read"](path)
    rng = np.random.default_rng(2)
    for number in range(6):
        flux, y, chip = 10 ** rng.uniform(2.6, 4.3), rng.uniform(100.0, 1950.0), int(rng.integers(1, 3))
        dates = (57000.0, 57600.0) if number > 3 else (55100.0, 60500.0)
        mjd, sky = rng.uniform(*dates), rng.uniform(0.0, 30.0)
        ours = correct(entry if kind is None else entry.of_kind(kind), flux, y, chip, mjd, sky)
        rows = y if chip == 2 else 2050.0 - y
        assert read["corrected"](surface, flux, rows, mjd, sky, chip, kind) == pytest.approx(
            float(ours.corrected_flux), rel=1e-5
        )
        middle = np.sqrt(flux * float(ours.corrected_flux))
        error = read["loss_error"](surface, mjd, middle, sky, chip, kind)
        assert float(ours.cte_dmag_err) == pytest.approx(1.0857 * rows / 2048.0 * error, rel=0.25)
