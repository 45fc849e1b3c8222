"""Style transfer in PyTorch: a slow second opinion on the Rust program, and a stand-in where it is not built."""

import torch
import torch.nn.functional as F

from .policy import RANGE, gram, losses, out_of_range


def resized(x, longest):
    """3 x H x W -> the same with the longer side `longest`."""
    factor = longest / max(x.shape[1:])
    size = [max(16, round(side * factor)) for side in x.shape[1:]]
    return F.interpolate(x[None], size=size, mode="bicubic", antialias=True, align_corners=False)[0].clamp(0, 1)


def transfer(network, layers, content_layer, content, style, size, content_weight, tv_weight=0.0, steps=(150, 60)):
    """`relative` losses, equal style layers, L-BFGS from the content at size/2, then at `size`.

    network: rgb, layers -> features; content, style: 3 x H x W in [0, 1]. Returns 3 x h x w, clamped.
    """
    x, wanted = None, [*layers, content_layer]
    for count, side in zip(steps, (size // 2, size)):
        here = resized(content, side)[None]
        with torch.no_grad():
            aim = network(here, wanted)[content_layer].float()
            there = network(resized(style, side)[None], wanted)
            grams = {layer: gram(there[layer].float()) for layer in layers}
        x = here.clone() if x is None else F.interpolate(x, size=here.shape[2:], mode="bicubic", align_corners=False)
        x = x.detach().requires_grad_(True)
        optimiser = torch.optim.LBFGS([x], max_iter=count, max_eval=count * 5 // 4, history_size=10, tolerance_grad=0,
                                      tolerance_change=0, line_search_fn="strong_wolfe")

        def closure():
            optimiser.zero_grad()
            value, away = losses(network(x, wanted), aim, grams, layers, content_layer)
            loss = value[0] + content_weight * away[0] + RANGE * out_of_range(x)[0]
            if tv_weight:
                rough = x.diff(dim=2).square().sum() + x.diff(dim=3).square().sum()
                loss = loss + tv_weight * rough / x.numel()
            loss.backward()
            return loss

        optimiser.step(closure)
    return x.detach()[0].clamp(0, 1)
