"""The density of flows: against zuko, whose gradients are those of autograd, and differences."""

import math
from functools import partial

import pytest
import torch
import zuko

from nd2fd.cross_sections.flow_density import _Runs, _Spline, _Spread, log_density

BOUND = math.sqrt(3.0)


def random_flow(transforms=2, bins=5, hidden=(16, 16)):
    """Of zuko, far from the identity, in double precision."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        flow = zuko.flows.MAF(
            features=3,
            transforms=transforms,
            hidden_features=list(hidden),
            univariate=partial(zuko.transforms.MonotonicRQSTransform, bound=BOUND),
            shapes=[(bins,), (bins,), (bins - 1,)],
        ).double()
        with torch.no_grad():
            for parameter in flow.parameters():
                parameter.add_(torch.randn_like(parameter))
    return flow


def points(n_energies=7, per_energy=9):
    """In the unit cube, with neighbours of the same energy; one energy comes back later."""
    generator = torch.Generator().manual_seed(2)
    box = torch.rand((n_energies * per_energy, 3), generator=generator, dtype=torch.float64)
    box[:, 0] = box[:n_energies, 0].repeat_interleave(per_energy)
    box[-per_energy:, 0] = box[0, 0]
    return box


def of_zuko(flow, box):
    return flow.transform().call_and_ladj(BOUND * (2.0 * box - 1.0))[1]


def of_nd2fd(flow, box):
    return log_density(flow.transform.transforms, BOUND, box)


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"transforms": 1},
        {"transforms": 3},
        {"bins": 2},
        {"hidden": (7,)},
        {"hidden": (4, 1, 5)},
    ],
    ids=str,
)
def test_density_and_gradients_are_those_of_zuko(shape):
    flow, box = random_flow(**shape), points()
    weight = torch.linspace(-1.0, 2.0, len(box)).double()
    expected, value = of_zuko(flow, box), of_nd2fd(flow, box)
    assert expected.std() > 0.5
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-9)
    parameters = list(flow.parameters())
    for gradient, right in zip(
        torch.autograd.grad(weight @ value, parameters),
        torch.autograd.grad(weight @ expected, parameters),
        strict=True,
    ):
        torch.testing.assert_close(gradient, right, rtol=1e-9, atol=1e-9)


def test_single_precision_is_as_good_as_that_of_zuko():
    flow, box = random_flow(), points(40, 40)
    exact = of_zuko(flow, box)
    flow, box = flow.float(), box.float()
    error, of_reference = (
        (f(flow, box) - exact).square().mean().sqrt() for f in (of_nd2fd, of_zuko)
    )
    assert error < max(2.0 * of_reference, 1e-5)


def test_faces_of_the_cube_and_no_points():
    flow = random_flow()
    corners = torch.cartesian_prod(*3 * [torch.tensor([0.0, 0.5, 1.0]).double()])
    value = of_nd2fd(flow, corners)
    torch.testing.assert_close(value, of_zuko(flow, corners), rtol=0, atol=1e-6)
    none = of_nd2fd(flow, corners[:0])
    assert none.shape == (0,)
    gradients = torch.autograd.grad(none.sum(), list(flow.parameters()))
    assert not any(gradient.any() for gradient in gradients)


def test_spline_has_the_gradient_of_differences():
    generator = torch.Generator().manual_seed(3)
    draw = partial(torch.rand, generator=generator, dtype=torch.float64)
    x, parameters = draw(40), 4.0 * draw((11, 40)) - 2.0
    assert torch.autograd.gradcheck(
        _Spline.apply, (x.requires_grad_(), parameters.requires_grad_()), rtol=1e-5
    )


def test_derivative_of_the_spline_is_that_of_differences():
    generator = torch.Generator().manual_seed(4)
    parameters = torch.randn((14, 1), generator=generator, dtype=torch.float64)
    x = torch.linspace(0.0, 1.0, 20001, dtype=torch.float64)
    y, log_slope = _Spline.apply(x, parameters.expand(-1, len(x)))
    assert [y[0].item(), y[-1].item()] == pytest.approx([0.0, 1.0], abs=1e-12)
    middle = (log_slope[:-1].exp() + log_slope[1:].exp()) / 2
    torch.testing.assert_close(y.diff() / x.diff(), middle, rtol=5e-3, atol=1e-6)


def test_runs_are_neighbours_that_agree():
    runs = _Runs.of(torch.tensor([2.0, 2.0, 1.0, 2.0, 2.0]))
    columns = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64)
    columns.requires_grad_()
    expected = [[1.0, 1.0, 2.0, 3.0, 3.0], [4.0, 4.0, 5.0, 6.0, 6.0]]
    assert _Spread.apply(columns, runs).tolist() == expected
    assert torch.autograd.gradcheck(lambda c: _Spread.apply(c, runs), columns)


def test_steep_splines_stay_in_the_interval_in_single_precision():
    """Where rounding carries points out of narrow pieces."""
    generator = torch.Generator().manual_seed(5)
    parameters = 30.0 * torch.randn((23, 100_000), generator=generator)
    # Far out in the last piece and at the end of the interval.
    x = torch.where(torch.rand(100_000, generator=generator) < 0.5, 1.0, 1.0 - 1e-7)
    y, log_slope = _Spline.apply(x, parameters)
    assert torch.isfinite(log_slope).all()
    assert y.min() >= 0.0
    assert y.max() <= 1.0 + 1e-6
