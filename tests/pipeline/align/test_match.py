from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.pipeline.align.match import (
    Similarity,
    fit_similarity,
    match_fractions,
    match_nearest,
    on_field,
    refine,
    search_offset,
)

DETECTOR = np.array([4096.0, 4130.0])


def _moved(xy, dx, dy, rotation, scale=1.0):
    angle = np.radians(rotation)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Similarity(matrix, np.array([dx, dy]), DETECTOR / 2)(xy)


def _field(rng, n_stars, n_sources, n_false, noise=0.08):
    stars = rng.uniform(-30, DETECTOR + 30, (n_stars, 2))
    true = stars[rng.choice(n_stars, n_sources, replace=False)]
    false = rng.uniform(0, DETECTOR, (n_false, 2))
    return stars, np.vstack([true + rng.normal(0, noise, true.shape), false])


@pytest.mark.slow
@settings(max_examples=40)
@given(
    shift=st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    rotation=st.floats(-0.1, 0.1),
    false_share=st.floats(0, 0.7),
    seed=st.integers(0, 1000),
)
def test_offset_is_found_among_false_sources(shift, rotation, false_share, seed):
    rng = np.random.default_rng(seed)
    n_sources = 200
    n_false = int(n_sources * false_share / (1 - false_share))
    stars, sources = _field(rng, 20_000, n_sources, n_false)
    displaced = _moved(sources, *shift, rotation)
    offset, votes = search_offset(displaced, stars, 12.0, 0.12)
    offset = refine(displaced, stars, offset, 0.7)
    back = offset(displaced[:n_sources]) - sources[:n_sources]
    assert np.hypot(*back.T).max() < 0.15
    assert votes.max() >= 5


def test_no_pair_within_reach_leaves_the_sources_where_they_are():
    stars = np.array([[0.0, 0.0], [500.0, 0.0]])
    sources = np.array([[100.0, 100.0], [200.0, 210.0], [300.0, 100.0]])
    offset, votes = search_offset(sources, stars, 5.0, 0.1)
    assert votes.sum() == 0
    np.testing.assert_allclose(np.hypot(*(offset(sources) - sources).T), 0, atol=0.5)


@pytest.mark.parametrize("rotation", [-0.05, 0.0, 0.3])
@pytest.mark.parametrize("scale", [0.999, 1.0, 1.0004])
def test_similarity_comes_back_exactly(rotation, scale):
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 4000, (50, 2))
    fitted = fit_similarity(xy, _moved(xy, 1.2, -0.7, rotation, scale), DETECTOR / 2)
    assert fitted.rotation == pytest.approx(rotation, abs=1e-9)
    assert fitted.scale == pytest.approx(scale, rel=1e-12)
    np.testing.assert_allclose(fitted.shift, [1.2, -0.7], atol=1e-8)


def test_only_mutually_nearest_pairs_match():
    stars = np.array([[0.0, 0.0], [10.0, 0.0]])
    sources = np.array([[0.2, 0.0], [0.1, 0.0], [10.6, 0.0], [30.0, 0.0]])
    i, j = match_nearest(sources, stars, 0.5)
    assert (list(i), list(j)) == ([1], [0])
    for empty in ((np.empty((0, 2)), stars), (sources, np.empty((0, 2)))):
        i, j = match_nearest(*empty, 0.5)
        assert len(i) == len(j) == 0


def test_false_matches_are_as_many_as_at_displaced_positions():
    rng = np.random.default_rng(3)
    stars = rng.uniform(0, 1000, (20_000, 2))
    matched, chance = match_fractions(rng.uniform(0, 1000, (500, 2)), stars, 1.0)
    expected = 1 - np.exp(-20_000 * np.pi / 1000**2)
    assert chance == pytest.approx(expected, abs=0.01)
    assert matched == pytest.approx(chance, abs=0.03)


def test_sources_beyond_the_catalog_are_not_expected_to_match():
    rng = np.random.default_rng(4)
    stars = rng.uniform(0, 1000, (2000, 2))
    inside = on_field(np.array([[500.0, 500.0], [2000.0, 500.0]]), stars)
    assert list(inside) == [True, False]
    assert list(on_field(np.array([[1.0, 1.0]]), np.empty((0, 2)))) == [False]
