"""Generates early_stopping.json and early_stopping.safetensors: a training in PyTorch that early stopping ends.

In this folder, after fixtures.py:

    python early_stopping.py

or elsewhere, with `python early_stopping.py --out DIR`.
"""

import argparse
import json
from pathlib import Path

import torch
from fixtures import initial_training
from safetensors.torch import save_file
from torch.nn import functional as F

# The validation samples that tuplenet selects with validation(80) and seed 1, as tested in src/train/split.rs.
VALIDATION = [
    243, 161, 352, 242, 21, 222, 313, 183, 31, 75, 90, 76, 359, 280, 85, 108, 71, 377, 107, 23, 244, 84, 109, 139,
    267, 383, 196, 162, 16, 11, 169, 10, 326, 382, 225, 151, 391, 381, 173, 389, 42, 148, 138, 174, 236, 237, 47, 380,
    119, 182, 12, 110, 335, 214, 325, 333, 160, 66, 233, 64, 279, 371, 387, 106, 136, 215, 98, 351, 197, 80, 322, 157,
    228, 309, 329, 270, 128, 278, 92, 55,
]  # fmt: skip
LEARNING_RATE = 0.02
PATIENCE = 6
MIN_DELTA = 1e-3
MAX_EPOCHS = 200


def train(dtype):
    """One step per epoch on all training samples, so that their order has no effect."""
    network, features, labels = initial_training()
    network, features = network.to(dtype), features.to(dtype)
    in_validation = torch.zeros(len(labels), dtype=torch.bool)
    in_validation[VALIDATION] = True
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    train_losses, validation_losses = [], []
    best, best_epoch, weights = float("inf"), 0, {}
    for epoch in range(1, MAX_EPOCHS + 1):
        loss = F.cross_entropy(network(features[~in_validation]), labels[~in_validation])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            validation = F.cross_entropy(network(features[in_validation]), labels[in_validation]).item()
        train_losses.append(loss.item())
        validation_losses.append(validation)
        # as in Keras: an epoch is better if it is below the best by more than min_delta; patience counts the others
        if validation < best - MIN_DELTA:
            best, best_epoch = validation, epoch
            weights = {k: v.detach().clone().float() for k, v in network.state_dict().items()}
        elif epoch - best_epoch >= PATIENCE:
            break
    return train_losses, validation_losses, best_epoch, weights


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = arguments.parse_args().out
    train_losses, validation_losses, best_epoch, weights = train(torch.float32)
    _, exact, exact_epoch, _ = train(torch.float64)
    assert len(exact) == len(validation_losses) and exact_epoch == best_epoch
    print("epochs", len(exact), "best", best_epoch)
    print("rounding", max(abs(a - b) / b for a, b in zip(validation_losses, exact)))
    figures = dict(
        learning_rate=LEARNING_RATE,
        patience=PATIENCE,
        min_delta=MIN_DELTA,
        most_epochs=MAX_EPOCHS,
        validation=VALIDATION,
        train_losses=train_losses,
        validation_losses=validation_losses,
        best_epoch=best_epoch,
    )
    (out / "early_stopping.json").write_text(json.dumps(figures) + "\n")
    save_file(weights, out / "early_stopping.safetensors")


if __name__ == "__main__":
    main()
