"""Sets tried on stars of laws that no form is."""

import numpy as np
import pytest

from cte_lake.model.law_trial import FLUXES, run_trial
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake


@pytest.mark.slow
@pytest.mark.parametrize("name", ["over-corrected", "anneal"])
def test_errors_are_what_corrections_are_off_by(name):
    trials = [run_trial(SlopeLake(LAWS[name], epochs=20), seed) for seed in (5, 6)]
    pull = np.sqrt(np.mean([trial.pull**2 for trial in trials], axis=0))
    assert pull.shape == (len(FLUXES),)
    assert np.all((pull > 0.5) & (pull < 1.6))
    assert all(trial.worst.max() < 0.02 and trial.unflagged.mean() > 0.9 for trial in trials)


@pytest.mark.slow
def test_forecasts_of_three_years_widen_enough():
    pulls = [
        np.mean(run_trial(SlopeLake(LAWS[name]), seed, 3.0).pull ** 2)
        for name in ("power", "saturating", "two-species", "solar-cycle")
        for seed in range(2)
    ]
    assert 0.5 < np.sqrt(np.mean(pulls)) < 1.5
