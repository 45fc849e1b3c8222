"""Muon: momentum whose update is made orthogonal (Jordan et al. 2024), for the convolutions; AdamW does the rest."""

import torch


def orthogonal(matrix, steps=5):
    """The nearest semi-orthogonal matrix, about, by the quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """The update has the size of Adam's (root mean square 0.2), so one learning rate serves both."""

    def __init__(self, parameters, lr=3e-3, momentum=0.95, decay=0.0):
        super().__init__(list(parameters), {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                momentum.mul_(group["momentum"]).add_(p.grad)
                direction = p.grad.add(momentum, alpha=group["momentum"]).flatten(1)
                update = orthogonal(direction) * 0.2 * max(direction.shape) ** 0.5
                p.mul_(1 - group["lr"] * group["decay"]).sub_(update.view_as(p), alpha=group["lr"])
