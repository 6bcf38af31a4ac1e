"""Generates losses.safetensors: losses, their gradients with respect to the outputs, and trainings.

In this folder, after fixtures.py:

    python losses.py

or elsewhere, with `python losses.py --out DIR`.
"""

import argparse
from pathlib import Path

import torch
from fixtures import BATCH, CLASSES, initial_training, train
from safetensors.torch import save_file
from torch.nn import functional as F

DELTA = 0.7
WEIGHTS = torch.tensor([0.2, 1.0, 3.0, 0.0, 1.5])
ADAM = dict(lr=1e-2)
INF = float("inf")


def cross_entropy(smoothing):
    def loss(logits, labels):
        return F.cross_entropy(logits, labels, weight=WEIGHTS.to(logits.dtype), label_smoothing=smoothing)

    return loss


# name: (loss, its targets)
LOSSES = {
    "mean_absolute_error": (F.l1_loss, "values"),
    "huber": (lambda y, t: F.huber_loss(y, t, delta=DELTA), "values"),
    "binary_cross_entropy": (F.binary_cross_entropy_with_logits, "flags"),
    "weighted": (cross_entropy(0.0), "labels"),
    "weighted_and_smoothed": (cross_entropy(0.1), "labels"),
}


def with_gradient(loss, outputs, targets):
    outputs = outputs.clone().requires_grad_()
    value = loss(outputs, targets)
    value.backward()
    return value.detach(), outputs.grad


def extreme_outputs(targets):
    """[n, 5] outputs, each row a batch of its own, and their targets."""
    if targets == "values":
        # errors of exactly 0 and delta, on both sides, and of the next numbers; targets are 0
        delta = torch.tensor(DELTA)
        up, down = torch.tensor(INF), torch.tensor(0.0)
        kinks = torch.stack([delta, torch.nextafter(delta, up), torch.nextafter(delta, down), torch.tensor(0.0)])
        rows = [[*kinks.tolist(), -0.0], [*(-kinks).tolist(), 1.0]]
        rows += [[200.0, -200.0, 0.1, -0.1, 1e-30], [INF, 1.0, 1.0, 1.0, 1.0], [-INF, 1.0, 1.0, 1.0, 1.0]]
        return torch.tensor(rows), torch.zeros(len(rows), CLASSES)
    extremes = [
        [200.0, -200.0, 0.0, 1.0, -1.0],
        [-200.0, 200.0, 200.0, -200.0, 0.0],
        [89.0, -89.0, 17.0, -17.0, 1e-30],
        [INF, 0.0, 0.0, 0.0, 0.0],
        [-INF, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, -INF, 0.0],
    ]
    if targets == "flags":
        flags = [[1.0, 1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0]]
        both = [(row, flag) for row in extremes for flag in flags]
    else:
        # class 3 has weight 0: alone in its batch, its loss is NaN
        both = [(row, label) for row in extremes for label in range(CLASSES)]
    rows, targets = zip(*both)
    return torch.tensor(rows), torch.tensor(targets)


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixture of losses.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(0)

    network, features, labels = initial_training()
    projected = features @ torch.randn(20, CLASSES)
    targets = {
        "values": projected / 4.0 + 0.1 * torch.randn(len(features), CLASSES),
        "flags": (projected + torch.randn(len(features), CLASSES) > 1.0).float(),
        "labels": labels,
    }
    outputs = 2.0 * torch.randn(BATCH, CLASSES)
    tensors = {"weights": WEIGHTS, "delta": torch.tensor([DELTA]), "outputs": outputs}
    tensors |= {"values": targets["values"], "flags": targets["flags"].to(torch.uint8)}
    for name, (loss, kind) in LOSSES.items():
        value, gradient = with_gradient(loss, outputs, targets[kind][:BATCH])
        tensors |= {f"{name}.loss": value.reshape(1), f"{name}.gradient": gradient}

        rows, row_targets = extreme_outputs(kind)
        each = [with_gradient(loss, row[None], target[None]) for row, target in zip(rows, row_targets)]
        is_label = kind == "labels"
        tensors |= {
            f"{name}.extreme.outputs": rows,
            f"{name}.extreme.targets": row_targets.to(torch.uint8) if is_label else row_targets,
            f"{name}.extreme.losses": torch.stack([value for value, _ in each]),
            f"{name}.extreme.gradients": torch.cat([gradient for _, gradient in each]),
        }

        run = loss, torch.optim.Adam, ADAM
        _, losses = train(network, features, targets[kind], *run)
        wide = targets[kind] if is_label else targets[kind].double()
        _, exact = train(network.double(), features.double(), wide, *run)
        network.float()
        tensors[f"{name}.training"] = losses
        difference = (losses - exact).abs().max()
        print(f"{name:21} loss {losses[0]:.4f} -> {losses[-1]:.4f}, largest difference from float64 {difference:.1e}")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out / "losses.safetensors")


if __name__ == "__main__":
    main()
