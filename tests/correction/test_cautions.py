"""A reader of losses is warned of pairs that were measured without cosmic-ray masks."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cte_lake.api import open_lake
from cte_lake.cli.main import app
from cte_lake.correction.cautions import cautions
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from tests.correction.test_generations import stars
from tests.sql.writing import add_pair

WARNING = "1 of 2 pairs measured without cosmic-ray masks: "


@pytest.fixture(scope="module")
def half_masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cautions") / "lake"
    create_lake(stored(root))
    for visit, mjd, masks in (("01", 57000.0, {"crmask_hash": "0123abcd"}), ("02", 57200.0, {})):
        one, two = stars(0.3, int(visit))
        add_pair(root, first=one, second=two, visit=visit, mjd=mjd, **masks)
    return root


def test_pairs_without_masks_are_counted(half_masked):
    with open_lake(half_masked) as lake:
        said = cautions(lake, Selection().of_losses())
        assert len(said) == 1
        assert said[0].startswith(WARNING)
        assert "crmask" in said[0]
        assert cautions(lake, Selection(visit=("01",)).of_losses()) == ()


@pytest.mark.slow
@pytest.mark.parametrize("line", [("measure",), ("consistency",), ("status",)])
def test_commands_say_so(half_masked, line):
    run = CliRunner().invoke(app, [*line, "--lake", str(half_masked)])
    assert run.exit_code == 0, run.output
    assert "without cosmic-ray masks" in run.output
