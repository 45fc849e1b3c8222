"""Judge painted pictures without favouring the loss that made them.

    python tools/judge_pictures.py --judges DIR --pictures DIR --pairs tools/judge_pairs.json --size 512 \
        --method gram=RESULTS --method strokes=RESULTS --out judge.json

A result of a method is RESULTS/CONTENT--STYLE.png (stems of the pair's files). Or give triples:

    python tools/judge_pictures.py --judges DIR --pictures DIR --triples list.json --out judge.json

where the list is JSON ([{"content": ..., "style": ..., "result": ..., "method": ...}]) or CSV with these columns;
names are relative to --pictures, those of results to the list's own folder. Content and style are resized so that
their longer side is the result's; the style is never enlarged. Figures, all of them better when smaller except edges:

    swd        sliced Wasserstein distance of the style's features and the result's: squared difference of the quantiles
               along fixed directions, over the style's variance; mean over relu1_2, relu2_2, relu3_3 of VGG-19 and
               relu4_3 of the slim one, none of which is a layer of the other judge
    w2         Gaussian Wasserstein distance |m - m_S|^2 + tr(C + C_S - 2 (C_S^1/2 C C_S^1/2)^1/2) over tr C_S, same layers
    style, deep, content, noise    as in judge_network.py
    edges      how well the luma's gradients follow the content's: the correlation of the gradient fields in Gaussian
               windows (sigma 4 px at half the resolution), weighted by the content's gradients; 1 is perfect
    fragments  structure where the content has none, beyond what the style's own plain places have: see `fragments`

Medians per method go to the standard output, every picture's figures to --out.
"""

import argparse
import csv
import json
import statistics
from pathlib import Path

import torch
import torch.nn.functional as F

from judge_network import Judge, load, noise

REAL, SLIM = [(1, 2), (2, 2), (3, 3)], [(4, 3)]
DIRECTIONS, QUANTILES, POSITIONS = 128, 256, 16384
PLAIN = 0.25  # the part of a picture that counts as its plain places
COLUMNS = ("swd", "w2", "style", "deep", "content", "edges", "noise", "fragments")


def rows(features):
    return features.flatten(1).T


def sample(x):
    """At most POSITIONS rows, spread evenly."""
    return x[:: max(1, -(-len(x) // POSITIONS))]


def directions(channels):
    generator = torch.Generator().manual_seed(channels)
    d = torch.randn(channels, DIRECTIONS, generator=generator)
    return d / d.norm(dim=0)


def sliced_wasserstein(x, s):
    """x, s: rows of features. Mean squared difference of the quantiles along fixed directions, over s's variance."""
    levels = (torch.arange(QUANTILES) + 0.5) / QUANTILES

    def quantiles(projected):
        at = (levels * len(projected) - 0.5).clamp(0, len(projected) - 1)
        low = at.long()
        high = (low + 1).clamp(max=len(projected) - 1)
        part = at - low
        ordered = projected.T.sort().values
        return ordered[:, low] * (1 - part) + ordered[:, high] * part

    d = directions(x.shape[1])
    px, ps = sample(x) @ d, sample(s) @ d
    return float((quantiles(px) - quantiles(ps)).square().mean() / ps.var(dim=0).mean())


def root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def gaussian_wasserstein(x, s):
    """Squared W2 of the Gaussians with the rows' means and covariances, over the trace of s's covariance."""
    x, s = x.double(), s.double()
    mean, mean_s = x.mean(0), s.mean(0)
    c, c_s = torch.cov(x.T, correction=0), torch.cov(s.T, correction=0)
    half = root(c_s)
    cross = torch.linalg.eigvalsh(half @ c @ half).clamp(min=0).sqrt().sum()
    return float(((mean - mean_s).square().sum() + c.trace() + c_s.trace() - 2 * cross) / c_s.trace())


def luma(x):
    return torch.einsum("c,chw->hw", torch.tensor([0.299, 0.587, 0.114]), x)[None, None]


def blur(x, sigma):
    reach = torch.arange(-int(3 * sigma), int(3 * sigma) + 1).float()
    kernel = torch.exp(-reach.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    pad = kernel.shape[-1] // 2
    channels = x.shape[1]
    for k, sides in ((kernel, (pad, pad, 0, 0)), (kernel.transpose(2, 3), (0, 0, pad, pad))):
        x = F.conv2d(F.pad(x, sides, mode="replicate"), k.expand(channels, 1, *k.shape[2:]), groups=channels)
    return x


def edges(picture, content):
    """Correlation of the luma's gradients with the content's, in windows, weighted by the content's gradients."""

    def gradients(x):
        x = F.avg_pool2d(luma(x), 2)
        return torch.cat([x[..., :-1, 1:] - x[..., :-1, :-1], x[..., 1:, :-1] - x[..., :-1, :-1]], 1)

    g, c = gradients(picture), gradients(content)

    def window(a, b):
        return blur((a * b).sum(1, keepdim=True), 4.0)

    weight = window(c, c).sqrt()
    alike = window(g, c) / (window(g, g) * window(c, c)).sqrt().clamp(min=1e-8)
    return float((alike * weight).sum() / weight.sum())


def unlikeness(features, scale, window):
    """How much the features at a place differ among each other: their variance in a window, per channel over `scale`
    (the style's variance), meant over the channels. Low on bare walls and in even textures, high at an eye in a sky."""
    x = (features / scale.sqrt()[:, None, None])[None]
    mean = F.avg_pool2d(x, window, 1, window // 2, count_include_pad=False)
    square = F.avg_pool2d(x.square(), window, 1, window // 2, count_include_pad=False)
    return (square - mean.square()).clamp(min=0).mean(1)[0]


def fragments(picture, content, style):
    """picture, content, style: N x H x W features of one layer.

    Take the quarter of the positions where the content's features are most alike around them, and the quarter where
    the style's are. There, compare how unlike the picture's features are with how unlike the style's are, quantile by
    quantile: what the picture has beyond the style is structure that neither the content asked for nor the style's
    plain places explain. Brush strokes all over a painted sky therefore cost nothing, a floating eye does.
    """
    scale = style.flatten(1).var(dim=1) + 1e-6 * style.square().mean()
    window = 2 * (max(content.shape[1:]) // 32) + 1
    of_content, of_style, found = (unlikeness(x, scale, window) for x in (content, style, picture))
    plain = of_content <= of_content.flatten().quantile(PLAIN)
    explained = of_style[of_style <= of_style.flatten().quantile(PLAIN)]
    levels = torch.linspace(0.02, 0.98, 97)
    beyond = (found[plain].quantile(levels) - explained.quantile(levels)).clamp(min=0)
    return float(beyond.mean() / of_style.mean())


class Pictures:
    """Every figure of one picture against its content and its style, each 3 x H x W in [0, 1]."""

    def __init__(self, folder):
        self.networks = Judge(folder)
        self.known = {}

    def features(self, x):
        return {k: v[0] for k, v in self.networks.features(x, REAL, SLIM).items()}

    def kept(self, role, x):
        """As `features`, kept for the next call: results of several methods share a content and a style."""
        if role not in self.known or not torch.equal(self.known[role][0], x):
            self.known[role] = x, self.features(x)
        return self.known[role][1]

    @torch.inference_mode()
    def __call__(self, picture, content, style):
        ours, of_content, of_style = self.features(picture), self.kept("content", content), self.kept("style", style)
        layers = [*REAL, *(("deep", k) for k in SLIM)]
        swd = {layer: sliced_wasserstein(rows(ours[layer]), rows(of_style[layer])) for layer in layers}
        w2 = {layer: gaussian_wasserstein(rows(ours[layer]), rows(of_style[layer])) for layer in layers}
        old = self.networks.figures(*({k: v[None] for k, v in maps.items()} for maps in (ours, of_content, of_style)))
        beyond = [fragments(ours[layer], of_content[layer], of_style[layer]) for layer in layers[-2:]]
        return {
            "swd": statistics.mean(swd.values()),
            "w2": statistics.mean(w2.values()),
            **{name: old[name] for name in ("style", "deep", "content")},
            "edges": edges(picture, content),
            "noise": noise(picture, content),
            "fragments": statistics.mean(beyond),
        }


def fitted(path, longest, enlarge=True):
    """A picture whose longer side is `longest`, or less where it is smaller and must not be enlarged."""
    from PIL import Image

    with Image.open(path) as found:
        longest = longest if enlarge else min(longest, max(found.size))
    return load(path, longest)


def cropped(x, like):
    """x with the shape of `like`, from which rounding may part it by a pixel."""
    if x.shape == like.shape:
        return x
    return F.interpolate(x[None], size=like.shape[1:], mode="bicubic", antialias=True, align_corners=False)[0]


def read_triples(arguments):
    if arguments.triples:
        text = arguments.triples.read_text()
        found = json.loads(text) if arguments.triples.suffix == ".json" else list(csv.DictReader(text.splitlines()))
        here = arguments.triples.parent
        return [(row.get("method") or "result", arguments.pictures / row["content"], arguments.pictures / row["style"],
                 here / row["result"]) for row in found]
    triples = []
    for content, style in json.loads(arguments.pairs.read_text())[str(arguments.size)]:
        for method in arguments.method:
            name, folder = method.split("=", 1)
            result = Path(folder) / f"{Path(content).stem}--{Path(style).stem}.png"
            triples.append((name, arguments.pictures / content, arguments.pictures / style, result))
    return triples


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--judges", type=Path, required=True, help="folder with vgg19-blocks1-3.npz and vgg19-slim16.npz")
    add("--pictures", type=Path, default=Path("."), help="folder that the names of contents and styles are relative to")
    add("--triples", type=Path, help="JSON or CSV list of content, style, result and method")
    add("--pairs", type=Path, help="JSON of pairs by size, with --method")
    add("--size", type=int, default=512, help="which pairs of --pairs")
    add("--method", action="append", default=[], help="NAME=FOLDER of results CONTENT--STYLE.png; may be repeated")
    add("--only-common", action="store_true", help="only pairs that every method has painted")
    add("--threads", type=int, default=2)
    add("--out", type=Path, help="JSON with every picture's figures")
    arguments = parser.parse_args()
    if not arguments.triples and not (arguments.pairs and arguments.method):
        parser.error("give --triples, or --pairs and at least one --method")
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    triples = read_triples(arguments)
    if arguments.only_common:
        missing = {triple[1:3] for triple in triples if not triple[3].exists()}
        triples = [triple for triple in triples if triple[1:3] not in missing]
    judge, figures = Pictures(arguments.judges), {}
    print(f"{'':40s}" + "".join(f"{name:>10s}" for name in COLUMNS))

    def line(title, found):
        print(f"{title:40s}" + "".join(f"{found[name]:10.4f}" for name in COLUMNS), flush=True)

    for method, content, style, result in triples:
        picture = load(result)
        size = max(picture.shape[1:])
        found = judge(picture, cropped(fitted(content, size), picture), fitted(style, size, enlarge=False))
        figures.setdefault(method, {})[f"{content.stem}--{style.stem}"] = found
        line(f"{method:12s} {content.stem}--{style.stem}"[:40], found)
    print()
    medians = {
        method: {name: statistics.median(f[name] for f in found.values()) for name in next(iter(found.values()))}
        for method, found in figures.items()
    }
    for method, found in medians.items():
        line(f"{method} (median of {len(figures[method])})", found)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps({"medians": medians, "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
