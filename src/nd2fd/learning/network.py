"""The neural structure functions: an MLP from (x, Q²) to (W1', W2', W3')."""

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["leaky_relu", "silu"]

_ACTIVATIONS: dict[Activation, type[nn.Module]] = {"leaky_relu": nn.LeakyReLU, "silu": nn.SiLU}

N_STRUCTURE_FUNCTIONS = 3


def structure_function_network(
    hidden_layers: int, width: int, activation: Activation, dtype: torch.dtype, seed: int
) -> nn.Sequential:
    """A fully connected network with PyTorch's default initialisation, drawn from `seed` alone.

    Input (n, 2): (2ξ - 1, 2τ - 1), the node coordinates scaled to (-1, 1); output (n, 3).
    arXiv:2412.16303 uses four hidden layers of 64 and LeakyReLU.
    """
    sizes = [2, *[width] * hidden_layers]
    layers: list[nn.Module] = []
    # Drawn on the CPU in a forked stream: the same network on every device and dtype, and no
    # effect on anybody else's random numbers.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), _ACTIVATIONS[activation]()]
        layers.append(nn.Linear(sizes[-1], N_STRUCTURE_FUNCTIONS))
    return nn.Sequential(*layers).to(dtype)


def network_inputs(xi: Tensor, tau: Tensor) -> Tensor:
    """Scaled inputs (n_xi · n_tau, 2) on the grid of node axes `xi` (n_xi,) and `tau` (n_tau,)."""
    return 2.0 * torch.cartesian_prod(xi, tau) - 1.0
