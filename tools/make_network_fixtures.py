#!/usr/bin/env python3
"""Makes tests/fixtures/networks: one tiny network in every file format that impasto reads.

Needs numpy and torch. Every file holds the same three convolutions, 3→2→2|2→3 channels, whose values are
multiples of 1/64, so that they are exact in every number format and tests/network_files.rs can compute
them:  weight n, value k: ((37k + 11n) mod 64 − 32) / 64;  bias n, value k: ((13k + 7n) mod 64 − 32) / 64.
The files are deterministic up to what torch.save writes.
"""

import json
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "networks"
SHAPES = [(2, 3), (2, 2), (3, 2)]
OWN = ["conv1_1", "conv1_2", "conv2_1"]
TORCHVISION = ["features.0", "features.2", "features.5"]


def arrays(names, dtype="f4"):
    """The network under the given names."""
    result = OrderedDict()
    for n, (name, (outputs, inputs)) in enumerate(zip(names, SHAPES)):
        k = np.arange(outputs * inputs * 9)
        weight = ((37 * k + 11 * n) % 64 - 32) / 64
        bias = ((13 * np.arange(outputs) + 7 * n) % 64 - 32) / 64
        result[f"{name}.weight"] = weight.reshape(outputs, inputs, 3, 3).astype(dtype)
        result[f"{name}.bias"] = bias.astype(dtype)
    return result


def state_dict(names, dtype=torch.float32):
    """The same as PyTorch tensors."""
    return OrderedDict((name, torch.from_numpy(a).to(dtype)) for name, a in arrays(names).items())


def colours():
    """A colour map of our own: BGR in -1..1."""
    return {"input.weight": np.float32([[0, 0, 2], [0, 2, 0], [2, 0, 0]]), "input.bias": np.float32([-1, -1, -1])}


def metadata():
    """Everything that the metadata can say."""
    said = {
        "name": "tiny",
        "licence": "CC0",
        "description": "a fixture",
        "pooling": "average",
        "padding": "reflect",
        "content_layers": {"conv1_2": 1.0},
        "style_layers": {"relu2_1": 0.5, "relu1_1": 1.0},
    }
    return np.frombuffer(json.dumps(said).encode(), np.uint8)


def safetensors(path, tensors, dtype):
    """The format by hand: header length, JSON, values."""
    header, values = {"__metadata__": {"format": "pt"}}, b""
    for name, a in tensors.items():
        raw = a.tobytes()
        header[name] = {"dtype": dtype, "shape": a.shape, "data_offsets": [len(values), len(values) + len(raw)]}
        values += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)


def python2_stream(path, tensors):
    """What PyTorch 0.1 under Python 2 wrote: byte strings, `_rebuild_tensor`, pickled Parameters."""

    def text(s):
        return b"U" + bytes([len(s)]) + s.encode()

    def number(n):
        return b"J" + struct.pack("<i", n)

    def tuple_of(*items):
        return b"(" + b"".join(items) + b"t"

    pairs = b""
    for key, (name, a) in enumerate(tensors.items()):
        storage = tuple_of(text("storage"), b"ctorch\nFloatStorage\n", text(str(key)), text("cpu"), number(a.size), b"N")
        size = tuple_of(*map(number, a.shape))
        stride = tuple_of(*(number(s // a.itemsize) for s in a.strides))
        tensor = b"ctorch._utils\n_rebuild_tensor\n" + tuple_of(storage + b"Q", number(0), size, stride) + b"R"
        state = tuple_of(b"\x88", b"\x89", b"ccollections\nOrderedDict\n)R")
        parameter = b"ctorch.nn.parameter\nParameter\n" + tensor + b"\x85R" + state + b"b"
        pairs += b"](" + text(name) + parameter + b"e"
    magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    machine = b"\x80\x02}(" + text("little_endian") + b"\x88" + text("protocol_version") + b"M\xe9\x03u."
    items = b"](" + pairs + b"e"
    pickle = b"\x80\x02ccollections\nOrderedDict\n" + items + b"\x85R."
    keys = b"\x80\x02](" + b"".join(text(str(key)) for key in range(len(tensors))) + b"e."
    values = b"".join(struct.pack("<q", a.size) + a.tobytes() for a in tensors.values())
    path.write_bytes(magic + b"\x80\x02M\xe9\x03." + machine + pickle + keys + values)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    own = {**colours(), **arrays(OWN)}
    np.savez(OUT / "own.npz", **own)
    np.savez(OUT / "own_metadata.npz", **own, metadata=metadata())
    np.savez_compressed(OUT / "own_f16_deflated.npz", **colours(), **arrays(OWN, "f2"))
    np.savez(OUT / "own_f64.npz", **colours(), **arrays(OWN, "f8"))
    np.savez(OUT / "torchvision.npz", **arrays(TORCHVISION))
    safetensors(OUT / "torchvision.safetensors", arrays(TORCHVISION), "F32")
    safetensors(OUT / "own.safetensors", own | {"metadata": metadata()}, "F32")
    raw = (OUT / "own.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + size])
    header["metadata"]["dtype"] = "U8"
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (OUT / "own.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size :])
    torch.save(state_dict(TORCHVISION), OUT / "torchvision.pth")
    torch.save(state_dict(TORCHVISION, torch.float16), OUT / "torchvision_f16.pth")
    torch.save(state_dict(TORCHVISION), OUT / "torchvision_stream.pth", _use_new_zipfile_serialization=False)
    bf16 = state_dict(TORCHVISION, torch.bfloat16)
    torch.save(bf16, OUT / "torchvision_bf16_stream.pth", _use_new_zipfile_serialization=False)
    python2_stream(OUT / "torchvision_python2.pth", arrays(TORCHVISION))
    torch.save(state_dict(OWN), OUT / "caffe_names.pth")
    # Refused: a whole model, a checkpoint around the state dict, batch normalisation, a view.
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3)), OUT / "refused_model.pth")
    torch.save({"state_dict": state_dict(TORCHVISION), "epoch": 3}, OUT / "refused_checkpoint.pth")
    normalised = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3), torch.nn.BatchNorm2d(1)).state_dict()
    normalised = {f"features.{name}": tensor for name, tensor in normalised.items()}
    torch.save(normalised, OUT / "refused_bn.pth")
    torch.save(normalised, OUT / "refused_bn_stream.pth", _use_new_zipfile_serialization=False)
    view = state_dict(TORCHVISION)
    view["features.0.weight"] = torch.zeros(4, 3, 3, 3)[:2]
    torch.save(view, OUT / "refused_view.pth")
    channels_last = state_dict(TORCHVISION)
    channels_last["features.0.weight"] = channels_last["features.0.weight"].to(memory_format=torch.channels_last)
    torch.save(channels_last, OUT / "refused_channels_last.pth")
    # A TorchScript archive by its two pickles; torch.jit.save would add the paths of this machine.
    with zipfile.ZipFile(OUT / "refused_torchscript.pth", "w") as script:
        for name in ["data.pkl", "constants.pkl"]:
            script.writestr(zipfile.ZipInfo(f"archive/{name}"), b"\x80\x02).")


if __name__ == "__main__":
    main()
