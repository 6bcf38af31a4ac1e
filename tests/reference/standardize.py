"""Generates the fixtures of a network that standardises its samples.

    standardize.safetensors     the state_dict, with the statistics of the features below
    standardize_io.safetensors  features [40, 13] of very different sizes, one of them constant; labels [40]; the logits [40, 3];
                                the gradient of logit 1 of sample 0 with respect to its features [13];
                                the losses of 20 steps of Adam, in batches of 8 in order, with dropout off

The statistics are scikit-learn's. To regenerate them, in this folder:

    python standardize.py

or elsewhere, with `python standardize.py --out DIR`.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

SAMPLES, FEATURES, CLASSES, BATCH, STEPS = 40, 13, 3, 8, 20


class Standardize(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("std", torch.zeros(n))

    def forward(self, x):
        return (x - self.mean) / self.std


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    torch.manual_seed(15)
    scale = torch.logspace(-4, 6, FEATURES)
    features = (torch.randn(SAMPLES, FEATURES) + torch.randn(FEATURES) * 3) * scale
    features[:, 4] = 0.25
    labels = torch.randint(CLASSES, (SAMPLES,))

    network = nn.Sequential(
        Standardize(FEATURES), nn.Linear(FEATURES, 7), nn.ReLU(), nn.Linear(7, CLASSES)
    )  # fmt: skip
    scaler = StandardScaler().fit(features.double().numpy())
    network[0].mean.copy_(torch.from_numpy(scaler.mean_))
    network[0].std.copy_(torch.from_numpy(scaler.scale_))
    save_file(network.state_dict(), out / "standardize.safetensors")

    sample = features[0].clone().requires_grad_()
    network(sample)[1].backward()
    io = {
        "features": features,
        "labels": labels.to(torch.uint8),
        "logits": network(features).detach(),
        "gradient": sample.grad,
    }
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for step in range(STEPS):
        batch = torch.arange(step * BATCH, (step + 1) * BATCH) % SAMPLES
        optimizer.zero_grad()
        loss = F.cross_entropy(network(features[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    io["losses"] = torch.tensor(losses)
    save_file(io, out / "standardize_io.safetensors")


if __name__ == "__main__":
    main()
