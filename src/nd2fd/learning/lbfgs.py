"""L-BFGS for many independent problems of one size at once.

Nocedal & Wright, Numerical Optimization, Algorithm 7.4, with backtracking by quadratic
interpolation until the Armijo condition holds. Every evaluation serves all problems; each is at a
point of its own line search, and what differs between them is chosen by masks, so that nothing
waits for the host. A problem's path does not depend on the others beyond round-off.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_ARMIJO = 1e-4
_SHORTEST, _LONGEST = 0.1, 0.5
"""Limits of the factor by which a step that does not descend enough is shortened."""

_GROWTH = 4.0
"""Factor by which a step that descends grows while no positive curvature is known."""


@dataclass
class LBFGS:
    """State of the minimisation; `n` problems of `p` parameters, the last `history` steps kept.

    point : where the next evaluation is wanted, (n, p)
    base, value, gradient : best point so far with its value (n,) and gradient, (n, p)
    direction, step, slope : of the line search from there; (n, p), (n,), (n,)
    steps, changes, curvatures : past steps s, changes of gradient y, and 1/(s·y), zero where there
        is none; (n, history, p), (n, history, p), (n, history)
    newest : slot of the newest of them, (n,)
    taken : no problem has taken more steps than this
    """

    point: Tensor
    base: Tensor
    value: Tensor
    gradient: Tensor
    direction: Tensor
    step: Tensor
    slope: Tensor
    steps: Tensor
    changes: Tensor
    curvatures: Tensor
    newest: Tensor
    taken: int

    @classmethod
    def start(cls, point: Tensor, history: int) -> "LBFGS":
        """Begin at `point`, shape (n, p), which is the first to be evaluated."""
        n, p = point.shape
        zeros = torch.zeros_like(point)
        past = point.new_zeros(n, history, p)
        return cls(
            point=point.clone(),
            base=point.clone(),
            value=point.new_full((n,), torch.inf),
            gradient=zeros,
            direction=zeros,
            step=point.new_zeros(n),
            slope=point.new_zeros(n),
            steps=past,
            changes=past.clone(),
            curvatures=point.new_zeros(n, history),
            newest=torch.zeros(n, dtype=torch.int64, device=point.device),
            taken=0,
        )

    def update(self, value: Tensor, gradient: Tensor, reliable: Tensor) -> None:
        """Take values (n,) and gradients (n, p) at `point`, and set the next `point`.

        Where values are not `reliable` (n,) the search does not go, if it has a better place to be.
        """
        # A value that is not a number fails the comparison and shortens the step.
        first = torch.isinf(self.value)
        accepted = value <= torch.where(
            first, torch.inf, self.value + _ARMIJO * self.step * self.slope
        )
        accepted &= reliable | first
        self._remember(accepted & ~first, gradient)
        shortened = self._shortened(value)
        taken = accepted[:, None]
        self.base = torch.where(taken, self.point, self.base)
        self.gradient = torch.where(taken, gradient, self.gradient)
        self.value = torch.where(accepted, value, self.value)
        self.direction = torch.where(taken, self._descent(), self.direction)
        slope = (self.direction * self.gradient).sum(dim=1)
        self.slope = torch.where(accepted, slope, self.slope)
        # Without curvature the scale of the problem is unknown: the first step is a short one, and
        # where the function bends down the next ones are longer.
        unit = 1.0 / self.gradient.abs().sum(dim=1).clamp(min=1.0)
        blind = torch.where(first, unit, _GROWTH * self.step)
        full = torch.where(self.curvatures.sum(dim=1) > 0, torch.ones_like(unit), blind)
        self.step = torch.where(accepted, full, shortened)
        self.point = self.base + self.step[:, None] * self.direction

    def _shortened(self, value: Tensor) -> Tensor:
        """Minimum of the parabola through value and slope at 0 and value at the failed step."""
        rise = value - self.value - self.step * self.slope
        factor = -0.5 * self.step * self.slope / rise
        factor = torch.nan_to_num(factor, nan=_SHORTEST).clamp(_SHORTEST, _LONGEST)
        return self.step * factor

    def _remember(self, where: Tensor, gradient: Tensor) -> None:
        """Store step and change of gradient of accepted points whose curvature is positive."""
        step, change = self.point - self.base, gradient - self.gradient
        curvature = (step * change).sum(dim=1)
        where = where & (curvature > 1e-10 * change.square().sum(dim=1).clamp(min=1e-300))
        rows = torch.arange(len(where), device=where.device)
        slot = torch.where(where, (self.newest + 1) % self.steps.shape[1], self.newest)
        keep = where[:, None]
        self.steps[rows, slot] = torch.where(keep, step, self.steps[rows, slot])
        self.changes[rows, slot] = torch.where(keep, change, self.changes[rows, slot])
        inverse = torch.where(where, 1.0 / curvature, self.curvatures[rows, slot])
        self.curvatures[rows, slot] = inverse
        self.newest = slot
        self.taken += 1

    def _descent(self) -> Tensor:
        """The two-loop recursion, from the newest step to the oldest and back."""
        rows = torch.arange(len(self.base), device=self.base.device)
        history = self.steps.shape[1]
        q = -self.gradient
        past = []
        # The others are empty.
        for age in range(max(1, min(history, self.taken))):
            slot = (self.newest - age) % history
            s, y = self.steps[rows, slot], self.changes[rows, slot]
            rho = self.curvatures[rows, slot, None]
            alpha = rho * (s * q).sum(dim=1, keepdim=True)
            q = q - alpha * y
            past.append((s, y, rho, alpha))
        _, y, rho, _ = past[0]
        # s·y / y·y of the newest step; one where there is none.
        scale = torch.where(rho > 0, 1.0 / (rho * y.square().sum(dim=1, keepdim=True)), 1.0)
        q = scale * q
        for s, y, rho, alpha in reversed(past):
            q = q + (alpha - rho * (y * q).sum(dim=1, keepdim=True)) * s
        return q
