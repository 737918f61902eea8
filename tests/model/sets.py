"""Coefficient sets for tests."""

from __future__ import annotations

import numpy as np

from cte_lake.model.coefficients import CoefficientSet, Validity
from cte_lake.model.injection import DEFAULT_LAW
from cte_lake.model.terms import Centring, publish, recentre, tensor_terms

LAW = np.array(DEFAULT_LAW).ravel()


def make_set(values=LAW, error=0.002, filetype="flt", background=(0.0, 12.0), name="test"):
    """The default law with a correlated covariance."""
    terms = tensor_terms(2)
    centring = Centring.of([-294.0, 2210.0], [2.4, 4.5], [0.0, 0.0])
    factor = np.random.default_rng(0).normal(size=(9, 9)) * error
    _, covariance = publish(terms, centring, np.zeros(9), factor @ factor.T)
    validity = Validity((250.0, 32000.0), (55106.0, 57610.0), background, 3, filetype)
    return CoefficientSet(name, terms, np.array(values, dtype=float), covariance, validity)


def make_background_set(name="sky"):
    """A law whose loss falls with b = log10(1 + background)."""
    terms = tensor_terms(2, 2, 1)
    values = np.array([*LAW, *(-0.5 * LAW)])
    covariance = np.diag((0.02 * np.abs(values)) ** 2)
    validity = Validity((250.0, 32000.0), (55106.0, 57610.0), (0.0, 24.0), 3, "flt")
    return CoefficientSet(name, terms, values, covariance, validity)


def centred_samples(entry, count, seed=1):
    """Coefficients drawn from a set's covariance, as published values."""
    centring, values, covariance = entry.centred
    drawn = np.random.default_rng(seed).multivariate_normal(values, covariance, count)
    zeros = np.zeros_like(covariance)
    return [publish(entry.terms, centring, row, zeros)[0] for row in drawn]


__all__ = ["LAW", "centred_samples", "make_background_set", "make_set", "recentre"]
