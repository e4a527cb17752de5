"""MuJoCo's step for compiled code, and what its errors become there.

An error of the simulator would end the process. Here it unwinds to the call, as MuJoCo's own Python bindings do it.
"""

import ctypes
import threading
from pathlib import Path
from typing import Any, NamedTuple

import mujoco
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numpy.typing import NDArray

from experiments.cell.lean.native import (
    INTEGER,
    POINTER,
    define,
    doubles_at,
    external,
    function_at,
    inline,
    intrinsic,
    symbol,
)

# MuJoCo prints its warnings and writes MUJOCO_LOG.TXT into the current folder; what matters of them shows in the rows.
mujoco.set_mju_user_warning(lambda message: None)

LIBRARY = ctypes.CDLL(str(next(Path(mujoco.__file__).parent.glob("libmujoco.so*"))))
TEXT = 1024  # bytes of an error's text
FAILURE = np.zeros(1024 + TEXT, np.uint8)  # where to unwind to (jmp_buf takes 200 to 400 bytes), then the text
ONE_AT_A_TIME = threading.Lock()  # who holds it may simulate: there is one place to unwind to
MJ_STEP = define("mj_step", function_at(LIBRARY, "mj_step"))
_failure = define("failure", FAILURE.ctypes.data)
_post_constraint = external(
    "mj_rnePostConstraint", function_at(LIBRARY, "mj_rnePostConstraint"), types.void(types.intp, types.intp)
)

# of MjData, all float64, with their sizes [rows of ..., columns]
FIELDS = {
    "qpos": ("nq", 1), "qvel": ("nv", 1), "ctrl": ("nu", 1), "xpos": ("nbody", 3), "xipos": ("nbody", 3),
    "site_xpos": ("nsite", 3), "cinert": ("nbody", 10), "cvel": ("nbody", 6), "qfrc_actuator": ("nv", 1),
    "qfrc_constraint": ("nv", 1), "cfrc_ext": ("nbody", 6),
}  # fmt: skip


carray: Any = numba.carray  # type: ignore[attr-defined]


class SimulatorError(Exception):
    """MuJoCo called an error; `error_text` says which."""


class Worlds(NamedTuple):
    """Copies of one simulation."""

    model: int  # address
    frame_skip: int
    sizes: tuple[int, int, int, int, int]  # nq, nv, nu, nbody, nsite
    addresses: NDArray[np.int64]  # [N, 1 + fields] of MjData and its arrays


class World(NamedTuple):
    """One simulation: arrays that MuJoCo reads and writes."""

    model: int
    data: int
    frame_skip: int
    qpos: Any  # [nq]
    qvel: Any  # [nv]
    ctrl: Any  # [nu]
    xpos: Any  # [nbody, 3]
    xipos: Any  # [nbody, 3]
    site_xpos: Any  # [nsite, 3]
    cinert: Any  # [nbody, 10]
    cvel: Any  # [nbody, 6]
    qfrc_actuator: Any  # [nv]
    qfrc_constraint: Any  # [nv]
    cfrc_ext: Any  # [nbody, 6]


def worlds_of(model: Any, copies: list[Any], frame_skip: int) -> Worlds:
    """The simulations of these MjData, with one model for all, which stays in the processor's cache.

    Whoever uses it keeps model and copies alive. Raises RuntimeError if MuJoCo lays its data out otherwise.
    """
    sizes = tuple(getattr(model, size) for size in ("nq", "nv", "nu", "nbody", "nsite"))
    addresses = np.empty((len(copies), 1 + len(FIELDS)), np.int64)
    for row, data in zip(addresses, copies, strict=True):
        row[0] = data._address
        for column, (name, (size, width)) in enumerate(FIELDS.items(), 1):
            array = getattr(data, name)
            if array.dtype != np.float64 or array.size != getattr(model, size) * width or not array.flags.c_contiguous:
                raise RuntimeError(f"MuJoCo {mujoco.__version__}: {name} is {array.dtype} {array.shape}")
            row[column] = array.ctypes.data
    return Worlds(model._address, frame_skip, sizes, addresses)


def error_text() -> str:
    """What MuJoCo said when SimulatorError was last raised."""
    return bytes(FAILURE[-TEXT:]).split(b"\0")[0].decode(errors="replace")


@intrinsic
def _step(context: Any, model: Any, data: Any, times: Any) -> Any:
    """Call mj_step so many times; True if it called an error."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = ir.IntType(32)
        setjmp = cgutils.get_or_insert_function(builder.module, ir.FunctionType(integer, [POINTER]), "_setjmp")
        setjmp.attributes.add("returns_twice")
        mj_step = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [INTEGER, INTEGER]), MJ_STEP
        )
        failed = builder.icmp_signed("!=", builder.call(setjmp, [symbol(builder, _failure)]), integer(0))
        with builder.if_then(builder.not_(failed)), cgutils.for_range(builder, args[2]):
            builder.call(mj_step, args[:2])
        return failed

    return types.boolean(types.intp, types.intp, types.intp), generate


@intrinsic
def _unwind(context: Any, text: Any) -> Any:
    """Keep the text of an error and go back to where the step was called."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        failure, size = symbol(builder, _failure), ir.Constant(INTEGER, TEXT - 1)
        copy = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(POINTER, [POINTER, INTEGER, INTEGER]), "strncpy"
        )
        builder.call(copy, [builder.gep(failure, [ir.Constant(INTEGER, len(FAILURE) - TEXT)]), args[0], size])
        kind = ir.FunctionType(ir.VoidType(), [POINTER, ir.IntType(32)])
        longjmp = cgutils.get_or_insert_function(builder.module, kind, "longjmp")
        builder.call(longjmp, [failure, ir.IntType(32)(1)])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@numba.cfunc(types.void(types.intp), cache=True)
def _on_error(text: Any) -> None:
    _unwind(text)


# asked only where the bindings are not, which handle what is called through them themselves
ctypes.c_void_p.in_dll(LIBRARY, "mju_user_error").value = _on_error.address


@inline
def _guarded(model: int, data: int, times: int) -> bool:
    return _step(model, data, times)


@inline
def simulate(world: World, action: Any) -> None:
    """Set the controls and step, as MujocoEnv.do_simulation does it, without the forces that few tasks read."""
    for i in range(len(world.ctrl)):
        world.ctrl[i] = action[i]
    if _guarded(world.model, world.data, world.frame_skip):
        raise SimulatorError


@inline
def compute_forces(world: World) -> None:
    """The rest of MujocoEnv.do_simulation: cfrc_ext, for tasks that read it."""
    _post_constraint(world.model, world.data)


@inline
def world_of(worlds: Worlds, which: int) -> World:
    nq, nv, nu, nbody, nsite = worlds.sizes
    at = worlds.addresses[which]
    return World(
        worlds.model,
        at[0],
        worlds.frame_skip,
        carray(doubles_at(at[1]), (nq,)),
        carray(doubles_at(at[2]), (nv,)),
        carray(doubles_at(at[3]), (nu,)),
        carray(doubles_at(at[4]), (nbody, 3)),
        carray(doubles_at(at[5]), (nbody, 3)),
        carray(doubles_at(at[6]), (nsite, 3)),
        carray(doubles_at(at[7]), (nbody, 10)),
        carray(doubles_at(at[8]), (nbody, 6)),
        carray(doubles_at(at[9]), (nv,)),
        carray(doubles_at(at[10]), (nv,)),
        carray(doubles_at(at[11]), (nbody, 6)),
    )
