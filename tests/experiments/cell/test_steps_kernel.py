import numpy as np

from experiments.cell import steps_kernel as kernel


def test_the_rational_tanh_is_tanh_to_rounding_and_passes_nan_on():
    x = np.linspace(-12, 12, 100_001, dtype=np.float32)[:, None]
    found = x.copy()
    kernel._tanh(found, np.zeros(1, np.float32))
    assert np.abs(found - np.tanh(x.astype(np.float64))).max() < 3e-7
    for special, expected in ((np.nan, np.nan), (np.inf, 1.0), (-np.inf, -1.0)):
        many = np.full((16, 16), special, np.float32)  # as many as are computed together, and more
        kernel._tanh(many, np.zeros(16, np.float32))
        np.testing.assert_allclose(many, expected, atol=3e-7)


def test_squares_of_large_numbers_are_finite_and_one_nan_among_many_is_seen():
    vector = np.full(1000, 1e30, np.float32)
    np.testing.assert_allclose(kernel._squares(vector), 1e63, rtol=1e-6)
    vector[537] = np.nan
    assert np.isnan(kernel._squares(vector))
