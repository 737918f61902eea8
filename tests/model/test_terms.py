import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.model.terms import (
    Centring,
    background_variable,
    design_matrix,
    publish,
    recentre,
    tensor_terms,
    term_name,
)


def test_order_is_that_of_the_2017_files():
    names = [term_name(term, False) for term in tensor_terms(2)]
    assert names == ["c00", "c01", "c02", "c10", "c11", "c12", "c20", "c21", "c22"]
    assert term_name((1, 2, 1), True) == "c121"


@given(st.integers(0, 2**32 - 1), st.integers(1, 2), st.integers(0, 2))
@settings(max_examples=25)
def test_published_form_gives_the_same_surface(seed, time_degree, background_degree):
    rng = np.random.default_rng(seed)
    terms = tensor_terms(time_degree, 2, background_degree)
    centring = Centring.of([-294.0, 2210.0], [2.4, 4.5], [0.0, 1.4])
    values, size = rng.normal(size=len(terms)), len(terms)
    factor = rng.normal(size=(size, size))
    raw, covariance = publish(terms, centring, values, factor @ factor.T)
    d, f, b = rng.uniform(-294, 2210, 20), rng.uniform(2.4, 4.5, 20), rng.uniform(0, 1.4, 20)
    centred = design_matrix(terms, centring, d, np.stack([f, f * f]), b) @ values
    plain = sum(c * d**i * f**j * b**k for c, (i, j, k) in zip(raw, terms, strict=True))
    np.testing.assert_allclose(plain, centred, rtol=1e-9, atol=1e-9)
    back, back_covariance = recentre(terms, centring, raw, covariance)
    np.testing.assert_allclose(back, values, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(back_covariance, factor @ factor.T, rtol=1e-4, atol=1e-5)


def test_covariance_is_transformed_exactly():
    terms = tensor_terms(2)
    centring = Centring.of([-300.0, 2200.0], [2.5, 4.5], [0.0, 0.0])
    rng = np.random.default_rng(4)
    factor = rng.normal(size=(9, 9)) * 1e-3
    raw, covariance = publish(terms, centring, rng.normal(size=9), factor @ factor.T)
    sample = rng.multivariate_normal(np.zeros(9), factor @ factor.T, 20000)
    scatter = np.array([publish(terms, centring, row, np.zeros((9, 9)))[0] for row in sample[:200]])
    np.testing.assert_allclose(scatter.std(axis=0), np.sqrt(np.diag(covariance)), rtol=0.2)
    assert np.all(covariance == covariance.T)
    assert raw.shape == (9,)


def test_design_averages_over_the_stars_of_a_bin():
    terms = tensor_terms(1)
    centring = Centring.of([0.0, 100.0], [2.0, 4.0], [0.0, 0.0])
    stars = np.array([2.3, 2.7, 3.1])
    each = design_matrix(terms, centring, np.full(3, 40.0), np.stack([stars, stars**2]), np.zeros(3))
    binned = design_matrix(terms, centring, [40.0], [[stars.mean()], [(stars**2).mean()]], [0.0])
    np.testing.assert_allclose(binned[0], each.mean(axis=0), rtol=1e-12, atol=1e-14)


def test_background_variable():
    assert background_variable([0.0, 9.0]) == pytest.approx([0.0, 1.0])
    assert np.isnan(background_variable(-1.0))
