"""The training of examples/speedrun.rs in PyTorch, to compare times with it.

Linear(784, 192), ReLU, Linear(192, 10); Kaiming uniform initialisation; cross-entropy;
Adam (fused) with a one-cycle learning rate; pixels divided by 255. DIR contains the four
idx files, raw or .gz.

    python speedrun.py --data DIR

Seconds are from the loaded data to the trained network: initialisation, shuffling and
steps. Each seed evaluates on the test set once, after its training. Exits with 1 if a
seed is below 98 %.
"""

import argparse
import math
import statistics
import sys
import time
from pathlib import Path

import torch
from mnist import read_split
from torch import nn
from torch.nn import functional as F

GOAL = 0.98


def run(seed, train, test, args):
    """Test accuracy from 0 to 1, and seconds of training."""
    images, labels = train
    start = time.perf_counter()
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(784, args.hidden), nn.ReLU(), nn.Linear(args.hidden, 10))
    for layer in (network[0], network[2]):
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
    parser = argparse.ArgumentParser(description="Train to 98 % of MNIST's test set in PyTorch.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--lr", type=float, default=0.02, help="peak of the learning rate")
    parser.add_argument("--warm-up", type=float, default=0.15, help="fraction of the steps with a rising rate")
    parser.add_argument("--betas", type=float, nargs=2, default=[0.7, 0.9])
    args = parser.parse_args()

    train, test = read_split(args.data, "train"), read_split(args.data, "t10k")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} CPU threads, {vars(args)}")
    runs = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        runs.append(run(seed, train, test, args))
        print(f"seed {seed:3}  {runs[-1][0]:.2%}  {runs[-1][1]:.3f} s", flush=True)
    accuracies, seconds = zip(*runs)
    print(f"test accuracy: {spread(accuracies, '.2%')}")
    print(f"training time in s: {spread(seconds, '.3f')}")
    sys.exit(any(accuracy < GOAL for accuracy in accuracies))


if __name__ == "__main__":
    main()
