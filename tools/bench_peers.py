"""Times one evaluation (loss and gradient) in PyTorch and in `impasto bench`, in turn, and prints the ratios.

    python tools/bench_peers.py --impasto target/release/impasto [--pairs 5] [--threads 2] [--json FILE]

Without torch and numpy at hand it makes tools/.venv from tools/requirements.txt and goes on there.

Both sides compute the same: the preset `relative`, style on relu1_1 to relu5_1, content on relu4_2, gradient with respect to RGB. The cases are a VGG-19 with random weights at
512 and 256 and the embedded network at 512. PyTorch computes in f32 with contiguous maps, in f32 with channels_last
maps, and under bfloat16 autocast (channels_last too); every pair is one evaluation of each of them and one run of the
program, so that what else the machine does meets all alike. Reported are medians, the median of the pairs' ratios
(above 1: impasto is faster), and each side's peak memory in a process of its own.

`--cases vgg19:512,embedded:512` chooses cases, `--single` adds the program on one thread against two.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    tools = pathlib.Path(__file__).resolve().parent
    environment = tools / ".venv"
    if pathlib.Path(sys.prefix) == environment:
        raise
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", tools / "requirements.txt"], check=True)
    os.execv(python, [python, *sys.argv])

VGG19 = [[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4]
EMBEDDED = pathlib.Path(__file__).resolve().parent.parent / "weights" / "default.npz"
MODES = ["contiguous", "channels_last", "bf16"]
STYLE = [f"relu{block}_1" for block in range(1, 6)]
CONTENT = ["relu4_2"]


def random_layers():
    """(name, weight, bias) of a VGG-19 up to relu5_1, He's variance."""
    generator, inputs = torch.Generator().manual_seed(0), 3
    for block, widths in enumerate(VGG19, 1):
        for index, outputs in enumerate(widths, 1):
            scale = (2 / (9 * inputs)) ** 0.5
            weight = torch.randn(outputs, inputs, 3, 3, generator=generator) * scale
            yield f"{block}_{index}", weight, torch.zeros(outputs)
            inputs = outputs
            if (block, index) == (5, 1):
                return


def file_layers(path):
    """(name, weight, bias) of a network file up to relu5_1, and its padding and pooling."""
    arrays = np.load(path)
    for key in arrays.files:
        if key.startswith("conv") and key.endswith(".weight"):
            name = key[4:-7]
            if name <= "5_1":
                weight, bias = (arrays[f"conv{name}.{kind}"].astype(np.float32) for kind in ("weight", "bias"))
                yield name, torch.from_numpy(weight), torch.from_numpy(bias)


def metadata(path):
    """What the network file says of itself."""
    arrays = np.load(path)
    return json.loads(bytes(arrays["metadata"]).decode()) if "metadata" in arrays.files else {}


class Evaluation:
    """One objective of one network at one size, in one of the modes."""

    def __init__(self, case, size, mode):
        self.mode = mode
        own = case == "embedded"
        self.padding = metadata(EMBEDDED).get("padding", "zeros") if own else "zeros"
        pooling = metadata(EMBEDDED).get("pooling", "max") if own else "max"
        self.pool = F.avg_pool2d if pooling == "average" else F.max_pool2d
        self.format = torch.contiguous_format if mode == "contiguous" else torch.channels_last
        layers = file_layers(EMBEDDED) if own else random_layers()
        self.layers = [(n, w.contiguous(memory_format=self.format), b) for n, w, b in layers]
        generator = torch.Generator().manual_seed(1)
        content, style, picture = (torch.rand(1, 3, size, size, generator=generator) for _ in range(3))
        with torch.no_grad(), self.precision():
            grams = {name: self.gram(maps) for name, maps in self.features(style).items() if name in STYLE}
            self.style = {name: (gram, gram.square().sum()) for name, gram in grams.items()}
            maps = self.features(content)
            self.content = {name: (maps[name], maps[name].float().square().sum()) for name in CONTENT}
        self.picture = picture

    def precision(self):
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.mode == "bf16")

    def features(self, x):
        x = ((x - 0.45) * 4).contiguous(memory_format=self.format)
        maps, block = {}, "1"
        for name, weight, bias in self.layers:
            if name[0] != block:
                x, block = self.pool(x, 2), name[0]
            if self.padding == "reflect":
                x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias)
            else:
                x = F.conv2d(x, weight, bias, padding=1)
            x = F.relu(x)
            if f"relu{name}" in STYLE + CONTENT:
                maps[f"relu{name}"] = x
        return maps

    @staticmethod
    def gram(maps):
        rows = maps.flatten(2)[0]
        return (rows @ rows.T) / rows.shape[1]

    def run(self):
        """Loss and gradient; the seconds they took."""
        begin = time.perf_counter()
        x = self.picture.clone().requires_grad_(True)
        with self.precision():
            maps = self.features(x)
            loss = 0.0
            for name, (target, norm) in self.style.items():
                loss = loss + (self.gram(maps[name]) - target).float().square().sum() / norm.float() / len(STYLE)
            for name, (target, norm) in self.content.items():
                loss = loss + 0.05 * (maps[name] - target).float().square().sum() / norm
        loss.backward()
        assert torch.isfinite(x.grad).all()
        return time.perf_counter() - begin


def program(args, case, size, threads, repeats=2):
    """One run of `impasto bench`."""
    command = [args.impasto, "bench", "--json", f"--size={size}", f"--threads={threads}", f"--repeats={repeats}",
               "--style-layers=" + ",".join(STYLE), "--content-layers=" + ",".join(CONTENT)]
    command += ["--architecture=vgg19"] if case == "vgg19" else []
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def memory(case, size, mode, threads):
    """Peak resident bytes of a process that only evaluates in one mode."""
    command = [sys.executable, __file__, "--child", f"{case}:{size}:{mode}:{threads}"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(args, case, size):
    """Prints and returns one case."""
    torch.set_num_threads(args.threads)
    peers = {mode: Evaluation(case, size, mode) for mode in MODES}
    for peer in peers.values():
        peer.run()
    seconds = {mode: [] for mode in [*MODES, "impasto"]}
    reports = []
    for _ in range(args.pairs):
        for mode, peer in peers.items():
            seconds[mode].append(peer.run())
        reports.append(program(args, case, size, args.threads))
        seconds["impasto"].append(reports[-1]["seconds_per_evaluation"])
    ratios = {mode: statistics.median(a / b for a, b in zip(seconds[mode], seconds["impasto"])) for mode in MODES}
    best = [min(pair) for pair in zip(seconds["contiguous"], seconds["channels_last"])]
    ratios["best f32"] = statistics.median(a / b for a, b in zip(best, seconds["impasto"]))
    share = statistics.median(r["gflops_direct_equivalent"] / r["fma_peak_gflops"] for r in reports)
    # The model's weights and PyTorch's maps in f32; one evaluation after another.
    bytes_of = {"contiguous": memory(case, size, "contiguous", args.threads), "impasto": reports[-1]["peak_rss_bytes"]}
    print(f"{case} {size}x{size}, {args.threads} threads, {args.pairs} pairs, load {os.getloadavg()[0]:.1f}")
    for name, values in seconds.items():
        spread = f"{min(values):.3f} to {max(values):.3f}"
        ratio = f", ratio {ratios[name]:.2f}" if name in ratios else ""
        print(f"  {name:14} median {statistics.median(values):.3f} s ({spread}){ratio}")
    print(f"  best f32 PyTorch / impasto {ratios['best f32']:.2f}; GFLOP/s of direct convolution / FMA peak {share:.2f}"
          f" (peak {statistics.median(r['fma_peak_gflops'] for r in reports):.0f})")
    print(f"  peak memory: PyTorch contiguous {bytes_of['contiguous'] / 1e6:.0f} MB,"
          f" impasto {bytes_of['impasto'] / 1e6:.0f} MB", flush=True)
    result = dict(case=case, size=size, seconds=seconds, ratios=ratios, share_of_peak=share, bytes=bytes_of)
    if args.single and args.threads > 1:
        pairs = [(program(args, case, size, 1), program(args, case, size, args.threads)) for _ in range(args.pairs)]
        gain = statistics.median(a["seconds_per_evaluation"] / b["seconds_per_evaluation"] for a, b in pairs)
        print(f"  impasto on {args.threads} threads against one: {gain:.2f}", flush=True)
        result["threads_gain"] = gain
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--impasto", default="target/release/impasto")
    parser.add_argument("--cases", default="vgg19:512,vgg19:256,embedded:512")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        case, size, mode, threads = args.child.split(":")
        torch.set_num_threads(int(threads))
        evaluation = Evaluation(case, int(size), mode)
        for _ in range(2):
            evaluation.run()
        # Not getrusage: its peak is inherited from the parent process.
        status = pathlib.Path("/proc/self/status").read_text().split()
        print(int(status[status.index("VmHWM:") + 1]) * 1024)
        return
    cases = (case.split(":") for case in args.cases.split(","))
    results = [measure(args, case, int(size)) for case, size in cases]
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
