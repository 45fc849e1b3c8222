"""The student's first weights: a choice of the teachers' own filters.

Layer by layer, the teacher channels that together explain most of the layer's energy are chosen (pivoted Cholesky of
the uncentred covariance). A chosen filter W expects the teacher's features below; the student has its own, S, and
E S explains the teacher's by least squares. So the student's filter is W E: it starts as a pruned teacher that makes
up for what was pruned. Then the filter is refitted, again by least squares, over its nine positions.
"""

import torch
import torch.nn.functional as F

from .networks import MEAN, SPREAD, pad, pool


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


def preactivation(teacher, layer, chosen, x):
    """What the chosen channels of a teacher's convolution give before the ReLU."""
    previous = teacher.layers[teacher.layers.index(layer) - 1]
    below = teacher(x, [previous])[previous]
    below = pool(below, teacher.pooling) if previous[0] != layer[0] else below
    weight, bias = teacher.weights[layer]
    return F.conv2d(pad(below, teacher.padding), weight[chosen], bias[chosen]).float()


def regress(convolution, padded, wanted, rounds, most=60_000, ridge=1e-3):
    """Refit a convolution by least squares to the teacher's values before the ReLU.

    Nine positions of the student's features explain the teacher's better than the one that a 1x1 map sees. Where the
    teacher is silent any negative value does, so the target there is the fit of the round before, if negative.
    Outputs beyond the chosen channels stay as they are. The fit leans towards the convolution as it comes.
    """
    count = wanted.shape[1]
    columns = F.unfold(padded, 3).transpose(1, 2).flatten(0, 1)
    target = wanted.permute(0, 2, 3, 1).flatten(0, 2)
    if len(columns) > most:
        some = torch.randperm(len(columns))[:most]
        columns, target = columns[some], target[some]
    columns = torch.cat([columns, torch.ones(len(columns), 1) * columns.square().mean().sqrt()], 1)
    unit = columns[0, -1]
    start = torch.cat([convolution.weight[:count].flatten(1), convolution.bias[:count, None] / unit], 1).T
    moments = (columns.T @ columns).double()
    lean = ridge * moments.diagonal().mean()
    factor = torch.linalg.cholesky(moments + lean * torch.eye(len(moments), dtype=torch.double))
    fit = start
    for _ in range(rounds):
        guess = columns @ fit
        goal = torch.where(target > 0, target, torch.minimum(guess, torch.zeros(())))
        right = (columns.T @ goal).double() + lean * start.double()
        fit = torch.cholesky_solve(right, factor).float()
    convolution.weight[:count] = fit[:-1].T.reshape(count, *convolution.weight.shape[1:])
    convolution.bias[:count] = fit[-1] * unit


@torch.no_grad()
def inherit(student, teachers, taps, x, rounds=3):
    """Fill the student layer by layer; teachers: {name: Frozen}, taps: the pairing, x: a batch of pictures.

    rounds: of `regress`; 0 leaves the composed filters.
    """
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
        if source != (1, 1) and rounds:
            wanted = preactivation(teacher, source, chosen, x)
            regress(convolution, pad(own, student.padding), wanted, rounds)
        energy = student(x, tap.layer)[tap.layer].square().mean().sqrt()
        convolution.weight.div_(energy)
        convolution.bias.div_(energy)
        below = tap.layer
