"""An error of MuJoCo ends the call, not the process, and says what it was."""

import re
import subprocess
import sys

import mujoco
import numpy as np
import pytest

from experiments.cell.environments import make_environments
from experiments.cell.failures import EnvironmentFailed
from experiments.cell.lean import simulator

FAILING = """
import numpy as np
from experiments.cell.environments import make_environments
from experiments.cell.failures import EnvironmentFailed

made = make_environments("InvertedPendulum-v5", {}, 2)
made.reset(0, 0), made.reset(1, 1)
option = made.made[0].unwrapped.model.opt
usual = option.integrator
for integrator in (99, 99, 99, usual):
    option.integrator = integrator
    try:
        made.step(np.zeros((2, 1), np.float32), range(2))
        print("goes on")
    except EnvironmentFailed as error:
        print(error)
"""


def test_what_the_simulator_raises_is_the_environments_fault(tmp_path):
    done = subprocess.run([sys.executable, "-c", FAILING], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *errors, last = done.stdout.strip().splitlines()
    assert len(errors) == 3 and all(re.match("FatalError: .*invalid integrator", line) for line in errors)
    assert last == "goes on"


def test_a_state_beyond_all_bounds_is_reset_as_mujoco_does_it():
    """MuJoCo warns of an acceleration that is no number and starts anew, in compiled code as through its bindings."""
    made, bound = (make_environments("HalfCheetah-v5", {}, 1) for _ in range(2))
    made.reset(0, 0), bound.reset(0, 0)
    env = bound.made[0].unwrapped
    action = np.full((1, 6), np.nan, np.float32)
    with pytest.raises(EnvironmentFailed, match="the environment's reward is nan"):
        made.step(action, [0])
    env.data.ctrl[:] = np.nan
    mujoco.mj_step(env.model, env.data, env.frame_skip)
    np.testing.assert_array_equal(made.made[0].unwrapped.data.qpos, env.data.qpos)
    warnings = mujoco.mjtWarning.mjWARN_BADCTRL
    assert made.made[0].unwrapped.data.warning[warnings].number == env.data.warning[warnings].number > 0


def test_a_mujoco_that_lays_its_data_out_otherwise_is_refused(monkeypatch):
    env = make_environments("HalfCheetah-v5", {}, 1).made[0].unwrapped
    monkeypatch.setitem(simulator.FIELDS, "xpos", ("nbody", 4))
    with pytest.raises(RuntimeError, match=r"xpos is float64 \(8, 3\)"):
        simulator.worlds_of(env.model, [env.data], 1)
