"""Generates clipping.json: trainings with gradient clipping by norm.

In this folder, after fixtures.py:

    python clipping.py

or elsewhere, with `python clipping.py --out DIR`.
"""

import argparse
import json
from pathlib import Path

import torch
from fixtures import initial_training, train
from torch.nn import functional as F

# name: optimizer, its options, and the maximum norm, which some steps exceed and some do not
RUNS = {
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.05, momentum=0.9), 0.75),
    "adam": (torch.optim.Adam, dict(lr=1e-2), 0.75),
}


def run(dtype, optimizer, options, max_norm):
    """The loss of each step and the norm of its gradient before clipping."""
    network, features, labels = initial_training()
    norms = []
    _, losses = train(
        network.to(dtype), features.to(dtype), labels, F.cross_entropy, optimizer, options, max_norm, norms
    )
    return losses, torch.stack(norms)


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixture of clipping by norm.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    fixture = {}
    for name, (optimizer, options, max_norm) in RUNS.items():
        losses, norms = run(torch.float32, optimizer, options, max_norm)
        exact, _ = run(torch.float64, optimizer, options, max_norm)
        print(
            f"  {name:13} norms {norms.min():.2f} to {norms.max():.2f}, {(norms > max_norm).sum()} of {len(norms)} clipped,"
            f" largest difference from float64 {(losses - exact).abs().max():.1e}"
        )
        fixture[name] = options | {"clip_norm": max_norm, "losses": losses.tolist(), "norms": norms.tolist()}
    (out / "clipping.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
