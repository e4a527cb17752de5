"""What compiled code computes with numpy's inner loops are numpy's numbers, bit for bit."""

import numba
import numpy as np
import pytest

from experiments.cell.lean import native

SIZES = (1, 2, 3, 6, 7, 8, 9, 17, 84, 130, 1000)


@numba.njit
def _of_vector(x, sines, cosines):
    native.sin(x, sines)
    native.cos(x, cosines)
    return native.total_of(x), native.norm(x), native.pow_of(x[0], 2.0)


@numba.njit
def _of_single(x):
    squares = native.sum_of_squares(x)
    native.tanh(x)
    return squares


@numba.njit
def _product(x, weight, out):
    native.multiply(x, weight, out)


@pytest.mark.parametrize("size", SIZES)
def test_functions_of_vectors_equal_numpys(size):
    for seed in range(20):
        x = np.random.default_rng(seed).normal(0.0, 10.0, size)
        sines, cosines, single = np.empty(size), np.empty(size), x.astype(np.float32)
        total, norm, square = _of_vector(x, sines, cosines)
        np.testing.assert_array_equal(sines, np.sin(x))
        np.testing.assert_array_equal(cosines, np.cos(x))
        assert (total, norm, square) == (np.sum(x), np.linalg.norm(x), x[0] ** 2)
        tanh, squares = np.tanh(single), np.square(single).sum()
        assert _of_single(single) == squares
        np.testing.assert_array_equal(single, tanh)


@pytest.mark.parametrize("rows", [1, 2, 3, 10, 16, 33])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 64), (17, 64), (64, 6), (64, 1), (376, 64)])
def test_products_equal_numpys(rows, inputs, outputs):
    generator = np.random.default_rng(rows)
    x, weight = (generator.normal(size=shape).astype(np.float32) for shape in ((rows, inputs), (inputs, outputs)))
    out = np.empty((rows, outputs), np.float32)
    _product(x, weight, out)
    np.testing.assert_array_equal(out, x @ weight)


def test_a_numpy_that_lays_out_its_ufuncs_otherwise_is_refused(monkeypatch):
    fields = list(native._UFunc._fields_)
    fields.insert(2, ("new", native.ctypes.c_int))
    other = type("Other", (native.ctypes.Structure,), {"_fields_": fields})
    monkeypatch.setattr(native, "_UFunc", other)
    with pytest.raises(RuntimeError, match="lays its ufuncs out otherwise"):
        native.numpy_loop(np.sin, "d->d")


part = None


def test_functions_with_other_parts_have_other_names_in_the_cache():
    def whole(x):
        return part(x)

    made = [native.specialized(whole, part=part) for part in (np.sin, np.cos)]
    assert made[0](1.0) == np.sin(1.0) and made[1](1.0) == np.cos(1.0)
    assert len({function.__qualname__ for function in made}) == 2
    assert all(function.__qualname__.endswith(native.DIGEST) for function in made)
