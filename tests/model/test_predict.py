import pytest

from cte_lake.errors import UsageError
from cte_lake.model.predict import background_for, doubts, predict, predict_many
from cte_lake.model.readout import lose
from tests.model.sets import make_background_set, make_set


def test_prediction_is_the_loss_of_the_law():
    entry = make_set()
    result = predict(entry, 57000.0, 500.0)
    left = lose(500.0, 2050.0, entry.quadratic(57000.0), entry.log_flux_range)
    assert result.loss == pytest.approx(1 - left / 500.0, rel=1e-10)
    assert result.dmag_err > 0
    assert doubts(result) == []
    assert doubts(predict(entry, 62000.0, 3000.0)) == ["date_after_range"]


def test_losses_grow_with_time_and_distance():
    entry = make_set()
    now, then = (predict(entry, mjd, 500.0).loss for mjd in (56000.0, 57600.0))
    assert then > now > predict(entry, 56000.0, 500.0, distance=500.0).loss > 0
    assert predict(entry, 56000.0, 500.0, distance=0.0).loss == 0


def test_background_that_keeps_the_loss_under_a_limit():
    entry = make_background_set()
    level = background_for(entry, 57000.0, 500.0, 0.08)
    assert predict(entry, 57000.0, 500.0, level).loss == pytest.approx(0.08, abs=1e-6)
    assert predict(entry, 57000.0, 500.0, level - 1.0).loss > 0.08
    assert background_for(entry, 57000.0, 500.0, 0.9) == 0.0
    assert background_for(entry, 57000.0, 500.0, 0.001) is None


def test_combinations_come_dates_slowest():
    rows = predict_many(make_background_set(), [56000.0, 57000.0], [500.0], [0.0, 9.0])
    assert [(row.mjd, row.background) for row in rows] == [
        (56000.0, 0.0), (56000.0, 9.0), (57000.0, 0.0), (57000.0, 9.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flux": 0.0}, "positive number"),
        ({"flux": 500.0, "distance": 3000.0}, "between 0 and 2050"),
        ({"flux": 500.0, "background": -3.0}, "background -3 is not a number of electrons per pixel"),
        ({"flux": 500.0, "background": float("inf")}, "background inf is not a number"),
    ],
)
def test_questions_that_make_no_sense(arguments, message):
    with pytest.raises(UsageError, match=message):
        predict(make_set(), 57000.0, **arguments)


def test_background_must_be_known_where_it_matters():
    with pytest.raises(UsageError, match="depends on the background"):
        predict(make_background_set(), 57000.0, 500.0)
    with pytest.raises(UsageError, match="--background"):
        background_for(make_set(), 57000.0, 500.0, 0.1)
