"""Network files and the two kinds of network: the frozen teacher and the student that learns from it.

A file holds `input.weight` (3x3), `input.bias` (3), then `conv{block}_{index}.weight` (out x in x 3 x 3) and `.bias`,
and optionally `metadata`: UTF-8 JSON in a uint8 array.
"""

import json
import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MEAN, SPREAD = 0.45, 0.25  # the student's colour map: (rgb - MEAN) / SPREAD


def parse_shape(text):
    """'32,32|64,64' -> [[32, 32], [64, 64]]: the widths of the convolutions, block by block."""
    return [[int(width) for width in block.split(",")] for block in text.split("|")]


def layers_of(names):
    """The (block, index) of every convolution in a file, by depth."""
    found = (re.fullmatch(r"conv(\d+)_(\d+)\.weight", name) for name in names)
    return sorted((int(m[1]), int(m[2])) for m in found if m)


def pool(x, kind):
    """2x2 pooling, stride 2, floor at odd sizes."""
    return F.max_pool2d(x, 2) if kind == "max" else F.avg_pool2d(x, 2)


def pad(x, kind):
    """One more position on every side: mirrored without its edge, or zeros."""
    if kind == "reflect" and min(x.shape[-2:]) > 1:
        return F.pad(x, (1, 1, 1, 1), mode="reflect")
    return F.pad(x, (1, 1, 1, 1))


class Frozen:
    """A network from a file, for features only.

    precision: bfloat16 in the channels-last order is three to five times as fast as float32 where the
    processor has the instructions; its rounding (0.4 %) is far below what a student leaves unexplained.
    """

    def __init__(self, path, pooling="max", padding="zeros", precision=torch.float32):
        arrays = np.load(path)
        if "metadata" in arrays:
            metadata = json.loads(arrays["metadata"].tobytes())
            pooling, padding = metadata["pooling"], metadata["padding"]
        self.pooling, self.padding, self.precision = pooling, padding, precision
        self.colour = torch.tensor(arrays["input.weight"]).float(), torch.tensor(arrays["input.bias"]).float()
        self.layers = layers_of(arrays.files)
        order = torch.channels_last if precision == torch.bfloat16 else torch.contiguous_format
        self.weights = {
            (b, i): (
                torch.tensor(arrays[f"conv{b}_{i}.weight"]).to(precision).contiguous(memory_format=order),
                torch.tensor(arrays[f"conv{b}_{i}.bias"]).to(precision),
            )
            for b, i in self.layers
        }
        self.order = order

    def __call__(self, rgb, taps):
        """Features after the ReLU: rgb batch x 3 x H x W in [0, 1] -> {(block, index): batch x N x h x w}."""
        matrix, offset = self.colour
        x = torch.einsum("oc,bchw->bohw", matrix, rgb) + offset[:, None, None]
        x = x.to(self.precision).contiguous(memory_format=self.order)
        features, block = {}, 1
        for layer in self.layers:
            if layer[0] != block:
                x, block = pool(x, self.pooling), layer[0]
            weight, bias = self.weights[layer]
            x = F.relu(F.conv2d(pad(x, self.padding), weight, bias))
            if layer in taps:
                features[layer] = x
            if layer == max(taps):
                break
        return features


class Student(nn.Module):
    """The network to train: 3x3 convolutions, reflection padding, ReLU, pooling between blocks."""

    def __init__(self, shape, pooling="average", padding="reflect"):
        super().__init__()
        self.shape, self.pooling, self.padding = shape, pooling, padding
        self.convolutions = nn.ModuleDict()
        self.layers = []
        inputs = 3
        for b, block in enumerate(shape, 1):
            for i, width in enumerate(block, 1):
                convolution = nn.Conv2d(inputs, width, 3)
                nn.init.kaiming_normal_(convolution.weight)
                nn.init.zeros_(convolution.bias)
                self.convolutions[f"conv{b}_{i}"] = convolution
                self.layers.append((b, i))
                inputs = width

    def convolution(self, layer):
        return self.convolutions[f"conv{layer[0]}_{layer[1]}"]

    def forward(self, rgb, last=None):
        """rgb batch x 3 x H x W in [0, 1] -> {(block, index): features after the ReLU}, up to the layer `last`."""
        x, features, block = (rgb - MEAN) / SPREAD, {}, 1
        for layer in self.layers:
            if layer[0] != block:
                x, block = pool(x, self.pooling), layer[0]
            x = F.relu(self.convolution(layer)(pad(x, self.padding)))
            features[layer] = x
            if layer == last:
                break
        return features

    def parameters_count(self):
        return sum(p.numel() for p in self.parameters())

    def gflop_at_512(self):
        """Multiplications and additions (2 per product) of one evaluation, forward and backward, at 512 x 512."""
        total, inputs = 0.0, 3
        for b, block in enumerate(self.shape):
            for width in block:
                total += 2 * 9 * inputs * width * (512 >> b) ** 2
                inputs = width
        return 2 * total / 1e9

    @torch.no_grad()
    def rescale(self, scales):
        """Multiply channel c of each layer by scales[layer][c] > 0 and undo it in the next layer.

        The ReLU is positively homogeneous and both poolings commute with a scale, so only the taps change.
        """
        for here, after in zip(self.layers, self.layers[1:] + [None]):
            scale = scales[here]
            self.convolution(here).weight.mul_(scale[:, None, None, None])
            self.convolution(here).bias.mul_(scale)
            if after:
                self.convolution(after).weight.div_(scale[None, :, None, None])


def save(student, path, metadata, half=True):
    """Write a student as a network file; `half` stores the convolutions in float16."""
    kind = np.float16 if half else np.float32
    arrays = {
        "input.weight": np.eye(3, dtype=np.float32) / np.float32(SPREAD),
        "input.bias": np.full(3, -MEAN / SPREAD, dtype=np.float32),
    }
    for b, i in student.layers:
        convolution = student.convolution((b, i))
        arrays[f"conv{b}_{i}.weight"] = convolution.weight.detach().numpy().astype(kind)
        arrays[f"conv{b}_{i}.bias"] = convolution.bias.detach().numpy().astype(kind)
    metadata = {"pooling": student.pooling, "padding": student.padding, **metadata}
    arrays["metadata"] = np.frombuffer(json.dumps(metadata).encode(), dtype=np.uint8)
    with open(path, "wb") as file:
        np.savez(file, **arrays)


@torch.no_grad()
def load(path):
    """A network file that `save` wrote, as a student, and its metadata."""
    arrays = np.load(path)
    metadata = json.loads(bytes(arrays["metadata"]))
    shape = {}
    for key in arrays.files:
        if key.startswith("conv") and key.endswith(".bias"):
            shape.setdefault(int(key[4]), []).append(arrays[key].size)
    student = Student([shape[b] for b in sorted(shape)], metadata["pooling"], metadata["padding"])
    for b, i in student.layers:
        convolution = student.convolution((b, i))
        convolution.weight.copy_(torch.tensor(arrays[f"conv{b}_{i}.weight"].astype(np.float32)))
        convolution.bias.copy_(torch.tensor(arrays[f"conv{b}_{i}.bias"].astype(np.float32)))
    return student, metadata
