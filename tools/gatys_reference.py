"""The losses of neural style transfer in float64 PyTorch with autograd, written from their definitions.

Nothing here follows the Rust code: feature maps come from torch's own convolutions and poolings, gradients from
autograd. `make_fixtures.py` writes its values down for the tests; `compare_with_pytorch.py` holds the program
against it on real networks and pictures.

F is the feature map of a layer, N channels by M positions; G = F Fᵀ. With a picture P, a content picture C and
styles S_k blended with weights b_k (scaled to sum 1), T = Σ b_k G_k / M_k:

    preset      content term                  style term, E = Σ (G_P/M − T)²
    frobenius   Σ (F_P − F_C)²                M² E
    gatys       ½ Σ (F_P − F_C)²              E / (4 N²)
    johnson     mean (F_P − F_C)²             E / N⁴
    relative    Σ (F_P − F_C)² / Σ F_C²       E / Σ T²

Each term is multiplied by its layer's weight (scaled to sum 1 over the layers of its kind) and by the content
weight or the style weight. Total variation: tv / (3HW) · Σ (Δx² + Δy²) on RGB in [0, 1].
"""

import re

import torch
import torch.nn.functional as functional

PRESETS = ("frobenius", "gatys", "johnson", "relative")


class Network:
    """A VGG-shaped network from the arrays of its .npz file."""

    def __init__(self, arrays, padding="zeros", pooling="max", dtype=torch.float64):
        def tensor(name):
            return torch.from_numpy(arrays[name]).to(dtype)

        assert padding in ("zeros", "reflect") and pooling in ("max", "average")
        self.padding, self.pooling = padding, pooling
        self.input_weight, self.input_bias = tensor("input.weight"), tensor("input.bias")
        found = sorted(
            tuple(map(int, match.groups()))
            for match in (re.fullmatch(r"conv(\d+)_(\d+)\.weight", name) for name in arrays)
            if match
        )
        self.convolutions = [
            (block, index, tensor(f"conv{block}_{index}.weight"), tensor(f"conv{block}_{index}.bias"))
            for block, index in found
        ]

    def features(self, rgb, taps):
        """The maps (N×H×W) of the layers named in `taps`, of a 3×H×W picture with values in [0, 1]."""
        taps, found = set(taps), {}
        x = torch.einsum("oi,ihw->ohw", self.input_weight, rgb) + self.input_bias[:, None, None]
        x = x[None]
        previous = 1
        for block, index, weight, bias in self.convolutions:
            if block != previous:
                pool = functional.max_pool2d if self.pooling == "max" else functional.avg_pool2d
                x = pool(x, kernel_size=2, stride=2)
                previous = block
            mode = "constant" if self.padding == "zeros" else "reflect"
            x = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode=mode), weight, bias)
            found[f"conv{block}_{index}"] = x[0]
            x = torch.relu(x)
            found[f"relu{block}_{index}"] = x[0]
            if taps <= found.keys():
                break
        return {name: found[name] for name in taps}


def gram_per_position(features):
    """G / M."""
    flat = features.flatten(1)
    return flat @ flat.T / flat.shape[1]


def shares(layers):
    """[(name, weight)] with the weights scaled to sum 1."""
    total = sum(weight for _, weight in layers)
    return [(name, weight / total) for name, weight in layers]


def parse_layers(text):
    """`relu1_1,relu2_1:0.5` as [(name, weight)]."""
    items = [item.partition(":") for item in text.split(",") if item]
    return [(name, float(weight or 1)) for name, _, weight in items]


def evaluate(
    network,
    image,
    content,
    styles,
    *,
    preset,
    content_layers,
    style_layers,
    content_weight=1.0,
    style_weight=1.0,
    tv_weight=0.0,
    blend=None,
):
    """The terms as a dict of floats, and the gradient by `image` (3×H×W), both in the network's precision.

    `styles` is a list of 3×H×W pictures of any sizes; `content` may be None where no content layer is given.
    """
    content_layers, style_layers = shares(content_layers), shares(style_layers)
    style_names = [name for name, _ in style_layers]
    content_names = [name for name, _ in content_layers]
    with torch.no_grad():
        wanted = network.features(content, content_names) if content_names else {}
        blend = torch.tensor(blend or [1.0] * len(styles), dtype=image.dtype)
        blend = blend / blend.sum()
        measured = [network.features(style, style_names) for style in styles]
        targets = {
            name: sum(b * gram_per_position(maps[name]) for b, maps in zip(blend, measured))
            for name in style_names
        }

    image = image.detach().clone().requires_grad_(True)
    maps = network.features(image, content_names + style_names)
    terms = {"content": {}, "style": {}}
    for name, share in content_layers:
        difference = (maps[name] - wanted[name]).square()
        term = {
            "frobenius": lambda: difference.sum(),
            "gatys": lambda: difference.sum() / 2,
            "johnson": lambda: difference.mean(),
            "relative": lambda: difference.sum() / wanted[name].square().sum(),
        }[preset]()
        terms["content"][name] = content_weight * share * term
    for name, share in style_layers:
        channels, positions = maps[name].shape[0], maps[name][0].numel()
        energy = (gram_per_position(maps[name]) - targets[name]).square().sum()
        term = {
            "frobenius": lambda: positions**2 * energy,
            "gatys": lambda: energy / (4 * channels**2),
            "johnson": lambda: energy / channels**4,
            "relative": lambda: energy / targets[name].square().sum(),
        }[preset]()
        terms["style"][name] = style_weight * share * term
    rough = image.diff(dim=1).square().sum() + image.diff(dim=2).square().sum()
    terms["tv"] = tv_weight * rough / image.numel()
    total = sum(terms["content"].values()) + sum(terms["style"].values()) + terms["tv"]
    total.backward()
    values = {
        "total": total.item(),
        "content": {name: term.item() for name, term in terms["content"].items()},
        "style": {name: term.item() for name, term in terms["style"].items()},
        "tv": terms["tv"].item(),
    }
    return values, image.grad
