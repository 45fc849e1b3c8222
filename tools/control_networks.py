"""Write the controls of the judge's table: the same shape with random and with k-means weights.

    python tools/control_networks.py --pictures DIR --shape '32,32|64,64|...' --out tools/scratch [--network FILE]

With --network also unit-means.npz: that network with every channel scaled to unit mean activation.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from training import controls, networks, pictures

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--pictures", type=Path, required=True)
parser.add_argument("--shape", default="32,32|64,80|96,96,96,96|80,80,80,80|80")
parser.add_argument("--network", type=Path, help="a trained network, average or max pooling, reflection padding")
parser.add_argument("--out", type=Path, required=True)
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
rng = np.random.default_rng(arguments.seed)
arguments.out.mkdir(parents=True, exist_ok=True)
x = pictures.batch(32, 96, rng, [(1.0, pictures.Pictures(arguments.pictures, rare="k"))])
shape = networks.parse_shape(arguments.shape)
for name, make in (("random", controls.random), ("kmeans", controls.kmeans)):
    student = make(shape, x)
    metadata = {
        "name": name,
        "content_layers": {f"relu3_{len(shape[2])}": 1.0},
        "style_layers": {f"relu{b}_{i}": 1.0 for b, i in student.layers},
    }
    networks.save(student, arguments.out / f"{name}.npz", metadata, half=False)
if arguments.network:
    student, metadata = networks.load(arguments.network)
    means = {layer: features.mean((0, 2, 3)) + 1e-3 for layer, features in student(x).items()}
    student.rescale({layer: 1 / mean for layer, mean in means.items()})
    networks.save(student, arguments.out / "unit-means.npz", metadata | {"name": "unit-means"})
