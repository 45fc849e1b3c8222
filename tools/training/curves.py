"""The course of a training as a picture: what stays unexplained, layer by layer."""

import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw(log, path):
    """log: the run's .jsonl; path: the PNG to write."""
    lines = []
    for line in map(json.loads, log.read_text().splitlines()):
        while lines and lines[-1]["step"] >= line["step"]:
            lines.pop()  # a run that was cut went on from an earlier step
        lines.append(line)
    minutes = [line["minutes"] for line in lines]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    titles = {
        "energy": "features: unexplained energy",
        "gram": "Gram matrices: relative square error",
        "metric": "style distances: square error of the log",
    }
    for axis, (term, title) in zip(axes, titles.items()):
        keys = [key for key in lines[-1] if key.startswith(term)]
        for k, key in enumerate(keys):
            colour = plt.cm.viridis(k / max(1, len(keys) - 1))
            axis.semilogy(minutes, [line.get(key) for line in lines], label=key.split()[1], color=colour, linewidth=1)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("minutes", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    axes[-1].legend(fontsize=6, ncols=2, title="student layer", title_fontsize=6)
    figure.savefig(path, dpi=72)
    plt.close(figure)
