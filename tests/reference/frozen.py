"""Generates the fixtures of frozen models: weights files as PyTorch saves them, and logits.

    frozen/NAME.safetensors  the state_dict of each network of NETWORKS, and that of
                             `named` in float16 (`half`) and bfloat16 (`bfloat16`)
    frozen/io.safetensors    NAME.features [8, I] and NAME.logits [8, O] for each of them

Seeds are fixed. To regenerate them, in this folder:

    python frozen.py

or elsewhere, with `python frozen.py --out DIR`, which creates `DIR/frozen`.
"""

import argparse
import copy
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

ROWS = 8


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(24, 16)
        self.fc2 = nn.Linear(16, 10)

    def forward(self, features):
        return self.fc2(torch.relu(self.fc1(features)))


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleDict({"proj": nn.Linear(14, 9)})
        self.head = nn.Linear(9, 4)

    def forward(self, features):
        return self.head(torch.tanh(self.encoder["proj"](features)))


# name: (constructor, number of features); an entry's index is its seed, so append new ones
NETWORKS = {
    "relu": (
        lambda: nn.Sequential(
            nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 5)
        ),
        20,
    ),
    "tanh": (lambda: nn.Sequential(nn.Linear(12, 17), nn.Tanh(), nn.Linear(17, 3)), 12),
    "sigmoid": (lambda: nn.Sequential(nn.Linear(9, 33), nn.Sigmoid(), nn.Linear(33, 7)), 9),
    "gelu": (
        lambda: nn.Sequential(nn.Linear(16, 64), nn.GELU(approximate="none"), nn.Linear(64, 16)),
        16,
    ),
    "leaky": (lambda: nn.Sequential(nn.Linear(5, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)), 5),
    "softplus": (lambda: nn.Sequential(nn.Linear(10, 31), nn.Softplus(), nn.Linear(31, 2)), 10),
    "dropout": (
        lambda: nn.Sequential(nn.Linear(100, 40), nn.ReLU(), nn.Dropout(0.2), nn.Linear(40, 10)),
        100,
    ),
    "first": (lambda: nn.Sequential(nn.Tanh(), nn.Linear(8, 2)), 8),
    "named": (Named, 24),
    "nested": (Nested, 14),
    "silu": (lambda: nn.Sequential(nn.Linear(7, 16), nn.SiLU(), nn.Linear(16, 3)), 7),
    "elu": (lambda: nn.Sequential(nn.Linear(6, 17), nn.ELU(0.5), nn.Linear(17, 2)), 6),
    "hardswish": (lambda: nn.Sequential(nn.Linear(8, 15), nn.Hardswish(), nn.Linear(15, 3)), 8),
    "prelu": (
        lambda: nn.Sequential(
            nn.LayerNorm(6), nn.Linear(6, 18), nn.PReLU(18), nn.LayerNorm(18), nn.Linear(18, 3), nn.PReLU()
        ),
        6,
    ),
}
HALVES = {"half": torch.float16, "bfloat16": torch.bfloat16}


def make(name):
    """The network in eval mode, and its features."""
    torch.manual_seed(list(NETWORKS).index(name))
    constructor, width = NETWORKS[name]
    network = constructor().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # beyond the linear region of the activations
    features = torch.randn(ROWS, width) * 2
    if name == "dropout":
        features[torch.rand(ROWS, width) < 0.8] = 0  # as in images
    return network, features


def evaluate(name, network, features):
    """Its entries in io.safetensors; prints the rounding error of the logits."""
    with torch.no_grad():
        logits = network(features)
        exact = copy.deepcopy(network).double()(features.double())
    print(
        f"{name:8} logits in [{logits.min():6.3f}, {logits.max():6.3f}],"
        f" largest difference from float64 {(logits - exact).abs().max():.1e}"
    )
    return {f"{name}.features": features, f"{name}.logits": logits}


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixtures of tuplenet's frozen models.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out / "frozen"
    out.mkdir(exist_ok=True)
    torch.set_num_threads(1)

    io = {}
    for name in NETWORKS:
        network, features = make(name)
        metadata = {"format": "pt"} if name == "relu" else None  # the metadata that transformers writes
        save_file(network.state_dict(), out / f"{name}.safetensors", metadata)
        io |= evaluate(name, network, features)
    for name, dtype in HALVES.items():
        network, features = make("named")
        state = {key: value.to(dtype) for key, value in network.state_dict().items()}
        save_file(state, out / f"{name}.safetensors")
        network.load_state_dict(state)  # converts the rounded weights to float32
        io |= evaluate(name, network, features)
    save_file(io, out / "io.safetensors")


if __name__ == "__main__":
    main()
