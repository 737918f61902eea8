"""How tests are given to workers: what shares a dear fixture together, what takes longest first."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from xdist.remote import Producer

from tests.distribution import FIRST, TOGETHER, ByFixtures, group, rank

ROOT = Path(__file__).resolve().parents[1]


def test_a_file_or_a_room_that_shares_a_lake_is_one_group():
    assert group("tests/cli/test_plot.py::test_a[x::y]") == group("tests/cli/test_plot.py::test_b")
    assert group("tests/cli/test_plot.py::test_a") != group("tests/cli/test_query.py::test_a")
    assert group("tests/report/test_site.py::test_a") == group("tests/report/test_morning.py::test_b")


@pytest.mark.parametrize("start", [*TOGETHER, *FIRST])
def test_what_is_named_is_there(start):
    assert (ROOT / start).exists()


def test_what_takes_longest_comes_first_and_the_rest_as_collected(request):
    names = ["tests/cli/test_plot.py::test_a", "tests/test_api.py::b", f"{FIRST[1]}::c", f"{FIRST[0]}::d"]
    ordered = sorted((SimpleNamespace(nodeid=name) for name in names), key=rank)
    assert [item.nodeid for item in ordered] == [names[3], names[2], names[0], names[1]]
    items = request.session.items
    assert [*map(rank, items)] == sorted(map(rank, items))


@pytest.mark.parametrize("dist", ["load", "loadfile", "each"])
def test_the_scheduler_keeps_groups_in_the_order_of_collection(pytestconfig, monkeypatch, dist):
    from tests.conftest import pytest_xdist_make_scheduler

    monkeypatch.setattr(pytestconfig.option, "dist", dist)
    monkeypatch.setattr(pytestconfig.option, "tx", ["2*popen"])
    monkeypatch.setattr(pytestconfig.option, "loadscopereorder", True)
    scheduler = pytest_xdist_make_scheduler(pytestconfig, Producer("test", enabled=False))
    assert isinstance(scheduler, ByFixtures) == (dist != "each")
    if scheduler is not None:
        assert scheduler._split_scope("tests/report/test_site.py::test_a") == "tests/report/"
        assert not pytestconfig.option.loadscopereorder
