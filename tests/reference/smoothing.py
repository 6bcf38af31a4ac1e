"""Generates smoothing.json: a training with label smoothing, and a gradient.

In this folder, after fixtures.py:

    python smoothing.py

or elsewhere, with `python smoothing.py --out DIR`.
"""

import argparse
import functools
import json
from pathlib import Path

import torch
from fixtures import BATCH, initial_training, train
from torch.nn import functional as F

SMOOTHING = 0.1
ADAM = dict(lr=1e-2)
# for the first batch only; they cover the valid range
FIRST_LOSSES = [0.0, 0.1, 0.5, 1.0]


def first_batch(smoothing):
    """The loss of the first batch at the initial weights, and its gradient in the order of the parameters."""
    network, features, labels = initial_training()
    loss = F.cross_entropy(network(features[:BATCH]), labels[:BATCH], label_smoothing=smoothing)
    loss.backward()
    gradient = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    return loss.item(), gradient.tolist()


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixture of label smoothing.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    network, features, labels = initial_training()
    run = functools.partial(F.cross_entropy, label_smoothing=SMOOTHING), torch.optim.Adam, ADAM
    _, losses = train(network, features, labels, *run)
    _, exact = train(network.double(), features.double(), labels, *run)
    difference = (losses - exact).abs().max()
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}, largest difference from float64 {difference:.1e}")
    fixture = {
        "smoothing": SMOOTHING,
        "adam": ADAM,
        "losses": losses.tolist(),
        "gradient": first_batch(SMOOTHING)[1],
        "first_losses": [{"smoothing": e, "loss": first_batch(e)[0]} for e in FIRST_LOSSES],
    }
    (out / "smoothing.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
