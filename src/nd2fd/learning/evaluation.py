"""What a search for the best networks asks for at a point: a value, its gradient and what it means.

By variable projection (Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973) 413), or in all weights.
"""

import torch
from torch import Tensor

from nd2fd.learning.network import Architecture
from nd2fd.learning.problem import DensityProblem

Evaluation = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""What to minimise (m,), its gradient (m, n_parameters), the loss (m,), all weights of the networks
(m, n_weights) and their outputs (m, n_reachable, 3)."""


def plain_loss(
    architecture: Architecture, point: Tensor, inputs: Tensor, problem: DensityProblem
) -> Evaluation:
    """The loss as a function of all weights."""
    weights = point.detach().requires_grad_()
    last = weights[:, -architecture.n_last_layer :]
    outputs = architecture.outputs(last, architecture.features(weights, inputs))
    loss = problem.loss(problem.densities(outputs))
    (gradient,) = torch.autograd.grad(loss.sum(), weights)
    loss = loss.detach()
    return loss, gradient, loss, weights.detach(), outputs.detach()


def projected_loss(
    architecture: Architecture,
    point: Tensor,
    inputs: Tensor,
    problem: DensityProblem,
    ridge: float,
) -> Evaluation:
    """Squared distance and penalty with the best last layer, as a function of the other weights."""
    weights = point.detach().requires_grad_()
    features = architecture.features(weights, inputs)
    with torch.no_grad():
        coefficients, last = best_last_layer(features, problem, ridge)
    outputs = architecture.outputs(last, features)
    densities = problem.densities(outputs)
    value = problem.squared_distance(densities) + problem.penalty(coefficients, ridge)
    (gradient,) = torch.autograd.grad(value.sum(), weights)
    loss = problem.loss(densities.detach())
    used = torch.cat([weights.detach(), last], dim=1)
    return value.detach(), gradient, loss, used, outputs.detach()


def best_last_layer(
    features: Tensor, problem: DensityProblem, ridge: float
) -> tuple[Tensor, Tensor]:
    """The best last layer: linear coefficients (m, 3, width + 1), and the same as flat weights."""
    with_bias = torch.cat([features, torch.ones_like(features[:, :, :1])], dim=2)
    coefficients = problem.solve_last_layer(with_bias, ridge)
    last = torch.cat([coefficients[:, :, :-1].flatten(1), coefficients[:, :, -1]], dim=1)
    return coefficients, last
