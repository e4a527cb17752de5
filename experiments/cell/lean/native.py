"""Calls of compiled code that other libraries bring, from compiled code of ours.

A symbol is an address under a name, so that machine code in numba's cache finds it in every process. The inner loops
are those that numpy itself would run, and so give numpy's numbers, to the last bit and on every processor.
"""

import ctypes
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

SOURCES = sorted(Path(__file__).parent.glob("*.py"))
DIGEST = hashlib.sha256(b"".join(file.read_bytes() for file in SOURCES)).hexdigest()[:10]
POINTER = ir.IntType(8).as_pointer()
INTEGER = ir.IntType(64)


def intrinsic(function: Callable[..., Any]) -> Any:
    """numba's decorator for functions that generate the code of a call."""
    return extending.intrinsic(function)


class _UFunc(ctypes.Structure):
    """The public beginning of numpy's PyUFuncObject."""

    _fields_ = (
        ("references", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.POINTER(ctypes.c_char)),
    )


def define(name: str, address: int) -> str:
    """Make an address known to compiled code; its full name."""
    full = f"policy_ascent_{name}"
    llvm.add_symbol(full, address)
    return full


def function_at(library: ctypes.CDLL, name: str) -> int:
    """The address of a library's function."""
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None
    return address


def external(name: str, address: int, signature: Any) -> Any:
    """A function at an address, to be called by compiled code."""
    return types.ExternalFunction(define(name, address), signature)


def numpy_loop(ufunc: np.ufunc, kind: str) -> tuple[int, int]:
    """The address of a ufunc's inner loop for these types, such as "d->d", and that of the loop's own data.

    Raises RuntimeError if this numpy's ufuncs are laid out otherwise.
    """
    found = _UFunc.from_address(id(ufunc))
    sizes = (found.nin, found.nout, found.nargs, found.ntypes, found.name)
    if sizes != (ufunc.nin, ufunc.nout, ufunc.nargs, len(ufunc.types), ufunc.__name__.encode()):
        raise RuntimeError(f"numpy {np.__version__} lays its ufuncs out otherwise than expected")
    which = ufunc.types.index(kind)
    numbers = [np.dtype(letter).num for letter in kind.replace("->", "")]
    if [ord(found.types[which * found.nargs + i]) for i in range(found.nargs)] != numbers:
        raise RuntimeError(f"numpy {np.__version__} orders the loops of {ufunc.__name__} otherwise than expected")
    address = found.functions[which]
    if not address:
        raise RuntimeError(f"numpy {np.__version__} has no loop {kind} of {ufunc.__name__}")
    return address, found.data[which] or address  # a loop without data looks at none


def _loop(ufunc: np.ufunc, kind: str) -> Any:
    """An intrinsic (pointers, sizes, strides: tuples of int64) that runs one inner loop of numpy's."""
    name = f"{ufunc.__name__}_{kind.replace('->', '_')}"
    address, data = (
        define(f"{name}{what}", value) for what, value in zip(("", "_data"), numpy_loop(ufunc, kind), strict=True)
    )

    @intrinsic
    def run(context: Any, pointers: Any, sizes: Any, strides: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            given = []
            for values in args:
                packed = cgutils.pack_array(builder, cgutils.unpack_tuple(builder, values))
                given.append(builder.bitcast(cgutils.alloca_once_value(builder, packed), POINTER))
            kind = ir.FunctionType(ir.VoidType(), [POINTER] * 4)
            function = cgutils.get_or_insert_function(builder.module, kind, address)
            builder.call(function, [*given, symbol(builder, data)])
            return context.get_dummy_value()

        return types.void(pointers, sizes, strides), generate

    return run


def symbol(builder: Any, name: str) -> Any:
    """The address that a name stands for, in generated code."""
    module = builder.module
    found = module.globals.get(name) or ir.GlobalVariable(module, ir.IntType(8), name)
    return builder.bitcast(found, POINTER)


@intrinsic
def doubles_at(context: Any, address: Any) -> Any:
    """A pointer to float64, from its address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.float64)(types.intp), generate


inline = numba.njit(error_model="numpy", inline="never")
LIBM = ctypes.CDLL("libm.so.6")
# under a name of our own, since the compiler would make x * x of pow(x, 2), which rounds otherwise
pow_of = external("pow", function_at(LIBM, "pow"), types.float64(types.float64, types.float64))
fmod_of = external("fmod", function_at(LIBM, "fmod"), types.float64(types.float64, types.float64))
powf_of = external("powf", function_at(LIBM, "powf"), types.float32(types.float32, types.float32))
_sin, _cos, _tanh = _loop(np.sin, "d->d"), _loop(np.cos, "d->d"), _loop(np.tanh, "f->f")
_add32, _add64 = _loop(np.add, "ff->f"), _loop(np.add, "dd->d")
_matmul32, _matmul64 = _loop(np.matmul, "ff->f"), _loop(np.matmul, "dd->d")


@inline
def sin(angles: Any, sines: Any) -> None:
    """np.sin of contiguous float64 [n] into another."""
    _sin((angles.ctypes.data, sines.ctypes.data), (angles.size,), (8, 8))


@inline
def cos(angles: Any, cosines: Any) -> None:
    """np.cos of contiguous float64 [n] into another."""
    _cos((angles.ctypes.data, cosines.ctypes.data), (angles.size,), (8, 8))


@inline
def tanh(x: Any) -> None:
    """np.tanh of contiguous float32, in place."""
    _tanh((x.ctypes.data, x.ctypes.data), (x.size,), (4, 4))


@inline
def sum_of_squares(x: Any) -> Any:
    """np.square(x).sum() of float32 [n], in float32."""
    squares, total = x * x, np.zeros(1, np.float32)
    at = total.ctypes.data
    _add32((at, squares.ctypes.data, at), (x.size,), (0, 4, 0))
    return total[0]


@inline
def total_of(x: Any) -> float:
    """np.sum of contiguous float64 of any shape."""
    total = np.zeros(1)
    at = total.ctypes.data
    _add64((at, x.ctypes.data, at), (x.size,), (0, 8, 0))
    return total[0]


@inline
def norm(x: Any) -> float:
    """np.linalg.norm of contiguous float64 [n]."""
    square, n = np.empty(1), x.size
    at = x.ctypes.data
    _matmul64((at, at, square.ctypes.data), (1, 1, n, 1), (0, 0, 0, 8 * n, 8, 8, 8, 8, 8))
    return np.sqrt(square[0])


@inline
def multiply(x: Any, weight: Any, product: Any) -> None:
    """x [m, k] @ weight [k, n] into product [m, n], all contiguous float32."""
    (m, k), n = x.shape, weight.shape[1]
    pointers = (x.ctypes.data, weight.ctypes.data, product.ctypes.data)
    _matmul32(pointers, (1, m, k, n), (0, 0, 0, 4 * k, 4, 4 * n, 4, 4 * n, 4))


def specialized(function: Any, **parts: Any) -> Callable[..., Any]:
    """The function with these globals in place of its module's, under a name of its own in numba's cache.

    The name holds the digest of this package's sources, since numba looks at the changes of one file alone.
    """
    made = FunctionType(function.__code__, {**function.__globals__, **parts}, function.__name__)
    names = [getattr(part, "__name__", "") for part in parts.values()]
    made.__qualname__ = "_".join([function.__name__.strip("_"), *names, DIGEST])
    made.__module__ = function.__module__
    return made
