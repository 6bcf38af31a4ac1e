"""Generates NAME.safetensors and NAME_io.safetensors for the networks `lenet` and `resnet`, each from a fixed seed.

The first is the state_dict of `lenet()` in mnist.py, or of `resnet()` in images.py, as PyTorch
users save it; the second has `features` [8, 1, 28, 28] and their `logits` [8, 10]. Beside this
script:

    python state_dicts.py

or elsewhere, with `python state_dicts.py --out DIR`.
"""

import argparse
import copy
from pathlib import Path

import torch
from images import resnet
from mnist import lenet
from safetensors.torch import save_file

ROWS = 8


def with_larger_logits(network):
    for parameter in network.parameters():
        parameter.mul_(2)


def with_running_statistics(network):
    network.train()
    for _ in range(3):
        network(torch.rand(16, 1, 28, 28))


def generate(name, build, prepare, out):
    torch.manual_seed(0)
    network = build()
    with torch.no_grad():
        prepare(network)
        network.eval()
        features = torch.rand(ROWS, 1, 28, 28)
        logits = network(features)
        exact = copy.deepcopy(network).double()(features.double())
    print(
        f"{name}: logits in [{logits.min():.3f}, {logits.max():.3f}],"
        f" largest difference from float64 {(logits - exact).abs().max():.1e}"
    )
    save_file(network.state_dict(), out / f"{name}.safetensors")
    save_file({"features": features, "logits": logits}, out / f"{name}_io.safetensors")


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixtures of whole networks.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    generate("lenet", lenet, with_larger_logits, out)
    generate("resnet", resnet, with_running_statistics, out)


if __name__ == "__main__":
    main()
