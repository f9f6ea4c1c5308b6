"""Many minimisations at once, by LBFGS."""

import pytest
import torch

from nd2fd.learning.lbfgs import LBFGS


def rosenbrock(point):
    """Rosenbrock's function in four dimensions, for several points (n, 4)."""
    a, b = point[:, 1:], point[:, :-1]
    return (100 * (a - b**2) ** 2 + (1 - b) ** 2).sum(dim=1)


def test_lbfgs_minimises_independent_problems_at_once():
    starts = torch.tensor([[-1.2, 1.0, -0.5, 2.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    minimiser = LBFGS.start(starts, history=8)
    for _ in range(150):
        point = minimiser.point.clone().requires_grad_()
        value = rosenbrock(point)
        (gradient,) = torch.autograd.grad(value.sum(), point)
        minimiser.update(value.detach(), gradient, torch.ones(2, dtype=torch.bool))
    assert minimiser.value.max() < 1e-12
    torch.testing.assert_close(minimiser.base, torch.ones_like(starts), atol=1e-5, rtol=0.0)


def test_lbfgs_survives_a_value_that_is_no_number():
    """A step into a region without values is shortened until it has one."""
    minimiser = LBFGS.start(torch.tensor([[0.5]], dtype=torch.float64), history=4)
    for _ in range(60):
        x = minimiser.point.clone().requires_grad_()
        value = (x - torch.log(x)).sum(dim=1)
        (gradient,) = torch.autograd.grad(value.sum(), x)
        minimiser.update(value.detach(), torch.nan_to_num(gradient), torch.tensor([True]))
    assert minimiser.base.item() == pytest.approx(1.0, abs=1e-8)


def test_lbfgs_does_not_go_where_values_are_unreliable():
    """The minimum of (x - 3)² is out of bounds: the search comes close to the bound at 1."""
    minimiser = LBFGS.start(torch.tensor([[0.0]], dtype=torch.float64), history=4)
    for _ in range(60):
        x = minimiser.point.clone()
        value, gradient = (x - 3.0).square().sum(dim=1), 2.0 * (x - 3.0)
        minimiser.update(value, gradient, x[:, 0] < 1.0)
        assert minimiser.base.item() < 1.0
    assert minimiser.base.item() > 0.8
