"""Writes tests/fixtures: small random networks, small pictures, and their losses and gradients in float64 PyTorch.

    python tools/make_fixtures.py          (needs torch and numpy)

Seeds are fixed. The files are committed; running this again changes them only where a torch build rounds
differently in the last bits. The tests (tests/pytorch.rs) need no Python.

    network-*.npz   networks in the product's own format (float32)
    arrays.npz      pictures (float32: exact in both precisions) and gradients (float64)
    cases.json      for each case its network, options, picture names, and every loss term
"""

import json
import pathlib

import numpy as np
import torch

import gatys_reference as reference

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures"

# Output channels by block. The deepest maps of the smallest picture below are still 2 wide.
NETWORKS = {
    "plain": [[4, 5], [6], [7]],
    "odd": [[3], [5, 4], [9, 3]],
    "flat": [[8, 3, 5]],
}

# (network, padding, pooling, content layers, style layers, (H, W), style sizes, blend)
SETTINGS = [
    ("plain", "zeros", "max", "relu2_1", "relu1_1,relu1_2,relu2_1,relu3_1", (11, 13), [(9, 14)], None),
    ("plain", "reflect", "average", "conv2_1", "conv1_1:0.2,conv1_2,conv3_1:3", (9, 12), [(12, 9), (17, 8)], [2, 1]),
    ("odd", "reflect", "max", "relu2_2,conv3_1:0.25", "relu1_1,conv2_2:0.5,relu3_2:2", (13, 10), [(13, 10), (8, 19)], [0.7, 0.3]),
    ("odd", "zeros", "average", "conv3_2", "relu1_1,conv1_1,relu2_1,relu3_2:0.1", (15, 9), [(10, 10), (9, 9), (16, 11)], [1, 1, 2]),
    ("flat", "zeros", "max", "conv1_3", "relu1_2:0.3,conv1_3", (1, 9), [(3, 5)], None),
    ("flat", "reflect", "max", "", "relu1_3", (7, 6), [(6, 7)], None),
]


def random_network(rng, blocks):
    arrays = {
        "input.weight": rng.uniform(-2, 2, (3, 3)),
        "input.bias": rng.uniform(-0.5, 0.5, 3),
    }
    inputs = 3
    for block, widths in enumerate(blocks, 1):
        for index, outputs in enumerate(widths, 1):
            spread = np.sqrt(2 / (9 * inputs))
            arrays[f"conv{block}_{index}.weight"] = rng.normal(0, spread, (outputs, inputs, 3, 3))
            arrays[f"conv{block}_{index}.bias"] = rng.uniform(-0.2, 0.3, outputs)
            inputs = outputs
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(2016)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    networks = {}
    for name, blocks in NETWORKS.items():
        networks[name] = random_network(rng, blocks)
        np.savez(FIXTURES / f"network-{name}.npz", **networks[name])

    arrays, cases = {}, []

    def picture(name, size):
        arrays[name] = rng.uniform(0, 1, (3, *size)).astype(np.float32)
        return torch.from_numpy(arrays[name]).double()

    for number, setting in enumerate(SETTINGS):
        network, padding, pooling, content_layers, style_layers, size, style_sizes, blend = setting
        image = picture(f"image{number}", size)
        content = picture(f"content{number}", size) if content_layers else None
        style_names = [f"style{number}_{k}" for k in range(len(style_sizes))]
        styles = [picture(name, style_size) for name, style_size in zip(style_names, style_sizes)]
        model = reference.Network(networks[network], padding, pooling)
        for preset in reference.PRESETS:
            weights = {"content_weight": 0.8, "style_weight": 2.5, "tv_weight": 0.3 if number % 2 == 0 else 0.0}
            terms, gradient = reference.evaluate(
                model,
                image,
                content,
                styles,
                preset=preset,
                content_layers=reference.parse_layers(content_layers),
                style_layers=reference.parse_layers(style_layers),
                blend=blend,
                **weights,
            )
            name = f"{preset}{number}"
            arrays[f"gradient-{name}"] = gradient.numpy()
            cases.append(
                {
                    "name": name,
                    "network": network,
                    "padding": padding,
                    "pooling": pooling,
                    "preset": preset,
                    **weights,
                    "content_layers": content_layers,
                    "style_layers": style_layers,
                    "image": f"image{number}",
                    "content": f"content{number}" if content_layers else None,
                    "styles": style_names,
                    "blend": blend or [1],
                    "terms": terms,
                }
            )
    np.savez(FIXTURES / "arrays.npz", **arrays)
    (FIXTURES / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    size = sum(file.stat().st_size for file in FIXTURES.iterdir())
    print(f"{len(cases)} cases, {size / 1024:.0f} KiB in {FIXTURES}")


if __name__ == "__main__":
    main()
