"""Neural structure functions: MLPs from (x, Q²) to all of them, many members side by side."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["leaky_relu", "silu"]

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "leaky_relu": nn.functional.leaky_relu,
    "silu": nn.functional.silu,
}


@dataclass(frozen=True)
class Architecture:
    """Fully connected network; arXiv:2412.16303 has four hidden layers of 64 and LeakyReLU.

    Its outputs are (W1', W2', W3') of one lepton, or (W1, …, W5) of all.
    """

    hidden_layers: int
    width: int
    activation: Activation
    n_functions: int = 3

    @property
    def layer_sizes(self) -> list[int]:
        """Units per layer, from the inputs (2ξ - 1, 2τ - 1) to the outputs."""
        return [2, *[self.width] * self.hidden_layers, self.n_functions]

    def initial_weights(self, seeds: Sequence[int]) -> Tensor:
        """PyTorch's default initialisation, each member from its seed: (n_members, n_weights).

        The order is layer by layer: matrix (out, in), then biases. Float32 on the CPU, so that
        every precision and device starts from the same network.
        """
        members = []
        # A forked stream: no effect on anybody else's random numbers.
        with torch.random.fork_rng(devices=[]):
            for seed in seeds:
                torch.manual_seed(seed)
                layers = itertools.starmap(nn.Linear, itertools.pairwise(self.layer_sizes))
                parameters = (p for layer in layers for p in layer.parameters())
                members.append(torch.cat([p.detach().flatten() for p in parameters]))
        return torch.stack(members)

    @property
    def n_last_layer(self) -> int:
        """Number of weights in the last layer: they stand at the end."""
        return (self.width + 1) * self.n_functions

    def features(self, weights: Tensor, inputs: Tensor) -> Tensor:
        """Last hidden layer of all members: (n_members, n_points, width) from inputs (n_points, 2).

        `weights` has shape (n_members, at least all weights but the last layer's).
        """
        values = inputs.expand(len(weights), -1, -1)
        first = 0
        for n_in, n_out in itertools.pairwise(self.layer_sizes[:-1]):
            matrix = weights[:, first : first + n_in * n_out].reshape(-1, n_out, n_in)
            first += n_in * n_out
            bias = weights[:, None, first : first + n_out]
            first += n_out
            values = _ACTIVATIONS[self.activation](torch.baddbmm(bias, values, matrix.mT))
        return values

    def outputs(self, last_layer: Tensor, features: Tensor) -> Tensor:
        """Structure functions of all members, shape (n_members, n_points, n_functions)."""
        matrix, bias = self.split_last_layer(last_layer)
        return torch.baddbmm(bias[:, None, :], features, matrix.mT)

    def split_last_layer(self, last_layer: Tensor) -> tuple[Tensor, Tensor]:
        """Matrix (n_members, n_functions, width) and biases (n_members, n_functions)."""
        n = self.width * self.n_functions
        return last_layer[:, :n].reshape(-1, self.n_functions, self.width), last_layer[:, n:]


def network_inputs(xi: Tensor, tau: Tensor) -> Tensor:
    """Scaled inputs (n_xi · n_tau, 2) on the grid of node axes `xi` (n_xi,) and `tau` (n_tau,)."""
    return 2.0 * torch.cartesian_prod(xi, tau) - 1.0
