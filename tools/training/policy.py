"""On-policy pictures: what style transfer with the student of the moment makes.

The optimiser of a transfer drives its picture to wherever the student is blind: fine noise in flat areas, above all.
A student that has only seen photographs and paintings never learns what the teacher would say there. So transfers
run beside the training (a few steps now and then, many transfers at once), and what they make becomes training data
(the idea of DAgger, Ross et al. 2011).
"""

import numpy as np
import torch

from .pictures import crop

SHALLOWEST = 1e-8  # keeps the relative terms finite on black pictures
RANGE = 10.0  # weight of values outside [0, 1]: what the last clamping changes must stay small


def gram(features):
    """batch x N x h x w -> batch x N x N, divided by the positions."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def out_of_range(x):
    """Mean square, per picture, of what clamping to [0, 1] would cut off."""
    return ((-x).clamp(min=0).square() + (x - 1).clamp(min=0).square()).mean((1, 2, 3))


def losses(features, content, grams, style_layers, content_layer):
    """Per picture: the mean relative style loss of the layers and the relative content loss (`relative` preset)."""
    style = 0
    for layer in style_layers:
        target = grams[layer]
        style = style + (gram(features[layer]) - target).square().sum((1, 2)) / (
            target.square().sum((1, 2)) + SHALLOWEST
        )
    away = (features[content_layer] - content).square().sum((1, 2, 3)) / (content.square().sum((1, 2, 3)) + SHALLOWEST)
    return style / len(style_layers), away


class Transfers:
    """`count` transfers under way at once, each with its own age, weights and Adam state, and a store of results."""

    def __init__(self, count, side, sources, rng, store=384):
        self.count, self.side, self.sources, self.rng, self.store = count, side, sources, rng, store
        self.shares = [share for share, _ in sources]
        self.results = []
        shape = (count, 3, side, side)
        self.x, self.content, self.style = torch.zeros(shape), torch.zeros(shape), torch.zeros(shape)
        self.first, self.second = torch.zeros(shape), torch.zeros(shape)
        self.age, self.life = torch.zeros(count), torch.zeros(count)
        self.content_weight, self.smooth, self.bounded = torch.zeros(count), torch.zeros(count), torch.zeros(count)
        for k in range(count):
            self.start(k)

    def picture(self):
        source = self.sources[self.rng.choice(len(self.sources), p=self.shares)][1]
        return crop(source.draw(self.rng), self.side, self.rng, zoom=(0.8, 2.5))

    def start(self, k):
        """Begin transfer k anew from the content, from noise, or from a mixture."""
        rng = self.rng
        self.content[k], self.style[k] = self.picture(), self.picture()
        noise = torch.tensor(rng.uniform(0, 1, (3, self.side, self.side)), dtype=torch.float32)
        share = rng.choice([0.0, 0.0, 0.0, 0.1, 1.0])
        self.x[k] = (1 - share) * self.content[k] + share * noise
        self.first[k], self.second[k] = 0, 0
        self.age[k], self.life[k] = 0, float(rng.choice([20, 60, 120, 240]))
        self.content_weight[k] = 0 if rng.random() < 0.15 else 10 ** rng.uniform(-2.5, -0.7)
        self.bounded[k] = RANGE if rng.random() < 0.8 else 0
        self.smooth[k] = 0 if rng.random() < 0.5 else 10 ** rng.uniform(-2, -0.5)

    def advance(self, student, style_layers, content_layer, steps=15, rate=0.03):
        """`steps` of Adam on every picture; the results go to the store, old transfers begin anew."""
        last = max(*style_layers, content_layer)

        def features_of(pictures):
            with torch.autocast("cpu", torch.bfloat16):
                return {layer: f.float() for layer, f in student(pictures, last).items()}

        with torch.no_grad():
            content = features_of(self.content)[content_layer]
            features = features_of(self.style)
            grams = {layer: gram(features[layer]) for layer in style_layers}
        for parameter in student.parameters():
            parameter.requires_grad_(False)
        for _ in range(steps):
            x = self.x.requires_grad_(True)
            style, away = losses(features_of(x), content, grams, style_layers, content_layer)
            rough = (x.diff(dim=2).square().sum((1, 2, 3)) + x.diff(dim=3).square().sum((1, 2, 3))) / x[0].numel()
            (gradient,) = torch.autograd.grad(
                (style + self.content_weight * away + self.smooth * rough + self.bounded * out_of_range(x)).sum(), x
            )
            with torch.no_grad():
                self.age += 1
                self.first.mul_(0.9).add_(gradient, alpha=0.1)
                self.second.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
                age = self.age[:, None, None, None]
                step = self.first / (1 - 0.9**age) / ((self.second / (1 - 0.99**age)).sqrt() + 1e-9)
                self.x = x.detach() - rate / (1 + age / 60) * step
        for parameter in student.parameters():
            parameter.requires_grad_(True)
        for k in range(self.count):
            self.results.append(((self.x[k].clamp(-0.1, 1.1) + 0.1) / 1.2 * 255).round().byte())
            if self.age[k] >= self.life[k]:
                self.start(k)
        self.results = self.results[-self.store :]
        return float(style.detach().mean()), float(away.detach().mean())

    def draw(self, count):
        """Pictures from the store, shifted and flipped at random."""
        chosen = []
        for k in self.rng.integers(len(self.results), size=count):
            x = self.results[k].float() / 255 * 1.2 - 0.1
            if self.rng.random() < 0.5:
                x = x.clamp(0, 1)
            x = torch.flip(x, [2]) if self.rng.random() < 0.5 else x
            chosen.append(x)
        return torch.stack(chosen)
