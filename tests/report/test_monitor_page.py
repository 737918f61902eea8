"""What page and status say of a monitor with a lost partner, a visit that never came and a recalibration."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.monitor_lake import Monitor
from benchmarks.simulated_photometry import fill_lake
from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.report import morning
from cte_lake.report.coverage import coverage_gaps
from cte_lake.report.gather import bookkeeping
from cte_lake.report.provenance import provenance
from cte_lake.report.publish import MARK
from cte_lake.report.site import render
from cte_lake.report.status import lake_status, news, state

pytestmark = pytest.mark.slow

#: Visits of 2009, 2011, 2013, 2017 and 2019, that of 2015 never came; that of 2017 lost an exposure.
MONITOR = Monitor(
    stop=59000.0, cadence=2 * 365.25, change=58000.0, stars=60, flashes={"ngc104": (0,)},
    never_came=(("ngc104", 3),), missing=(("ngc104", 4, 0),),
)  # fmt: skip
NEVER_CAME = "after 2013-10-01 the next was expected about 2015-10-01 (every 730 days)"
LOST = "NGC 104 14541/05 id5505aaq, FLT and FLC: no exposure on chip 1 of visit 05 of proposal 14541"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, report: Path) -> dict[bool, dict[str, Any]]:
    """Pages and status of the monitor as observed (False) and after the recalibration of all (True)."""
    root = tmp_path_factory.mktemp("monitor") / "lake"
    create_lake(stored(root))
    settings = load_settings(root, environment={})
    last, found = None, {}
    for again in (False, True):
        catalog = None if again else MONITOR.star_field("ngc104")
        fill_lake(stored(root), MONITOR.images("ngc104", again), catalog)
        with open_lake(root) as lake:
            rows, coverage = bookkeeping(lake), coverage_gaps(lake)
            images = {row["imagename"]: row["phot_key"] for row in rows["exposures"]}
            # Charts and figures of another lake stand round what is looked at here.
            content = json.loads((report / MARK).read_text()) | {
                "state": state(**rows),
                "coverage": coverage,
                "lines": [morning.coverage_line(coverage)],
                **provenance(rows["exposures"], settings),
            }
            found[again] = {
                "pages": {name: words(text) for name, text in render(content, [])},
                "status": lake_status(lake, "standard"),
                "news": news(images, last),
                "generations": {row["generation"] for row in rows["pairs"]},
            }
        last = {"images": images, "made": "2026-05-01T08:00:00+00:00"}
    return found


def words(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


@pytest.mark.parametrize("again", [False, True])
def test_the_page_names_what_is_missing(seen, again):
    page = seen[again]["pages"]["index.html"]
    # How many epochs are overdue since is a matter of today's date.
    assert "1 epoch never came, " in page
    assert "1 incomplete visit, " in page
    assert f"1 epoch never came; {NEVER_CAME}" in page
    assert "Incomplete visits (1) NGC 104 14541/05: F502N l flash 0: FLT of chip 1, FLC of chip 1" in page
    assert f"Exposures without a partner (1) {LOST}" in page
    assert "18 images, 8 pairs , 1,080 star measurements" in page


@pytest.mark.parametrize("again", [False, True])
def test_status_says_the_same(seen, again):
    status = seen[again]["status"]
    assert status["coverage"]["unpaired"] == {"partner_missing": 2}
    assert sum(NEVER_CAME in line for line in status["coverage"]["overdue"]) == 1
    assert [line.startswith(LOST) for line in status["coverage"]["alone"]] == [True]
    assert (status["state"]["images"], status["state"]["pairs"], status["state"]["rejected"]) == (18, 8, 0)
    assert [(row["epochs"], row["first"], row["last"]) for row in status["targets"]] == [
        (5, "2009-10-01", "2019-10-01")
    ]


def test_the_page_tells_the_generations_and_how_many_images_are_of_each(seen):
    first, then = (seen[again]["pages"]["provenance.html"] for again in (False, True))
    assert "flc cte1_zcv2057mi 3.5.2 (May-26-2020) iref$zcv2057mi_cte.fits pixelCTE 1.2" in first
    assert "flc cte2_54l1347ei 3.7.1 (Oct-18-2023) iref$54l1347ei_cte.fits pixelCTE 2.0" in first
    assert "flc cte3_54l1347ei_serial 3.8.0 (Sep-15-2026)" in then
    assert "cte1_zcv2057mi" not in then
    assert "cte2" not in then
    assert seen[False]["generations"] == {"flt", "cte1_zcv2057mi", "cte2_54l1347ei"}
    assert seen[True]["generations"] == {"flt", "cte3_54l1347ei_serial"}


def test_a_recalibration_of_all_is_news_of_every_image(seen):
    told = seen[True]["news"]
    assert (len(told["changed"]), told["new"], told["gone"]) == (18, [], [])
