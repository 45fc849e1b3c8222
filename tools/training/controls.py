"""Networks that nothing has taught: random weights, and k-means on patches (Coates & Ng; Kraehenbuehl et al. 2016)."""

import torch
import torch.nn.functional as F

from .networks import Student, pad


@torch.no_grad()
def random(shape, x, pooling="average"):
    """He's random weights, every channel scaled to unit mean activation on the pictures x."""
    student = Student(shape, pooling)
    for layer in student.layers:
        unit_means(student, layer, x)
    return student


@torch.no_grad()
def unit_means(student, layer, x):
    means = student(x, layer)[layer].mean((0, 2, 3)) + 1e-3
    student.convolution(layer).weight.div_(means[:, None, None, None])
    student.convolution(layer).bias.div_(means)


@torch.no_grad()
def kmeans(shape, x, pooling="average", rounds=15, patches=20_000):
    """Layer by layer, the filters are the centres of spherical k-means over whitened patches of the layer below."""
    student = Student(shape, pooling)
    for layer in student.layers:
        convolution = student.convolution(layer)
        count = convolution.out_channels
        below = inputs_of(student, layer, x)
        columns = F.unfold(pad(below, student.padding), 3).transpose(1, 2).flatten(0, 1)
        columns = columns[torch.randperm(len(columns))[:patches]]
        mean = columns.mean(0)
        centred = columns - mean
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
        whitening = vectors @ torch.diag((values + values.mean() * 0.1).rsqrt()) @ vectors.T
        points = F.normalize(centred @ whitening, dim=1)
        centres = points[torch.randperm(len(points))[:count]]
        for _ in range(rounds):
            owner = (points @ centres.T).argmax(1)
            centres = F.normalize(torch.zeros_like(centres).index_add_(0, owner, points) + 1e-6 * centres, dim=1)
        filters = centres @ whitening
        convolution.weight.copy_(filters.view_as(convolution.weight))
        convolution.bias.copy_(-filters @ mean)
        unit_means(student, layer, x)
    return student


def inputs_of(student, layer, x):
    """What the convolution of a layer sees, before padding."""
    seen = {}
    hook = student.convolution(layer).register_forward_pre_hook(lambda _, inputs: seen.update(x=inputs[0]))
    student(x, layer)
    hook.remove()
    return seen["x"][:, :, 1:-1, 1:-1]
