"""Training crops: real and procedural pictures with random scale, flips, colours, blends and noise."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image


class Pictures:
    """All pictures of a folder in memory, 8 bits a value; `rare` counts those whose names begin with it less."""

    def __init__(self, folder, rare=None, rare_share=0.2):
        paths = sorted(p for p in Path(folder).iterdir() if p.suffix in (".jpg", ".jpeg", ".png"))
        self.arrays = [np.asarray(Image.open(p).convert("RGB")) for p in paths]
        seldom = np.array([bool(rare) and p.name.startswith(rare) for p in paths])
        weight = np.where(seldom, rare_share / max(1, seldom.sum()), (1 - rare_share) / max(1, (~seldom).sum()))
        self.probability = weight / weight.sum()

    def draw(self, rng):
        return self.arrays[rng.choice(len(self.arrays), p=self.probability)]


class Stack:
    """Procedural pictures, N x H x W x 3 bytes."""

    def __init__(self, arrays):
        self.arrays = arrays

    def draw(self, rng):
        return self.arrays[rng.integers(len(self.arrays))]


def crop(array, side, rng, zoom=(0.6, 2.0)):
    """A random square of random scale, as a 3 x side x side tensor in [0, 1]; flipped at random."""
    height, width = array.shape[:2]
    size = int(np.clip(side * np.exp(rng.uniform(np.log(zoom[0]), np.log(zoom[1]))), 32, min(height, width)))
    top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
    cut = array[top : top + size, left : left + size]
    if size != side:
        cut = np.asarray(Image.fromarray(cut).resize((side, side), Image.Resampling.BICUBIC))
    if rng.random() < 0.5:
        cut = cut[:, ::-1]
    if rng.random() < 0.15:
        cut = cut[::-1]
    if rng.random() < 0.15:
        cut = cut.transpose(1, 0, 2)
    return torch.tensor(np.ascontiguousarray(cut)).permute(2, 0, 1).float() / 255


def disturb(x, rng, partner=None):
    """Colour changes, a blend with a partner, noise of random grain: what an optimiser's pictures look like."""
    if partner is not None and rng.random() < 0.12:
        share = rng.uniform(0.2, 0.8)
        x = share * x + (1 - share) * partner
    if rng.random() < 0.15:
        x = x[torch.tensor(rng.permutation(3))]
    if rng.random() < 0.4:
        gain, gamma = rng.uniform(0.5, 1.3), np.exp(rng.uniform(-0.4, 0.4))
        middle = rng.uniform(0.3, 0.7)
        x = ((x.clamp(0, 1) ** gamma - middle) * gain + middle)
    if rng.random() < 0.1:
        tint = torch.tensor(rng.uniform(-0.2, 0.2, 3), dtype=torch.float32)
        x = x + tint[:, None, None]
    if rng.random() < 0.3:
        grain = int(rng.choice([1, 1, 1, 2, 4]))
        side = x.shape[-1]
        noise = torch.tensor(rng.standard_normal((1, 3, side // grain, side // grain)), dtype=torch.float32)
        if grain > 1:
            noise = F.interpolate(noise, size=(side, side), mode="bilinear", align_corners=False)
        if rng.random() < 0.3:
            noise = noise.mean(1, keepdim=True)
        x = x + noise[0] * (10 ** rng.uniform(-2, -0.8))
    return x.clamp(-0.05, 1.05)


def batch(count, side, rng, sources):
    """`count` crops; sources: [(share, anything with draw)], shares sum to 1."""
    shares = [share for share, _ in sources]
    crops = [crop(sources[rng.choice(len(sources), p=shares)][1].draw(rng), side, rng) for _ in range(count)]
    return torch.stack([disturb(x, rng, crops[rng.integers(count)]) for x in crops])
