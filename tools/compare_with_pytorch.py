"""Holds `impasto evaluate` against float64 PyTorch on real networks and picture files.

    python tools/compare_with_pytorch.py --impasto target/release/impasto \\
        --weights NETWORK.npz --content C.png --style S.png [--style S2.png --blend 0.7,0.3] --image X.png

(needs torch, numpy and Pillow). For every preset it runs the program, computes the same in PyTorch and prints the
largest relative error of the loss terms and the relative L2 error of the gradient; it exits with 1 if one is above
--tolerance (1e-4).

Pictures must be what both sides read alike: 8-bit RGB PNG files without alpha, colour profile or gamma, taken as
they are and divided by 255. Anything else is converted first to such a file in a temporary folder (with a notice),
shrunk to --longest pixels if that is given; the content and the picture to evaluate at are brought to the same size,
and where no --image is given it is a mixture of the content with seeded noise. With --option the program gets
further options, as in --option=--convolution=im2col.

In float32 the gradient can jump: one rectifier or maximum within rounding of its kink decides otherwise than in
float64, and everything that flows back through that position changes. On large pictures one such position is enough
for some 1e-4, in any implementation and all in one small patch, while the loss terms agree to 1e-7. --single prints
PyTorch's own float32 distance beside the program's, to tell this from a mistake.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image, ImageOps

import gatys_reference as reference

# What in a PNG could make a colour-managed reader change the values.
COLOUR_CHUNKS = ("icc_profile", "gamma", "chromaticity", "exif")


def plain_png(file):
    """Whether the file is an 8-bit RGB PNG whose values mean what they say."""
    with Image.open(file) as picture:
        plain = picture.format == "PNG" and picture.mode == "RGB"
        return plain and not any(key in picture.info for key in (*COLOUR_CHUNKS, "transparency"))


def read_png(file):
    """The picture as 3×H×W in [0, 1], float64."""
    assert plain_png(file), file
    with Image.open(file) as picture:
        rgb = np.asarray(picture).astype(np.float64) / 255
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))


def prepare(file, folder, longest, size=None):
    """The file itself if both sides read it alike and no size is asked for, else a plain PNG made from it."""
    with Image.open(file) as picture:
        wanted = size or picture.size
        if not size and longest and max(picture.size) > longest:
            scale = longest / max(picture.size)
            wanted = tuple(max(1, round(side * scale)) for side in picture.size)
        if plain_png(file) and wanted == picture.size:
            return pathlib.Path(file)
        converted = ImageOps.exif_transpose(picture).convert("RGB")
        if not size and converted.size != picture.size:  # turned by its orientation
            wanted = wanted[::-1]
        target = folder / f"{len(list(folder.iterdir()))}-{pathlib.Path(file).stem}.png"
        clean = Image.fromarray(np.asarray(converted.resize(wanted, Image.Resampling.LANCZOS)))
        clean.save(target)
        print(f"{file}: compared as a plain PNG of {wanted[0]}x{wanted[1]}", file=sys.stderr)
        return target


def mixture(content, folder):
    """A picture to evaluate at: the content, half covered by noise."""
    with Image.open(content) as picture:
        rgb = np.asarray(picture).astype(np.float64)
    noise = np.random.default_rng(0).uniform(0, 255, rgb.shape)
    target = folder / "mixture.png"
    Image.fromarray(np.round((rgb + noise) / 2).astype(np.uint8)).save(target)
    return target


def run_program(options, preset, files, folder):
    """The program's terms and gradient, and the command that gave them."""
    gradient = folder / "gradient.npy"
    gradient.unlink(missing_ok=True)
    command = [options.impasto, "evaluate", "--weights", options.weights, "--normalisation", preset, "--json"]
    command += ["--content", files["content"], "--image", files["image"], "--gradient", gradient]
    for style in files["styles"]:
        command += ["--style", style]
    if len(files["styles"]) > 1:
        command += ["--style-blend", ",".join(map(str, options.blend))]
    command += ["--content-layers", options.content_layers, "--style-layers", options.style_layers]
    command += ["--content-weight", options.content_weight, "--style-weight", options.style_weight]
    command += ["--tv-weight", options.tv_weight]
    if options.pooling:
        command += ["--pooling", options.pooling]
    command = [str(word) for word in (*command, *options.option)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\nended with status {result.returncode}:\n{result.stderr}")
    return json.loads(result.stdout), np.load(gradient)


def in_pytorch(network, options, preset, files):
    """The same in PyTorch, in the network's precision."""

    def read(file):
        return read_png(file).to(network.input_bias.dtype)

    return reference.evaluate(
        network,
        read(files["image"]),
        read(files["content"]),
        [read(style) for style in files["styles"]],
        preset=preset,
        content_layers=reference.parse_layers(options.content_layers),
        style_layers=reference.parse_layers(options.style_layers),
        content_weight=options.content_weight,
        style_weight=options.style_weight,
        tv_weight=options.tv_weight,
        blend=options.blend,
    )


def flatten(terms):
    """{'total': …, 'content relu4_2': …, …} of the terms, without other fields."""
    flat = {"total": terms["total"], "tv": terms["tv"]}
    for kind in ("content", "style"):
        flat |= {f"{kind} {layer}": value for layer, value in terms[kind].items()}
    return flat


def relative(actual, expected):
    if actual == expected:
        return 0.0
    return abs(actual - expected) / abs(expected) if expected else float("inf")


def compare(actual, expected, gradient, expected_gradient):
    """(the worst term, its relative error, relative L2 error of the gradient); other terms or shapes are an error."""
    actual, expected = flatten(actual), flatten(expected)
    if actual.keys() != expected.keys():
        sys.exit(f"the program's terms are {sorted(actual)}, expected {sorted(expected)}")
    if gradient.shape != expected_gradient.shape or gradient.dtype != np.float32:
        sys.exit(f"the gradient is {gradient.dtype} {gradient.shape}, expected float32 {expected_gradient.shape}")
    errors = {name: relative(actual[name], expected[name]) for name in expected}
    # NaN compares false with everything: it must be the worst, not invisible.
    worst = max(errors, key=lambda name: np.inf if np.isnan(errors[name]) else errors[name])
    distance = np.linalg.norm(gradient - expected_gradient) / np.linalg.norm(expected_gradient)
    return worst, errors[worst], distance


def metadata(arrays):
    """What the network file itself says about its conventions: JSON in an array of bytes, where there is one."""
    return json.loads(arrays["metadata"].tobytes()) if "metadata" in arrays else {}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--impasto", default="target/release/impasto", help="the program")
    parser.add_argument("--weights", required=True, help="network file, .npz")
    parser.add_argument("--content", required=True)
    parser.add_argument("--style", required=True, action="append", help="may be repeated")
    parser.add_argument("--image", help="where to evaluate; default: a mixture of the content with noise")
    parser.add_argument("--blend", help="one weight for each style, as in 0.7,0.3")
    parser.add_argument("--longest", type=int, help="shrink pictures to this many pixels on the longer side")
    parser.add_argument("--presets", default=",".join(reference.PRESETS))
    parser.add_argument("--content-layers", default="relu3_1,conv3_2:0.5")
    parser.add_argument("--style-layers", default="relu1_1,relu2_1:0.5,conv3_1")
    parser.add_argument("--content-weight", type=float, default=1.0)
    parser.add_argument("--style-weight", type=float, default=3.0)
    parser.add_argument("--tv-weight", type=float, default=0.1)
    parser.add_argument("--pooling", choices=("max", "average"), help="passed on; default: the file's, or max")
    parser.add_argument("--option", action="append", default=[], help="a further option for the program")
    parser.add_argument("--single", action="store_true", help="also show PyTorch's float32 against its float64")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args(arguments)
    options.blend = [float(b) for b in options.blend.split(",")] if options.blend else [1.0] * len(options.style)
    if len(options.blend) != len(options.style):
        parser.error("--blend needs one weight for each --style")
    return options


def main(arguments=None):
    options = parse(arguments)
    with np.load(options.weights) as file:
        arrays = {name: file[name] for name in file.files}
    stated = metadata(arrays)
    padding = stated.get("padding", "zeros")
    pooling = options.pooling or stated.get("pooling", "max")
    network = reference.Network(arrays, padding, pooling)
    single = reference.Network(arrays, padding, pooling, torch.float32)
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pictures = folder / "pictures"
        pictures.mkdir()
        content = prepare(options.content, pictures, options.longest)
        with Image.open(content) as picture:
            size = picture.size
        image = prepare(options.image, pictures, None, size) if options.image else mixture(content, pictures)
        styles = [prepare(style, pictures, options.longest) for style in options.style]
        files = {"content": content, "image": image, "styles": styles}
        print(f"{options.weights}: {padding} padding, {pooling} pooling, {size[0]}x{size[1]}")
        for preset in options.presets.split(","):
            terms, gradient = run_program(options, preset, files, folder)
            expected, expected_gradient = in_pytorch(network, options, preset, files)
            worst, error, distance = compare(terms, expected, gradient, expected_gradient.numpy())
            good = error <= options.tolerance and distance <= options.tolerance
            failed |= not good
            peer = ""
            if options.single:
                _, rounded = in_pytorch(single, options, preset, files)
                peer = f"  (PyTorch float32 {(rounded - expected_gradient).norm() / expected_gradient.norm():.1e})"
            print(
                f"{preset:10} total {terms['total']:.6e}  worst term {error:.1e} ({worst})  "
                f"gradient {distance:.1e}{peer}  {'ok' if good else 'FAILED'}"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
