"""The student's first weights: a choice of the teachers' own filters.

Layer by layer, the teacher channels that together explain most of the layer's energy are chosen (pivoted Cholesky of
the uncentred covariance). A chosen filter W expects the teacher's features below; the student has its own, S, and
E S explains the teacher's by least squares. So the student's filter is W E: it starts as a pruned teacher that makes
up for what was pruned.
"""

import torch

from .networks import MEAN, SPREAD, pool


def least_squares(target, source, ridge=1e-4):
    """E with target = E source, for batch x N x h x w and batch x n x h x w."""
    T, S = target.float().transpose(0, 1).flatten(1), source.transpose(0, 1).flatten(1)
    own = S @ S.T
    own = own + torch.eye(len(own)) * (own.trace() / len(own) * ridge)
    return torch.linalg.solve(own, S @ T.T).T.contiguous()


def choose(features, count):
    """The `count` channels that explain most of the energy of all, greedily; best first."""
    flat = features.float().transpose(0, 1).flatten(1)
    rest = flat @ flat.T / flat.shape[1]
    chosen = []
    for _ in range(min(count, len(rest))):
        diagonal = rest.diagonal().clone()
        gain = rest.square().sum(0) / (diagonal + 1e-6 * diagonal.mean() + 1e-12)
        gain[diagonal < 1e-6 * diagonal.max()] = 0
        gain[chosen] = -1
        best = int(gain.argmax())
        chosen.append(best)
        rest = rest - torch.outer(rest[:, best], rest[best]) / (rest[best, best] + 1e-9)
    return chosen


@torch.no_grad()
def inherit(student, teachers, taps, x):
    """Fill the student layer by layer; teachers: {name: Frozen}, taps: the pairing, x: a batch of pictures."""
    below = None
    for tap in taps:
        block, index = tap.layer
        teacher = teachers[tap.teacher]
        source = (block, index)  # the teacher's convolution whose filters are taken
        weight, bias = (part.float() for part in teacher.weights[source])
        convolution = student.convolution(tap.layer)
        if source == (1, 1):
            colour, offset = teacher.colour
            bias = bias + torch.einsum("ocyx,c->o", weight, colour.sum(1) * MEAN + offset)
            weight = torch.einsum("ocyx,ck->okyx", weight, colour * SPREAD)
        else:
            previous = teacher.layers[teacher.layers.index(source) - 1]
            expected, own = teacher(x, [previous])[previous].float(), student(x, below)[below]
            if previous[0] != block:
                expected, own = pool(expected, teacher.pooling), pool(own, student.pooling)
            weight = torch.einsum("ocyx,ck->okyx", weight, least_squares(expected, own))
        count = convolution.out_channels
        chosen = choose(teacher(x, [source])[source], count)
        rows, biases = weight[chosen], bias[chosen]
        if len(chosen) < count:  # a student wider than its teacher: mixtures of filters besides
            mixture = torch.randn(count - len(chosen), len(chosen)) / len(chosen) ** 0.5
            rows = torch.cat([rows, torch.einsum("mo,ocyx->mcyx", mixture, rows)])
            biases = torch.cat([biases, mixture @ biases])
        convolution.weight.copy_(rows)
        convolution.bias.copy_(biases)
        energy = student(x, tap.layer)[tap.layer].square().mean().sqrt()
        convolution.weight.div_(energy)
        convolution.bias.div_(energy)
        below = tap.layer
