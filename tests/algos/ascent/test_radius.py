from algos.ascent import Constant
from algos.ascent.acceptance import Outcome


def test_constant_stays():
    assert Constant().next_scale(0.7, Outcome(None, True, 1.0), 0.1) == 0.7
