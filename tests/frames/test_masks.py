import numpy as np
import pytest

from cte_lake.frames.masks import bad_pixel_mask, saturated_pixels


def planes(n=16):
    return np.zeros((2, n), np.int16), np.ones((2, n), np.float32), np.ones((2, n), np.float32)


def test_every_bit_but_32_is_bad():
    dq, err, data = planes()
    dq[0] = (1 << np.arange(16)).astype(np.uint16).view(np.int16)
    bad = bad_pixel_mask(dq, err, data)
    assert np.array_equal(bad[0], np.arange(16) != 5)
    assert not bad[1].any()


def test_32_with_another_bit_is_bad():
    dq, err, data = planes()
    dq[0, :2] = 32 | 256, 32
    assert bad_pixel_mask(dq, err, data)[0, :2].tolist() == [True, False]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_bad(value):
    dq, err, data = planes()
    data[1, 3] = value
    err[0, 2] = value
    assert np.argwhere(bad_pixel_mask(dq, err, data)).tolist() == [[0, 2], [1, 3]]


def test_no_error_no_measurement():
    dq, err, data = planes()
    err[0, :3] = 0.0, -1.0, 1e-3
    assert bad_pixel_mask(dq, err, data)[0, :3].tolist() == [True, True, False]


def test_cosmic_rays_are_bad_and_inputs_stay():
    dq, err, data = planes()
    cosmic = np.zeros(dq.shape, bool)
    cosmic[1, 7] = True
    bad = bad_pixel_mask(dq, err, data, cosmic)
    assert np.argwhere(bad).tolist() == [[1, 7]]
    assert not dq.any()
    assert cosmic.sum() == 1


def test_shapes_must_agree():
    dq, err, data = planes()
    with pytest.raises(ValueError, match="differ in shape"):
        bad_pixel_mask(dq, err, data, np.zeros((3, 16), bool))


def test_saturation():
    dq, _, _ = planes()
    dq[0, :4] = 256, 256 | 32, 2048, 0
    assert saturated_pixels(dq)[0, :4].tolist() == [True, True, False, False]
