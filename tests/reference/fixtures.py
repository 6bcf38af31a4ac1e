"""Generates the fixtures that tuplenet's tests compare against PyTorch.

    training.safetensors        data, initial weights and the losses of 50 steps
                                with six optimizer settings
    activations.safetensors     the state_dict of a network with every activation
    activations_io.safetensors  features for that network and their logits

Seeds are fixed. To regenerate them, in this folder:

    python fixtures.py

or elsewhere, with `python fixtures.py --out DIR`.
"""

import argparse
import copy
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

STEPS, BATCH, CLASSES = 50, 8, 5


def training_network():
    return nn.Sequential(
        nn.Linear(20, 16), nn.Tanh(),
        nn.Linear(16, 12), nn.ReLU(),
        nn.Linear(12, CLASSES),
    )  # fmt: skip


def initial_training():
    """The network with its initial weights, the features and the labels, as in training.safetensors."""
    data = load_file(Path(__file__).parent / "training.safetensors")
    network = training_network()
    network.load_state_dict({k.removeprefix("init."): v for k, v in data.items() if k.startswith("init.")})
    return network, data["features"], data["labels"].long()


def activation_network():
    return nn.Sequential(
        nn.Linear(12, 16), nn.SiLU(),
        nn.Linear(16, 16), nn.ELU(0.5),
        nn.Linear(16, 16), nn.Hardswish(),
        nn.Linear(16, 16), nn.Sigmoid(),
        nn.Linear(16, 16), nn.GELU(approximate="none"),
        nn.Linear(16, 16), nn.Softplus(),
        nn.Linear(16, 16), nn.LeakyReLU(0.01),
        nn.Linear(16, 16), nn.Tanh(),
        nn.Linear(16, 16), nn.ReLU(),
        nn.Linear(16, 4),
    )  # fmt: skip


def mse_one_hot(logits, labels):
    """Mean over all elements of the batch, BATCH * CLASSES numbers."""
    return F.mse_loss(logits, F.one_hot(labels, CLASSES).to(logits.dtype))


# name: (loss, optimizer, its options)
RUNS = {
    "sgd_momentum": (F.cross_entropy, torch.optim.SGD, dict(lr=0.05, momentum=0.9)),
    "sgd_nesterov": (
        F.cross_entropy,
        torch.optim.SGD,
        dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    ),
    "adam": (F.cross_entropy, torch.optim.Adam, dict(lr=1e-2)),
    "adamw": (F.cross_entropy, torch.optim.AdamW, dict(lr=1e-2, weight_decay=0.05)),
    "adam_l2": (F.cross_entropy, torch.optim.Adam, dict(lr=1e-2, weight_decay=1e-2)),
    "mse_sgd": (mse_one_hot, torch.optim.SGD, dict(lr=0.1)),
}


def train(initial, features, labels, loss_fn, optimizer, options, max_norm=None, norms=None):
    """A trained copy of `initial`, and the loss of each step before its update.

    With `max_norm`, gradients are clipped to it; their norms before clipping are appended to `norms`.
    """
    network = copy.deepcopy(initial)
    optimizer = optimizer(network.parameters(), **options)
    losses = []
    for step in range(STEPS):
        rows = slice(BATCH * step, BATCH * (step + 1))
        loss = loss_fn(network(features[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        if max_norm is not None:
            norms.append(nn.utils.clip_grad_norm_(network.parameters(), max_norm))
        optimizer.step()
        losses.append(loss.detach())
    return network, torch.stack(losses)


def training():
    torch.manual_seed(0)
    initial = training_network()
    features = torch.randn(STEPS * BATCH, 20)
    # Learnable labels: the index of the largest of five random projections.
    labels = (features @ torch.randn(20, CLASSES)).argmax(dim=1)

    tensors = {f"init.{name}": value for name, value in initial.state_dict().items()}
    tensors |= {"features": features, "labels": labels.to(torch.uint8)}
    for name, run in RUNS.items():
        network, losses = train(initial, features, labels, *run)
        tensors[f"losses.{name}"] = losses
        if name == "adam":
            for key, value in network.state_dict().items():
                tensors[f"final.adam.{key}"] = value

        # The rounding error of this run: a lower bound for a test's tolerance.
        _, exact = train(copy.deepcopy(initial).double(), features.double(), labels, *run)
        print(
            f"  {name:13} loss {losses[0]:.4f} -> {losses[-5:].mean():.4f} (mean of last 5),"
            f" largest difference from float64 {(losses - exact).abs().max():.1e}"
        )
    return tensors


def activations():
    torch.manual_seed(1)
    network = activation_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # beyond the linear region of the activations
        features = torch.randn(32, 12) * 2
        logits = network(features)
        exact = copy.deepcopy(network).double()(features.double())
    print(
        f"  logits in [{logits.min():.3f}, {logits.max():.3f}],"
        f" largest difference from float64 {(logits - exact).abs().max():.1e}"
    )
    return network.state_dict(), {"features": features, "logits": logits}


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixtures of tuplenet's tests.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    print("training")
    save_file(training(), out / "training.safetensors")
    print("activations")
    state, io = activations()
    save_file(state, out / "activations.safetensors")
    save_file(io, out / "activations_io.safetensors")


if __name__ == "__main__":
    main()
