"""Searches for a minimum that are handed values and gradients, of many members at once."""

from dataclasses import fields
from typing import Any, Protocol

import torch
from torch import Tensor

from nd2fd.learning.lbfgs import LBFGS


class Stepper(Protocol):
    """Asks for the loss at `point`, shape (n_members, n_parameters), and moves on from there."""

    point: Tensor

    def update(self, value: Tensor, gradient: Tensor, reliable: Tensor) -> None:
        """Move `point`, given the loss (n_members,) there, its gradient, and if it is reliable."""


class Adam:
    """torch's Adam; members are independent since it works weight by weight."""

    def __init__(self, point: Tensor) -> None:
        self.point = point.clone()
        self.optimizer = torch.optim.Adam([self.point])

    def update(self, value: Tensor, gradient: Tensor, reliable: Tensor) -> None:
        """One step; Adam does not look at the value."""
        del value, reliable
        self.point.grad = gradient
        self.optimizer.step()


def state_of(stepper: Stepper) -> dict[str, Any]:
    """What a checkpoint must keep of a search."""
    if isinstance(stepper, Adam):
        return {"point": stepper.point, "optimizer": stepper.optimizer.state_dict()}
    assert isinstance(stepper, LBFGS)
    return {field.name: getattr(stepper, field.name) for field in fields(stepper)}


def restore(stepper: Stepper, state: dict[str, Any]) -> None:
    """Put a search where `state_of` found another of the same kind."""
    if isinstance(stepper, Adam):
        stepper.point.copy_(state["point"])
        stepper.optimizer.load_state_dict(state["optimizer"])
    else:
        device = stepper.point.device
        for name, value in state.items():
            setattr(stepper, name, value.to(device) if isinstance(value, torch.Tensor) else value)
