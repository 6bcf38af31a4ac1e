"""Generates the fixtures of networks of sequences.

    sequences.safetensors     the state_dict of `words`, an embedding of each token, convolutions of two widths and their maxima
    readings.safetensors      the state_dict of `readings`, a network with every layer of one dimension
    sequences_io.safetensors  of `words`, for the tokens and labels of embeddings_io.safetensors, the logits [60, 3] and the losses
                              of 40 steps with Adam, AdamW and SGD with momentum, as embeddings.py computes them; of `readings`,
                              `readings.x` [16, 3, 40] and the logits [16, 3]

To regenerate them, in this folder:

    python sequences.py

or elsewhere, with `python sequences.py --out DIR`.
"""

import argparse
import copy
from pathlib import Path

import torch
from embeddings import CLASSES, FEATURES, OPTIMIZERS, VOCABULARY, losses
from safetensors.torch import load_file, save_file
from torch import nn


class TokenEmbedding(nn.Embedding):
    def forward(self, x):
        return super().forward(x).transpose(1, 2)


class Concat(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def width(kernel):
    largest = [nn.AdaptiveMaxPool1d(1), nn.Flatten()]
    return nn.Sequential(nn.Conv1d(FEATURES, 6, kernel), nn.ReLU(), *largest)


def words():
    embedding = TokenEmbedding(VOCABULARY, FEATURES, padding_idx=0)
    return nn.Sequential(embedding, Concat(width(2), width(3)), nn.Linear(12, CLASSES))


def readings():
    return nn.Sequential(
        nn.Conv1d(3, 6, 5, stride=2, padding=2),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(6, 9, 3, groups=3),
        nn.Tanh(),
        nn.AvgPool1d(4),
        nn.Flatten(),
        nn.Linear(18, CLASSES),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    data = load_file(Path(__file__).parent / "embeddings_io.safetensors")
    tokens, labels = data["tokens"].long(), data["labels"].long()
    torch.manual_seed(27)
    net, io = words(), {}
    save_file(net.state_dict(), out / "sequences.safetensors")
    io["words.logits"] = net(tokens).detach()
    for name, optimizer in OPTIMIZERS.items():
        trained = copy.deepcopy(net)
        steps = losses(trained, optimizer(trained.parameters()), tokens, labels)
        io[f"words.{name}"] = torch.tensor(list(steps))

    net, x = readings(), torch.randn(16, 3, 40)
    net(torch.randn(32, 3, 40))  # for running statistics other than 0 and 1
    net.eval()
    save_file(net.state_dict(), out / "readings.safetensors")
    io["readings.x"], io["readings.logits"] = x, net(x).detach()
    save_file(io, out / "sequences_io.safetensors")


if __name__ == "__main__":
    main()
