"""The MNIST tutorial in PyTorch: test accuracy and time to compare tuplenet with.

Linear(784, 500), ReLU, Linear(500, 10), or with --network lenet two convolutions and
three linear layers; cross-entropy; Adam at 1e-3, or with --one-cycle a learning rate that
rises to --lr and falls to 0; batches of 100, shuffled in every epoch; 5 epochs. Pixels
are divided by 255 and not standardised. DIR contains the four idx files, raw or .gz;
--images N trains on the first N of the 60,000 images.

    python mnist.py --data DIR --json mnist.json
    python mnist.py --data DIR --images 10000 --json mnist_10000.json
    python mnist.py --data DIR --network lenet --batch 64 --lr 3e-3 --one-cycle --json lenet.json

Seconds are the time of the training loop, without loading the data and testing.
"""

import argparse
import gzip
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def read_idx(directory, name):
    """The array of unsigned bytes in an idx file, raw or gzipped."""
    path = directory / name
    data = path.read_bytes() if path.exists() else gzip.decompress((directory / f"{name}.gz").read_bytes())
    if data[:3] != b"\0\0\x08":
        raise ValueError(f"{name} is not an idx file of unsigned bytes")
    start = 4 + 4 * data[3]
    shape = np.frombuffer(data[4:start], ">u4").astype(int)
    return torch.from_numpy(np.frombuffer(data[start:], np.uint8).reshape(shape).copy())


def read_split(directory, split):
    images = read_idx(directory, f"{split}-images-idx3-ubyte").flatten(1).float() / 255
    return images, read_idx(directory, f"{split}-labels-idx1-ubyte").long()


def mlp(hidden):
    return nn.Sequential(nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def as_images(split):
    """The pixels of a split as images of one channel."""
    return split[0].reshape(-1, 1, 28, 28), split[1]


def run(seed, train, test, args):
    """Test accuracy from 0 to 1, and seconds of training."""
    torch.manual_seed(seed)
    network = lenet() if args.network == "lenet" else mlp(args.hidden)
    optimizer = torch.optim.Adam(network.parameters(), lr=args.lr)
    images, labels = train
    steps = args.epochs * math.ceil(len(images) / args.batch)
    scheduler = (
        torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=steps, cycle_momentum=False)
        if args.one_cycle
        else torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1)
    )
    start = time.perf_counter()
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


def main():
    parser = argparse.ArgumentParser(description="Train the MNIST tutorial in PyTorch.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--network", choices=["mlp", "lenet"], default="mlp")
    parser.add_argument("--hidden", type=int, default=500, help="width of the hidden layer of mlp")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--images", type=int, default=60_000, help="train on the first ones only")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--one-cycle", action="store_true", help="--lr is the peak of a one-cycle learning rate")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    args = parser.parse_args()

    train, test = read_split(args.data, "train"), read_split(args.data, "t10k")
    train = tuple(part[: args.images] for part in train)
    if args.network == "lenet":
        train, test = as_images(train), as_images(test)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} CPU threads")
    runs = []
    for seed in args.seeds:
        accuracy, seconds = run(seed, train, test, args)
        print(f"seed {seed}: accuracy {accuracy:.4f}, {seconds:.1f} s", flush=True)
        runs.append({"seed": seed, "accuracy": accuracy, "seconds": round(seconds, 2)})
    mean_accuracy = round(sum(r["accuracy"] for r in runs) / len(runs), 6)
    mean_seconds = round(sum(r["seconds"] for r in runs) / len(runs), 2)
    print(f"mean: accuracy {mean_accuracy:.4f}, {mean_seconds:.1f} s")

    if args.json:
        figures = {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "network": args.network,
            **({"hidden": args.hidden} if args.network == "mlp" else {}),
            "images": len(train[1]),
            "epochs": args.epochs,
            "batch": args.batch,
            "lr": args.lr,
            "one_cycle": args.one_cycle,
            "runs": runs,
            "mean_accuracy": mean_accuracy,
            "mean_seconds": mean_seconds,
        }
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
