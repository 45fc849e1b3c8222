#!/usr/bin/env python3
"""Fills fuzz/corpus for the targets of network files from tests/fixtures/networks. Needs Python alone."""

import pickletools
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "tests" / "fixtures" / "networks"
ARRAYS = ["input.weight", "input.bias", "conv1_1.weight", "conv1_1.bias", "metadata"]


def seed(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def end_of_pickle(data, start):
    """Where the pickle that begins at `start` ends."""
    for opcode, _, position in pickletools.genops(data[start:]):
        if opcode.name == "STOP":
            return start + position + 1
    raise ValueError("no STOP")


def main():
    for path in sorted(FIXTURES.iterdir()):
        data = path.read_bytes()
        if path.suffix == ".safetensors":
            # The target sets the header's length from two bytes.
            seed("safetensors", path.name, data[:2] + data[8:])
        elif zipfile.is_zipfile(path):
            seed("npz", path.name, data)
            with zipfile.ZipFile(path) as archive:
                for entry in archive.namelist():
                    content = archive.read(entry)
                    if entry.endswith(".npy") and entry[:-4] in ARRAYS:
                        choice = bytes([ARRAYS.index(entry[:-4])])
                        seed("npy", f"{path.stem}-{entry}", choice + content)
                    if entry.endswith("data.pkl"):
                        # An empty machine before it, no storages behind it.
                        seed("pickle", path.name, b"\x80\x02}." + content + b"\x80\x02].")
        else:
            # Behind the magic number and the protocol.
            seed("pickle", path.name, data[end_of_pickle(data, end_of_pickle(data, 0)) :])


if __name__ == "__main__":
    main()
