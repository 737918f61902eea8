"""Columns of tables as plain arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cte_lake.model.tables import column


@pytest.mark.parametrize("chunks", [[[0, 1]], [[0], [1, 2]], [[2, 2]], [[0, 1, 2], []], []], ids=str)
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.float64(), [-0.0, np.inf, None]),
        (pa.float32(), [1.5, np.nan, None]),
        (pa.int64(), [2**53 + 1, -5, None]),
        (pa.int32(), [1, -7, None]),
        (pa.uint8(), [0, 255, None]),
        (pa.timestamp("us"), [0, 1, None]),
    ],
    ids=str,
)
def test_arrow_columns_are_what_to_numpy_returns(kind, values, chunks):
    found = pa.chunked_array([pa.array([values[i] for i in chunk], kind) for chunk in chunks], kind)
    for cut in (found, found.slice(1)):
        ours, theirs = column(pa.table({"x": cut}), "x"), cut.to_numpy(zero_copy_only=False)
        np.testing.assert_array_equal(ours, theirs, strict=True)
        np.testing.assert_array_equal(np.signbit(ours.astype(float)), np.signbit(theirs.astype(float)))


def test_texts_and_truths_of_arrow():
    table = pa.table({"s": ["a", None, "é"], "b": [True, False, True], "n": [True, None, False]})
    assert column(table, "s").tolist() == ["a", "", "é"]
    np.testing.assert_array_equal(column(table, "b"), np.array([True, False, True]), strict=True)
    np.testing.assert_array_equal(column(table, "n"), [1.0, np.nan, 0.0])
