"""Generates resnet.safetensors and resnet_io.safetensors, from a fixed seed.

The first is the state_dict of `resnet()` in images.py, as PyTorch users save it; the second
has `features` [8, 1, 28, 28] and their `logits` [8, 10]. Beside this script:

    python resnet.py

or elsewhere, with `python resnet.py --out DIR`.
"""

import argparse
import copy
from pathlib import Path

import torch
from images import resnet
from safetensors.torch import save_file

ROWS = 8


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixture of ResNet-8.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(0)

    network = resnet()
    with torch.no_grad():
        for _ in range(3):  # running statistics
            network(torch.rand(16, 1, 28, 28))
        network.eval()
        features = torch.rand(ROWS, 1, 28, 28)
        logits = network(features)
        exact = copy.deepcopy(network).double()(features.double())
    print(
        f"logits in [{logits.min():.3f}, {logits.max():.3f}],"
        f" largest difference from float64 {(logits - exact).abs().max():.1e}"
    )
    save_file(network.state_dict(), out / "resnet.safetensors")
    save_file({"features": features, "logits": logits}, out / "resnet_io.safetensors")


if __name__ == "__main__":
    main()
