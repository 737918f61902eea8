from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.errors import CatalogError
from cte_lake.masters.merge import merge
from cte_lake.masters.table import MasterTable

MAS = 1 / 3.6e6


def _catalog(ids, ra, dec, flux=None):
    nothing = np.full(len(ids), np.nan)
    extra = {} if flux is None else {"flux": np.asarray(flux, float)}
    return MasterTable(
        np.asarray(ids), nothing, nothing, np.asarray(ra, float), np.asarray(dec, float), extra
    )


def _field(n, seed=1):
    # A grid with jitter: no two stars closer than half a second of arc.
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[:n] * 1.5
    arcsec = grid + rng.uniform(-0.5, 0.5, (n, 2))
    dec = -72.07 + arcsec[:, 1] / 3600
    return 5.65 + arcsec[:, 0] / 3600 / np.cos(np.radians(dec)), dec


@settings(max_examples=30)
@given(
    shift=st.tuples(st.floats(-25, 25), st.floats(-25, 25)),
    share_common=st.floats(0.2, 1.0),
    seed=st.integers(0, 99),
)
def test_stars_keep_their_numbers_and_positions(shift, share_common, seed):
    rng = np.random.default_rng(seed)
    ra, dec = _field(400, seed)
    ids = rng.permutation(np.arange(10, 410))
    n_common = int(200 * share_common)
    older = _catalog(ids[:200], ra[:200], dec[:200], np.arange(200.0))
    rows = rng.permutation(np.r_[np.arange(n_common), np.arange(200, 400)])
    east = (shift[0] + rng.normal(0, 2, len(rows))) * MAS / np.cos(np.radians(dec[rows]))
    north = (shift[1] + rng.normal(0, 2, len(rows))) * MAS
    newer = _catalog(np.arange(len(rows)), ra[rows] + east, dec[rows] + north, np.full(len(rows), 7.0))
    merged = merge(older, newer, 0.06)
    table = merged.table
    np.testing.assert_array_equal(table.id[:200], older.id)
    np.testing.assert_array_equal(table.ra[:200], older.ra)
    np.testing.assert_array_equal(table.extra["flux"][:200], older.extra["flux"])
    assert (merged.n_common, int(merged.added.sum())) == (n_common, 200)
    assert len(set(table.id.tolist())) == 400
    assert table.id[200:].min() > older.id.max()
    # With few common stars on one side of the field, the rotation takes its share of the shift.
    assert merged.shift == pytest.approx(shift, abs=20 / np.sqrt(n_common))
    true = ra[rows], dec[rows]
    np.testing.assert_allclose(table.dec[merged.partner], true[1], atol=12 * MAS)
    np.testing.assert_allclose(table.ra[merged.partner], true[0], atol=40 * MAS)


def test_merging_the_same_catalog_changes_nothing():
    ra, dec = _field(50)
    catalog = _catalog(np.arange(1, 51), ra, dec)
    merged = merge(catalog, catalog, 0.06)
    assert not merged.added.any()
    np.testing.assert_array_equal(merged.table.ra, catalog.ra)


def test_three_catalogs_in_turn_keep_all_numbers():
    ra, dec = _field(90)
    first = _catalog([5, 3, 9], ra[:3], dec[:3])
    second = merge(first, _catalog(np.arange(30), ra[:30], dec[:30]), 0.06).table
    third = merge(second, _catalog(np.arange(88), ra[2:], dec[2:]), 0.06).table
    assert list(third.id[:3]) == [5, 3, 9]
    assert len(third) == 90
    np.testing.assert_array_equal(third.id[:30], second.id)


def test_field_across_zero_hours():
    ra, dec = _field(40)
    ra = (ra - ra.mean()) % 360
    merged = merge(_catalog(np.arange(20), ra[:20], dec[:20]), _catalog(np.arange(40), ra, dec), 0.06)
    assert merged.n_common == 20
    assert ((merged.table.ra >= 0) & (merged.table.ra < 360)).all()


def test_two_stars_close_to_one_are_not_both_it():
    older = _catalog([1], [10.0], [0.0])
    newer = _catalog([1, 2], [10.0, 10.0 + 20 * MAS], [0.0, 0.0])
    merged = merge(older, newer, 0.06)
    assert (merged.n_common, len(merged.table)) == (1, 2)


def test_another_field_is_refused():
    ra, dec = _field(20)
    with pytest.raises(CatalogError, match="of one field"):
        merge(_catalog(np.arange(20), ra, dec), _catalog(np.arange(20), ra + 1, dec), 0.06)


@pytest.mark.parametrize("degrees", [-0.05, 0.02, 0.05])
def test_a_turned_catalog_is_turned_back(degrees):
    rng = np.random.default_rng(4)
    ra, dec = _field(8000)
    older = _catalog(np.arange(8000), ra, dec)
    rows = np.r_[0:7000]
    scale = np.cos(np.radians(dec.mean()))
    xy = np.column_stack([(ra - ra.mean()) * scale, dec - dec.mean()])[rows]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    # From north to east: what lies in the north is moved to the east.
    turned = xy @ np.array([[c, -s], [s, c]]) + rng.normal(0, 2 * MAS, xy.shape) + [20 * MAS, -10 * MAS]
    newer = _catalog(rows, ra.mean() + turned[:, 0] / scale, dec.mean() + turned[:, 1])
    assert np.hypot(*(turned - xy).T).max() > (0.06 / 3600 if abs(degrees) > 0.04 else 0)
    merged = merge(older, newer, 0.06)
    assert (merged.n_common, int(merged.added.sum())) == (7000, 0)
    assert merged.rotation == pytest.approx(degrees, abs=2e-4)
