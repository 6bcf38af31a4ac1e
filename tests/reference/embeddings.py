"""Generates the fixtures of networks with embeddings.

    embeddings.safetensors     the state_dict of the network with a mean
    embeddings_io.safetensors  tokens [60, 12], of which one row is empty; labels [60]; of each pooling `mean`, `sum` and `max`
                               the logits [60, 3], and the losses of 40 steps with Adam, AdamW and SGD with momentum, in batches
                               of 7 in order, from the weights of embeddings.safetensors; likewise `category`, of an Embedding of
                               the first token of each row

To regenerate them, in this folder:

    python embeddings.py

or elsewhere, with `python embeddings.py --out DIR`.
"""

import argparse
import copy
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

SAMPLES, TOKENS, VOCABULARY, FEATURES, CLASSES, BATCH, STEPS = 60, 12, 50, 18, 3, 7, 40
OPTIMIZERS = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.03, momentum=0.9),
}


class First(nn.Module):
    def forward(self, x):
        return x[:, 0]


def network(pooling):
    if pooling == "category":
        first = [First(), nn.Embedding(VOCABULARY, FEATURES)]
    else:
        first = [nn.EmbeddingBag(VOCABULARY, FEATURES, mode=pooling, padding_idx=0)]
    return nn.Sequential(*first, nn.Linear(FEATURES, CLASSES))


def losses(net, optimizer, tokens, labels):
    for step in range(STEPS):
        batch = torch.arange(step * BATCH, (step + 1) * BATCH) % SAMPLES
        optimizer.zero_grad()
        loss = F.cross_entropy(net(tokens[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        yield loss.item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    torch.manual_seed(26)
    # squares, so that some tokens are frequent and others occur in few batches
    tokens = 1 + (torch.rand(SAMPLES, TOKENS) ** 2 * (VOCABULARY - 1)).long()
    lengths = torch.randint(1, TOKENS + 1, (SAMPLES,))
    lengths[3] = 0
    tokens[torch.arange(TOKENS) >= lengths[:, None]] = 0
    labels = torch.randint(CLASSES, (SAMPLES,))
    io = {"tokens": tokens.to(torch.uint8), "labels": labels.to(torch.uint8)}

    weights = list(network("mean").parameters())
    for pooling in ["mean", "sum", "max", "category"]:
        net = network(pooling)
        for parameter, value in zip(net.parameters(), weights):
            parameter.data.copy_(value)
        if pooling == "mean":
            save_file(net.state_dict(), out / "embeddings.safetensors")
        io[f"{pooling}.logits"] = net(tokens).detach()
        for name, optimizer in OPTIMIZERS.items():
            trained = copy.deepcopy(net)
            steps = losses(trained, optimizer(trained.parameters()), tokens, labels)
            io[f"{pooling}.{name}"] = torch.tensor(list(steps))
    save_file(io, out / "embeddings_io.safetensors")


if __name__ == "__main__":
    main()
