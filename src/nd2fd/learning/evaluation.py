"""What a search for the best networks asks for at a point: a value, its gradient and what it means.

By variable projection (Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973) 413), or in all weights.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from nd2fd.learning.network import Architecture
from nd2fd.learning.problem import DensityProblem

_LARGEST_FEATURE = 1e3
"""Usual values of the last hidden layer are below 100. Where they are very large the penalty on the
last layer is lost in rounding errors of the normal equations, and the loss turns into noise."""


class Evaluation(NamedTuple):
    """What is known at a point.

    value : what to minimise, shape (m,)
    gradient : its gradient, shape (m, n_parameters)
    reliable : whether a search may go there, shape (m,)
    loss : the loss, shape (m,)
    weights : all weights of the networks, shape (m, n_weights)
    outputs : their outputs, shape (m, n_reachable, 3)
    """

    value: Tensor
    gradient: Tensor
    reliable: Tensor
    loss: Tensor
    weights: Tensor
    outputs: Tensor


def plain_loss(
    architecture: Architecture,
    point: Tensor,
    inputs: Tensor,
    problem: DensityProblem,
    smoothness: float,
) -> Evaluation:
    """Loss and curvature as a function of all weights."""
    weights = point.detach().requires_grad_()
    last = weights[:, -architecture.n_last_layer :]
    outputs = architecture.outputs(last, architecture.features(weights, inputs))
    densities = problem.densities(outputs)
    loss = problem.loss(densities)
    total = problem.total(densities)
    value = loss + smoothness * problem.curvature(outputs / total[:, None, None])
    (gradient,) = torch.autograd.grad(value.sum(), weights)
    reliable = torch.ones_like(loss, dtype=torch.bool)
    return Evaluation(
        value.detach(), gradient, reliable, loss.detach(), weights.detach(), outputs.detach()
    )


def projected_loss(
    architecture: Architecture,
    point: Tensor,
    inputs: Tensor,
    problem: DensityProblem,
    ridge: float,
    smoothness: float,
) -> Evaluation:
    """Distance and penalties with the best last layer, as a function of other weights.

    Not reliable where features are too large for an exact last layer.
    """
    weights = point.detach().requires_grad_()
    features = architecture.features(weights, inputs)
    with torch.no_grad():
        with_bias = torch.cat([features, torch.ones_like(features[:, :, :1])], dim=2)
        coefficients = problem.solve_last_layer(with_bias, ridge, smoothness)
        last = torch.cat([coefficients[:, :, :-1].flatten(1), coefficients[:, :, -1]], dim=1)
    outputs = architecture.outputs(last, features)
    distance, loss = problem.distance_and_loss(outputs)
    value = distance + ridge * problem.norm(coefficients)
    if smoothness > 0.0:
        value = value + smoothness * problem.curvature(outputs)
    (gradient,) = torch.autograd.grad(value.sum(), weights)
    reliable = features.detach().abs().amax(dim=(1, 2)) < _LARGEST_FEATURE
    used = torch.cat([weights.detach(), last], dim=1)
    return Evaluation(value.detach(), gradient, reliable, loss, used, outputs.detach())
