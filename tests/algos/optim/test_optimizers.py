import torch

from algos.optim import Adam, Plain

G = torch.Generator().manual_seed(0)
GRADIENTS = torch.randn(5, 7, generator=G).double()


def test_plain_ascent_steps_along_the_gradient_and_remembers_nothing():
    assert Plain().init(GRADIENTS[0]) is None
    step, memory = Plain().advance(GRADIENTS[0], None)
    assert step.equal(GRADIENTS[0]) and memory is None


def test_adam_is_torchs_and_leaves_its_arguments_alone():
    ours, theirs = torch.zeros(7).double(), torch.zeros(7).double().requires_grad_()
    adam, memory = Adam(0.8, 0.95, 1e-3), Adam().init(ours)
    reference = torch.optim.Adam([theirs], 0.1, (0.8, 0.95), 1e-3, maximize=True)
    for gradient in GRADIENTS:
        before = memory.mean.clone(), memory.square.clone(), memory.steps
        step, after = adam.advance(gradient, memory)
        assert memory.mean.equal(before[0]) and memory.square.equal(before[1]) and memory.steps == before[2]
        ours, memory = ours + 0.1 * step, after
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, theirs.detach())
    assert memory.steps == 5
