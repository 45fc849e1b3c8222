"""Train the embedded feature network: a small VGG-shaped student that explains larger teachers' features.

    python tools/train_network.py --pictures DIR --teachers DIR --out weights/default.npz

A run can be cut at any time: the same command goes on from its last checkpoint (tools/checkpoints/NAME.pt).
The learning rate follows the steps done (or, with --minutes, the time used), so that every run ends annealed. The
defaults are those of the network that ships. See tools/README.md.
"""

import argparse
import copy
import hashlib
import json
import math
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")

import numpy as np
import torch

from training import curves, inherit, networks, pictures, policy, procedural
from training.distill import Tap
from training.muon import Muon

CHECKPOINTS = Path(__file__).parent / "checkpoints"
TERMS = ("energy", "spread", "gram", "metric")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--pictures", type=Path, help="folder of training pictures (without it: procedural ones only)")
    add("--teachers", type=Path, required=True, help="folder with vgg19-blocks1-3.npz and vgg19-slim16.npz")
    add("--shape", default="32,32|64,80|96,96,96,96|80,80,80,80|80", help="channels, block by block")
    add("--steps", type=int, default=1500, help="training steps")
    add("--minutes", type=float, help="a training time instead of --steps; pauses of the process do not count")
    add("--out", type=Path, required=True, help="the network file to write")
    add("--name", help="of the run, for its checkpoint and curves (default: the stem of --out)")
    add("--curves", type=Path, help="the loss curves as a PNG (default: beside the checkpoint)")
    add("--start", help="begin from the checkpoint of another run of the same shape")
    add("--seed", type=int, default=1)
    add("--threads", type=int, default=2)
    add("--side", type=int, default=96, help="of the crops")
    add("--batch", type=int, default=8)
    add("--rate", type=float, default=1.2e-3)
    add("--optimiser", choices=["muon", "adamw"], default="muon")
    add("--begin", choices=["inherit", "random"], default="inherit", help="first weights")
    add("--pooling", choices=["average", "max"], default="max")
    add("--padding", choices=["reflect", "zeros"], default="reflect")
    add("--procedural", type=int, default=1200, help="procedural pictures in the pool")
    add("--procedural-share", type=float, default=0.35)
    add("--policy-share", type=float, default=0.35, help="of each batch, from transfers with the student; 0: none")
    add("--policy-every", type=int, default=25, help="training steps between two rounds of transfers")
    for term, weight in zip(TERMS, (1.0, 0.3, 0.6, 0.03)):
        add(f"--{term}", type=float, default=weight, help=f"weight of the {term} term")
    add("--bfloat16", action=argparse.BooleanOptionalAction, default=True, help="the student's convolutions in bfloat16")
    add("--fresh", action="store_true", help="ignore this run's checkpoint")
    return parser.parse_args()


def pairing(student, shallow, deep):
    """Which teacher layer each student layer learns: the real VGG up to block 3, the slim one below."""
    taps = []
    for block, widths in enumerate(student.shape, 1):
        last = {1: 2, 2: 2, 3: 4, 4: 4, 5: 1}[block]
        for index in range(1, len(widths) + 1):
            # layer for layer, but the last student layer of a block learns the last of the teacher's
            there = min(index, last) if index < len(widths) or len(widths) == 1 else last
            taps.append(Tap((block, index), shallow if block <= 3 else deep, (block, there)))
    return torch.nn.ModuleList(taps)


def teacher_features(taps, teachers, x):
    with torch.no_grad():
        found = {}
        for name, teacher in teachers.items():
            wanted = [t.teacher_layer for t in taps if t.teacher == name]
            for layer, features in teacher(x, wanted).items():
                found[name, layer] = features
    return [found[t.teacher, t.teacher_layer] for t in taps]


def metadata(student, arguments):
    # relu1_2 costs as much as relu1_1 and made no picture better; see weights/README.md
    style = {f"relu{b}_{i}": 1.0 for b, i in student.layers if (b, i) != (1, 2)}
    middle = "relu3_2"  # most content at equal style; see weights/README.md
    return {
        "name": arguments.out.stem,
        "licence": "CC BY 4.0; distilled from VGG-19 (Simonyan & Zisserman 2014, CC BY 4.0) "
        "and Collaborative Distillation (Wang et al. 2020, MIT)",
        "content_layers": {middle: 1.0},
        "style_layers": style,
        "description": f"VGG-shaped feature network, {arguments.shape}, {student.parameters_count()} parameters",
    }


def balanced(student, taps):
    """Scale channels so that every column of every embedding has the same length.

    Then |E (G - G') E'| is close to a multiple of |G - G'|: the student's style loss weighs its channels as the
    teacher does.
    """
    student = copy.deepcopy(student)
    scales = {}
    for tap in taps:
        length = tap.embedding.detach().norm(dim=0)
        scales[tap.layer] = (length / length.square().mean().sqrt()).clamp(min=1e-3)
    student.rescale(scales)
    return student


def main():
    arguments = options()
    arguments.name = arguments.name or arguments.out.stem
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)  # denormals slow the first steps manyfold
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    CHECKPOINTS.mkdir(exist_ok=True)
    checkpoint, log = CHECKPOINTS / f"{arguments.name}.pt", CHECKPOINTS / f"{arguments.name}.jsonl"

    drawn = procedural.stack(arguments.procedural, 1, CHECKPOINTS / "procedural.npy")
    share = arguments.procedural_share if arguments.pictures else 1.0
    sources = [(share, pictures.Stack(drawn))]
    if share < 1:
        sources.append((1 - share, pictures.Pictures(arguments.pictures, rare="k")))
    teachers = {
        name: networks.Frozen(arguments.teachers / f"{file}.npz", padding="reflect", precision=torch.bfloat16)
        for name, file in (("vgg19", "vgg19-blocks1-3"), ("slim16", "vgg19-slim16"))
    }
    student = networks.Student(networks.parse_shape(arguments.shape), arguments.pooling, arguments.padding)
    taps = pairing(student, "vgg19", "slim16")
    resumed = checkpoint.exists() and not arguments.fresh
    x = pictures.batch(16 if resumed else 40, arguments.side, rng, sources)
    if arguments.begin == "inherit" and not resumed and not arguments.start:
        inherit.inherit(student, teachers, taps, x)
    with torch.no_grad():
        # every layer begins with features of the same energy
        for layer in student.layers:
            convolution = student.convolution(layer)
            energy = student(x, layer)[layer].square().mean().sqrt()
            convolution.weight.div_(energy)
            convolution.bias.div_(energy)
        own = student(x)
    for tap, there in zip(taps, teacher_features(taps, teachers, x)):
        tap.prepare(there, own[tap.layer])

    # the shallow layers start nearly right and carry all the others: they move slowly
    paces = {layer: min(1.0, 0.3 * layer[0]) for layer in student.layers}
    heavy = [{"params": [student.convolution(layer).weight], "pace": pace} for layer, pace in paces.items()]
    light = [{"params": [student.convolution(layer).bias], "pace": pace} for layer, pace in paces.items()]
    if arguments.optimiser == "muon":
        optimisers = [Muon(heavy, arguments.rate)]
    else:
        optimisers = [torch.optim.AdamW(heavy, arguments.rate, betas=(0.9, 0.98), weight_decay=0.0)]
    optimisers.append(torch.optim.AdamW(light, arguments.rate, betas=(0.9, 0.98), weight_decay=0.0))
    together = torch.nn.ModuleList([student, taps])
    average = copy.deepcopy(together)
    style_layers, content_layer = student.layers, (3, len(student.shape[2]))
    transfers = policy.Transfers(8, arguments.side, sources, rng) if arguments.policy_share > 0 else None
    used, step = 0.0, 0

    begin = checkpoint if resumed else None
    if begin:
        state = torch.load(begin, weights_only=True)
        used, step = state["used"], state["step"]
    elif arguments.start:
        state = torch.load(CHECKPOINTS / f"{arguments.start}.pt", weights_only=True)
        log.unlink(missing_ok=True)
    else:
        state = None
        log.unlink(missing_ok=True)
    if state:
        together.load_state_dict(state["together"])
        average.load_state_dict(state["average"])
        if begin:
            for optimiser, saved in zip(optimisers, state["optimisers"]):
                optimiser.load_state_dict(saved)
        else:
            together[0].load_state_dict(average[0].state_dict())  # the taps' moments are those of the last batches

    print(f"{arguments.name}: {student.parameters_count():,} parameters, {student.gflop_at_512():.1f} GFLOP an evaluation at 512")

    def keep():
        torch.save(
            {
                "together": together.state_dict(),
                "average": average.state_dict(),
                "optimisers": [o.state_dict() for o in optimisers],
                "used": used,
                "step": step,
            },
            checkpoint.with_suffix(".part"),
        )
        checkpoint.with_suffix(".part").replace(checkpoint)
        networks.save(balanced(average[0], taps), arguments.out, metadata(student, arguments))

    keep()
    saved_at, means, policy_loss = used, {}, (math.nan, math.nan)
    while True:
        tick = time.monotonic()
        progress = used / (arguments.minutes * 60) if arguments.minutes else step / arguments.steps
        if progress >= 1:
            break
        rate = arguments.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-6
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["pace"]

        from_transfers = 0
        if transfers and step >= 50:
            if step % arguments.policy_every == 0 or not transfers.results:
                policy_loss = transfers.advance(student, style_layers, content_layer)
            if len(transfers.results) >= 32:
                from_transfers = rng.binomial(arguments.batch, arguments.policy_share)
        x = pictures.batch(arguments.batch - from_transfers, arguments.side, rng, sources)
        if from_transfers:
            x = torch.cat([x, transfers.draw(from_transfers)])
        there = teacher_features(taps, teachers, x)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bfloat16):
            own = student(x)
        loss = 0
        for tap, features in zip(taps, there):
            terms = tap(features, own[tap.layer], metric=arguments.metric > 0)
            for term, value in terms.items():
                loss = loss + getattr(arguments, term) * value
                key = f"{term} {tap.layer[0]}_{tap.layer[1]}"
                means[key] = means.get(key, value.item()) * 0.98 + value.item() * 0.02
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(together.parameters(), 5.0)
        for optimiser in optimisers:
            optimiser.step()
        with torch.no_grad():
            decay = min(0.998, 1 - 10 / (step + 20))
            for kept, now in zip(average.parameters(), together.parameters()):
                kept.lerp_(now, 1 - decay)
            for tap in taps:
                tap.embed()
        step += 1
        used += min(time.monotonic() - tick, 5.0)  # a stopped process does not use up its time
        if step % 50 == 0:
            line = {"step": step, "minutes": round(used / 60, 2), "rate": rate, "policy": policy_loss}
            line |= {key: round(value, 5) for key, value in means.items()}
            with open(log, "a") as file:
                file.write(json.dumps(line) + "\n")
            if step % 100 == 0:
                shown = {t: " ".join(f"{means.get(f'{t} {b}_{i}', 0):.3f}" for b, i in student.layers) for t in TERMS}
                print(f"{step} {used / 60:.1f}min " + " | ".join(f"{t} {v}" for t, v in shown.items()), policy_loss, flush=True)
        if used - saved_at > 120:
            keep()
            saved_at = used
    keep()
    record = {
        "options": {k: v for k, v in vars(arguments).items() if k not in ("pictures", "teachers", "out", "curves")},
        "steps": step,
        "minutes": round(used / 60, 1),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {arguments.threads} threads",
        "unexplained": {k: round(v, 4) for k, v in means.items()},
        "sha256": hashlib.sha256(arguments.out.read_bytes()).hexdigest(),
    }
    (CHECKPOINTS / f"{arguments.name}.json").write_text(json.dumps(record, indent=1))
    print(json.dumps(record, indent=1))
    if log.exists():
        curves.draw(log, arguments.curves or log.with_suffix(".png"))


if __name__ == "__main__":
    main()
