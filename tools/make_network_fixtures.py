#!/usr/bin/env python3
"""Makes tests/fixtures/networks: one tiny network in every file format that impasto reads.

Needs numpy and torch. Give it names of files to make those alone. Every file holds the same three convolutions, 3→2→2|2→3 channels, whose values are
multiples of 1/64, so that they are exact in every number format and tests/network_files.rs can compute
them:  weight n, value k: ((37k + 11n) mod 64 − 32) / 64;  bias n, value k: ((13k + 7n) mod 64 − 32) / 64.
The files are deterministic up to what torch.save writes.
"""

import argparse
import json
import struct
import sys
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


class Vgg(torch.nn.Module):
    """The network as torchvision builds its own: features, then a classifier."""

    def __init__(self):
        super().__init__()
        conv = lambda n: torch.nn.Conv2d(SHAPES[n][1], SHAPES[n][0], 3, padding=1)
        relu, pool = torch.nn.ReLU, torch.nn.MaxPool2d
        self.features = torch.nn.Sequential(conv(0), relu(), conv(1), relu(), pool(2, 2), conv(2), relu())
        self.classifier = torch.nn.Sequential(torch.nn.Linear(3, 2))
        self.features.load_state_dict(state_dict([name.removeprefix("features.") for name in TORCHVISION]))
        torch.nn.init.constant_(self.classifier[0].weight, 0.5)
        torch.nn.init.constant_(self.classifier[0].bias, 0.5)


def data_parallel_features():
    """As the VGGs of PyTorch's ImageNet example."""
    model = Vgg()
    model.features = torch.nn.DataParallel(model.features)
    return model


class Part(torch.nn.Module):
    """A VGG as a part of another module."""

    def __init__(self):
        super().__init__()
        self.model = Vgg()


def timm():
    """The arrays of timm's VGGs: a classifier of convolutions and a head."""
    extra = {"pre_logits.fc1": (4, 3, 7, 7), "pre_logits.fc2": (4, 4, 1, 1), "head.fc": (2, 4)}
    tensors = arrays(TORCHVISION)
    for name, shape in extra.items():
        tensors[f"{name}.weight"] = np.full(shape, 0.5, "f4")
        tensors[f"{name}.bias"] = np.full(shape[:1], 0.5, "f4")
    return tensors


def checkpoint(key, model):
    """What training scripts save: a state dict beside an epoch, an optimiser that has stepped, and settings."""
    optimiser = torch.optim.SGD(model.parameters(), 0.0, momentum=0.9)
    model.features(torch.ones(1, 3, 4, 4)).sum().backward()
    optimiser.step()
    return {
        "epoch": 3,
        "arch": "vgg",
        "best_acc1": torch.tensor(71.5),
        "optimizer": optimiser.state_dict(),
        key: model.state_dict(),
        "args": argparse.Namespace(lr=0.1, gpu=None),
        "device": torch.device("cpu"),
        "score": np.float64(0.5),
    }


def torchscript(path):
    """A TorchScript archive by its two pickles; torch.jit.save would add the paths of this machine."""
    with zipfile.ZipFile(path, "w") as script:
        for name in ["data.pkl", "constants.pkl"]:
            script.writestr(zipfile.ZipInfo(f"archive/{name}"), b"\x80\x02).")


def model_stream(path):
    """A whole model as PyTorch's stream holds it, with the source of its class; torch.save would add this machine's."""
    parts = [b"module", b"container.py", b"class Sequential(Module): ..."]
    kind, file, source = (b"X" + struct.pack("<I", len(part)) + part for part in parts)
    model = b"(" + kind + b"ctorch.nn.modules.container\nSequential\n" + file + source + b"tQ)\x81}b."
    magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    path.write_bytes(magic + b"\x80\x02M\xe9\x03.\x80\x02}.\x80\x02" + model + b"\x80\x02].")


def own_safetensors(path):
    """With metadata, which is of bytes."""
    tensors = {**colours(), **arrays(OWN), "metadata": metadata()}
    safetensors(path, tensors, "F32")
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + size])
    header["metadata"]["dtype"] = "U8"
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size :])


def torch_save(make, **options):
    return lambda path: torch.save(make(), path, **options)


def stream(make, **options):
    return torch_save(make, _use_new_zipfile_serialization=False, **options)


def plain(dtype=torch.float32):
    return lambda: state_dict(TORCHVISION, dtype)


def changed(name, tensor):
    """The network with one array replaced."""
    return lambda: OrderedDict(state_dict(TORCHVISION), **{name: tensor(state_dict(TORCHVISION)[name])})


def normalised():
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3), torch.nn.BatchNorm2d(1)).state_dict()
    return {f"features.{name}": tensor for name, tensor in layers.items()}


def with_attribute(tensor):
    """A tensor that carries something beside its values."""
    tensor.note = "a note"
    return tensor


def averaged():
    model = torch.optim.swa_utils.AveragedModel(Vgg())
    model.update_parameters(Vgg())
    return model.state_dict()


FILES = {
    "own.npz": lambda path: np.savez(path, **colours(), **arrays(OWN)),
    "own_metadata.npz": lambda path: np.savez(path, **colours(), **arrays(OWN), metadata=metadata()),
    "own_f16_deflated.npz": lambda path: np.savez_compressed(path, **colours(), **arrays(OWN, "f2")),
    "own_f64.npz": lambda path: np.savez(path, **colours(), **arrays(OWN, "f8")),
    "own.safetensors": own_safetensors,
    "torchvision.npz": lambda path: np.savez(path, **arrays(TORCHVISION)),
    "torchvision.safetensors": lambda path: safetensors(path, arrays(TORCHVISION), "F32"),
    "torchvision.pth": torch_save(plain()),
    "torchvision_f16.pth": torch_save(plain(torch.float16)),
    "torchvision_stream.pth": stream(plain()),
    "torchvision_bf16_stream.pth": stream(plain(torch.bfloat16)),
    "torchvision_python2.pth": lambda path: python2_stream(path, arrays(TORCHVISION)),
    "caffe_names.pth": torch_save(lambda: state_dict(OWN)),
    # Names as wrappers make them.
    "data_parallel.pth": torch_save(lambda: torch.nn.DataParallel(Vgg()).state_dict()),
    "data_parallel_features.pth": torch_save(lambda: data_parallel_features().state_dict()),
    "data_parallel_twice.pth": torch_save(lambda: torch.nn.DataParallel(data_parallel_features()).state_dict()),
    "compiled.pth": torch_save(lambda: torch.compile(Vgg()).state_dict()),
    "compiled_data_parallel.pth": torch_save(lambda: torch.compile(torch.nn.DataParallel(Vgg())).state_dict()),
    "averaged.pth": torch_save(averaged),
    "part.pth": torch_save(lambda: Part().state_dict()),
    "timm.safetensors": lambda path: safetensors(path, timm(), "F32"),
    # Pickle protocols.
    "protocol3.pth": torch_save(plain(), pickle_protocol=3),
    "protocol4.pth": torch_save(plain(), pickle_protocol=4),
    "protocol5.pth": torch_save(plain(), pickle_protocol=5),
    "protocol3_stream.pth": stream(plain(), pickle_protocol=3),
    "protocol4_stream.pth": stream(plain(), pickle_protocol=4),
    "protocol5_stream.pth": stream(plain(), pickle_protocol=5),
    # Checkpoints.
    "checkpoint.pth": torch_save(lambda: checkpoint("state_dict", data_parallel_features())),
    "checkpoint_stream.pth": stream(lambda: checkpoint("model_state_dict", Vgg())),
    "checkpoint_protocol5.pth": torch_save(lambda: checkpoint("model", Vgg()), pickle_protocol=5),
    "checkpoint_nested.pth": torch_save(lambda: {"epoch": 3, "model": {"weights": plain()(), "step": 7}}),
    # Refused: a whole model, no state dict, two, an entry that is no tensor, batch normalisation, views, …
    "refused_model.pth": torch_save(lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3))),
    "refused_model_stream.pth": model_stream,
    "refused_optimiser.pth": torch_save(lambda: {"optimizer": checkpoint("state_dict", Vgg())["optimizer"]}),
    "refused_two.pth": torch_save(lambda: {"state_dict": plain()(), "state_dict_ema": plain()()}),
    "refused_entry.pth": torch_save(lambda: {**plain()(), "epoch": 3}),
    "refused_tensor.pth": torch_save(lambda: torch.zeros(3)),
    "refused_integers.pth": torch_save(changed("features.0.weight", lambda t: (64 * t).to(torch.int32))),
    "refused_attribute.pth": torch_save(changed("features.0.weight", with_attribute)),
    "refused_bn.pth": torch_save(normalised),
    "refused_bn_stream.pth": stream(normalised),
    "refused_view.pth": torch_save(changed("features.0.weight", lambda _: torch.zeros(4, 3, 3, 3)[:2])),
    "refused_channels_last.pth": torch_save(
        changed("features.0.weight", lambda t: t.to(memory_format=torch.channels_last))
    ),
    "refused_torchscript.pth": torchscript,
}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or FILES:
        torch.manual_seed(0)
        FILES[name](OUT / name)


if __name__ == "__main__":
    main()
