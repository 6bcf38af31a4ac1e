"""The training of examples/speedrun.rs in PyTorch, to compare times with it.

Linear(784, 192), ReLU, Linear(192, 10), or with --network conv two convolutions and a
linear layer; Kaiming uniform initialisation; cross-entropy; Adam (fused) with a one-cycle
learning rate; pixels divided by 255. DIR contains the four idx files, raw or .gz.

    python speedrun.py --data DIR
    python speedrun.py --data DIR --network conv

Seconds are from the loaded data to the trained network: initialisation, shuffling and
steps. Each seed evaluates on the test set once, after its training. Exits with 1 if a
seed is below 98 %, or 99 % with --network conv.
"""

import argparse
import math
import statistics
import sys
import time
from pathlib import Path

import torch
from mnist import as_images, read_split
from torch import nn
from torch.nn import functional as F

def mlp():
    return nn.Sequential(nn.Linear(784, 192), nn.ReLU(), nn.Linear(192, 10))


def conv():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


# constructor, goal, and the defaults of the options
RECIPES = {
    "mlp": (mlp, 0.98, dict(epochs=4, batch=512, lr=0.02, warm_up=0.15, betas=[0.7, 0.9])),
    "conv": (conv, 0.99, dict(epochs=2, batch=128, lr=0.01, warm_up=0.15, betas=[0.9, 0.99])),
}


def run(seed, train, test, args):
    """Test accuracy from 0 to 1, and seconds of training."""
    images, labels = train
    start = time.perf_counter()
    torch.manual_seed(seed)
    network = RECIPES[args.network][0]()
    for layer in network:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(network.parameters(), betas=args.betas, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=args.lr,
        total_steps=args.epochs * math.ceil(len(images) / args.batch),
        pct_start=args.warm_up,
        cycle_momentum=False,
    )
    for _ in range(args.epochs):
        for rows in torch.randperm(len(images)).split(args.batch):
            loss = F.cross_entropy(network(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        right = (network(test[0]).argmax(dim=1) == test[1]).sum().item()
    return right / len(test[1]), seconds


def spread(values, form):
    least, middle, most = min(values), statistics.median(values), max(values)
    return f"{least:{form}} least, {middle:{form}} median, {most:{form}} most"


def main():
    parser = argparse.ArgumentParser(description="Train to 98 or 99 % of MNIST's test set in PyTorch.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--network", choices=RECIPES, default="mlp")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--lr", type=float, help="peak of the learning rate")
    parser.add_argument("--warm-up", type=float, help="fraction of the steps with a rising rate")
    parser.add_argument("--betas", type=float, nargs=2)
    args = parser.parse_args()
    _, goal, defaults = RECIPES[args.network]
    parser.set_defaults(**defaults)
    args = parser.parse_args()

    train, test = read_split(args.data, "train"), read_split(args.data, "t10k")
    if args.network == "conv":
        train, test = as_images(train), as_images(test)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} CPU threads, {vars(args)}")
    runs = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        runs.append(run(seed, train, test, args))
        print(f"seed {seed:3}  {runs[-1][0]:.2%}  {runs[-1][1]:.3f} s", flush=True)
    accuracies, seconds = zip(*runs)
    print(f"test accuracy: {spread(accuracies, '.2%')}")
    print(f"training time in s: {spread(seconds, '.3f')}")
    sys.exit(any(accuracy < goal for accuracy in accuracies))


if __name__ == "__main__":
    main()
