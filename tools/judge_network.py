"""Judge networks by the pictures they make, with eyes that none of them shares.

    python tools/judge_network.py --judges DIR --contents A.jpg B.jpg --styles C.jpg D.jpg \
        --network ours=weights/default.npz --network other=other.npz --program target/release/impasto --out tools/scratch

Every network paints every content in every style (or the pairs of --pairs) at 256 px. Then, per picture:

    style    mean over relu1_1, relu2_1, relu3_1, relu3_4 of the real VGG-19 of |G - G_S|^2 / |G_S|^2
    deep     the same over relu4_1, relu5_1 of the slim VGG-19
    content  |F - F_C|^2 / |F_C|^2 at relu3_2 of the real VGG-19
    noise    mean square of the fine detail in flat areas of the content, in 8-bit levels (not part of the aims)

Medians per network go to the standard output and, with every picture's figures, to OUT/judge.json; a sheet of all
pictures to OUT/sheet.png. A network may carry options of its own: 'ours=file.npz --content-layers relu3_2'
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from training import networks, transfer
from training.policy import gram

STYLE, DEEP, CONTENT = [(1, 1), (2, 1), (3, 1), (3, 4)], [(4, 1), (5, 1)], (3, 2)


def load(path, longest=None):
    picture = Image.open(path).convert("RGB")
    if longest and max(picture.size) != longest:
        factor = longest / max(picture.size)
        picture = picture.resize([max(1, round(side * factor)) for side in picture.size], Image.Resampling.LANCZOS)
    return torch.tensor(np.array(picture)).permute(2, 0, 1).float() / 255


def write(x, path):
    Image.fromarray((x.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()).save(path)


class Judge:
    """Figures of one picture against its content and its style."""

    def __init__(self, folder):
        self.real = networks.Frozen(folder / "vgg19-blocks1-3.npz")
        self.slim = networks.Frozen(folder / "vgg19-slim16.npz")

    @torch.inference_mode()
    def features(self, x, real=(), deep=()):
        """The features that the figures need, and those of further layers of the real and of the slim VGG."""
        found = self.real(x[None], [*STYLE, CONTENT, *real])
        return found | {("deep", k): v for k, v in self.slim(x[None], [*DEEP, *deep]).items()}

    def __call__(self, picture, content, style):
        if picture.shape != content.shape:
            content = F.interpolate(content[None], size=picture.shape[1:], mode="bicubic", antialias=True)[0]
        maps = (self.features(x) for x in (picture, content, style))
        return self.figures(*maps) | {"noise": noise(picture, content)}

    def figures(self, ours, c, s):
        """The figures from the features of the picture, of the content and of the style."""

        def distance(layer):
            a, b = gram(ours[layer]), gram(s[layer])
            return float((a - b).square().sum() / b.square().sum())

        kept = (ours[CONTENT] - c[CONTENT]).square().sum() / c[CONTENT].square().sum()
        return {
            "style": statistics.mean(distance(layer) for layer in STYLE),
            "deep": statistics.mean(distance(("deep", layer)) for layer in DEEP),
            "content": float(kept),
            **{f"relu{b}_{i}": distance((b, i)) for b, i in STYLE},
            **{f"relu{b}_{i}": distance(("deep", (b, i))) for b, i in DEEP},
        }


def noise(picture, content):
    """Energy of the finest detail where the content is flattest (a quarter of the area), in 8-bit levels squared."""

    def detail(x):
        gray = x.mean(0)[None, None]
        return (gray - F.avg_pool2d(F.pad(gray, (1, 1, 1, 1), mode="reflect"), 3, 1))[0, 0] * 255

    activity = F.avg_pool2d(detail(content).square()[None, None], 9, 1, 4)[0, 0]
    flat = activity <= activity.flatten().quantile(0.25)
    return float(detail(picture).square()[flat].mean())


def paint(arguments, name, content, style, target):
    """One transfer; returns its seconds."""
    file, *extra = arguments.network[name]
    begin = time.monotonic()
    if arguments.program:
        command = [arguments.program, "transfer", content, style, "-o", target, "--weights", file, "--quiet",
                   "--size", arguments.size, *arguments.options.split(), *extra]
        if "--content-weight" not in extra:
            command += ["--content-weight", arguments.content_weight]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    else:
        network = networks.Frozen(file)
        layers = [layer for layer in network.layers if not name.startswith("vgg") or layer in (*STYLE, *DEEP)]
        middle = max(layer for layer in network.layers if layer[0] == 3)
        x = transfer.transfer(network, layers, middle, load(content), load(style), arguments.size,
                              arguments.content_weight, arguments.tv, arguments.steps)
        write(x, target)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--judges", type=Path, required=True, help="folder with vgg19-blocks1-3.npz and vgg19-slim16.npz")
    add("--contents", nargs="+", required=True)
    add("--styles", nargs="+", required=True)
    add("--pairs", type=int, default=0, help="only so many pairs, spread over contents and styles; 0: all")
    add("--network", action="append", default=[], help="'NAME=FILE OPTION...'; may be repeated")
    add("--program", help="the impasto binary; without it PyTorch paints")
    add("--options", default="", help="further options of the program for every network")
    add("--size", type=int, default=256)
    add("--content-weight", type=float, default=0.01)
    add("--tv", type=float, default=0.0, help="only without --program")
    add("--steps", type=int, nargs=2, default=(150, 60), help="only without --program")
    add("--threads", type=int, default=2)
    add("--out", type=Path, required=True)
    add("--again", action="store_true", help="paint also what is there already")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    arguments.network = {n: rest.split() for n, rest in (entry.split("=", 1) for entry in arguments.network)}
    arguments.out.mkdir(parents=True, exist_ok=True)

    pairs = [(c, s) for c in arguments.contents for s in arguments.styles]
    if arguments.pairs:
        count = len(arguments.contents)
        wheel = [(arguments.contents[k % count], s) for k, s in enumerate(arguments.styles * count)]
        pairs = list(dict.fromkeys(wheel))[: arguments.pairs]
    judge, figures, rows = Judge(arguments.judges), {}, []
    untouched = figures.setdefault("untouched", [])
    for content, style in pairs:
        C, S = load(content, arguments.size), load(style, arguments.size)
        untouched.append(judge(C, C, S))
        row = [C, S]
        for name in arguments.network:
            target = arguments.out / f"{name}--{Path(content).stem}--{Path(style).stem}.png"
            seconds = 0.0
            if arguments.again or not target.exists():
                seconds = paint(arguments, name, content, style, target)
            picture = load(target)
            figures.setdefault(name, []).append(judge(picture, C, S) | {"seconds": seconds})
            row.append(picture)
        rows.append(row)
        print(Path(content).stem, Path(style).stem, *(f"{n} {f[-1]['style']:.4f}" for n, f in figures.items()), flush=True)

    medians = {
        name: {key: round(statistics.median(f[key] for f in found), 4) for key in found[0]}
        for name, found in figures.items()
    }
    print(f"{'':16s}  style   deep content   noise  seconds   ({len(pairs)} pairs, medians)")
    for name, m in medians.items():
        print(f"{name:16s} {m['style']:.4f} {m['deep']:.4f}  {m['content']:.3f}  {m['noise']:7.1f}  {m.get('seconds', 0):6.1f}  "
              + " ".join(f"{k} {v:.4f}" for k, v in m.items() if k.startswith("relu")))
    record = {"pairs": [[Path(c).stem, Path(s).stem] for c, s in pairs], "medians": medians, "figures": figures}
    (arguments.out / "judge.json").write_text(json.dumps(record, indent=1))
    sheet(rows, arguments.out / "sheet.png")


def sheet(rows, path, cell=256):
    canvas = Image.new("RGB", (len(rows[0]) * cell, len(rows) * cell), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            tile = Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())
            tile.thumbnail((cell - 4, cell - 4))
            canvas.paste(tile, (x * cell, y * cell))
    canvas.save(path)


if __name__ == "__main__":
    main()
