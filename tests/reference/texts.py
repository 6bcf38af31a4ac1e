"""The networks of the examples `sentiment` and `recommend` in PyTorch, on the data that the examples generate.

    cargo run --release --example sentiment -- --write reviews.tsv
    cargo run --release --example recommend -- --write ratings.data
    python texts.py reviews.tsv ratings.data

prints accuracies and RMSE on a random fifth or tenth of the data, for three seeds.
"""

import argparse
import collections
import math
import random
import re

import torch
from sequences import Concat, TokenEmbedding
from torch import nn
from torch.nn import functional as F

VOCABULARY, TOKENS = 2048, 128


def ngrams(text, longest):
    words = re.findall(r"[a-z0-9']+", text.lower())
    for i, word in enumerate(words):
        yield word
        if longest > 1 and i + 1 < len(words):
            yield f"{word} {words[i + 1]}"


def bag():
    return nn.Sequential(
        nn.EmbeddingBag(VOCABULARY, 8, mode="mean", padding_idx=0),
        nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2),
    )  # fmt: skip


def convolution():
    def width(kernel):
        largest = [nn.AdaptiveMaxPool1d(1), nn.Flatten()]
        return nn.Sequential(nn.Conv1d(8, 16, kernel), nn.ReLU(), *largest)

    embedding = TokenEmbedding(VOCABULARY, 8, padding_idx=0)
    return nn.Sequential(embedding, Concat(width(2), width(3)), nn.Linear(32, 2))


def sentiment(path, seed, network, longest):
    reviews = [line.rstrip("\n").split("\t") for line in open(path)]
    random.Random(seed).shuffle(reviews)
    test, train = reviews[: len(reviews) // 5], reviews[len(reviews) // 5 :]
    counts = collections.Counter(n for _, text in train for n in ngrams(text, longest))
    ranked = sorted(counts, key=lambda n: (-counts[n], n))[: VOCABULARY - 2]
    index = {n: i + 2 for i, n in enumerate(ranked)}

    def tensors(part):
        tokens = torch.zeros(len(part), TOKENS, dtype=torch.long)
        for row, (_, text) in enumerate(part):
            known = (index.get(n, 0 if " " in n else 1) for n in ngrams(text, longest))
            row_tokens = [t for t in known if t][:TOKENS]
            tokens[row, : len(row_tokens)] = torch.tensor(row_tokens)
        return tokens, torch.tensor([label == "positive" for label, _ in part]).long()

    torch.manual_seed(seed)
    net = network()
    x, y = tensors(train)
    fit(net, 0.01, 12, 64, len(x), lambda b: F.cross_entropy(net(x[b]), y[b]))
    x, y = tensors(test)
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


class Factors(nn.Module):
    def __init__(self, users, films, mean):
        super().__init__()
        self.a, self.b = nn.Embedding(users, 8), nn.Embedding(films, 8)
        self.c, self.d = nn.Embedding(users, 1), nn.Embedding(films, 1)
        for parameter in self.parameters():
            parameter.data *= 0.1
        self.last = nn.Linear(1, 1)
        self.last.weight.data.fill_(1.0)
        self.last.bias.data.fill_(mean)

    def forward(self, user, film):
        dot = (self.a(user) * self.b(film)).sum(1, keepdim=True)
        return self.last(dot + self.c(user) + self.d(film))[:, 0]


def recommend(path, seed):
    rows = [line.split("\t")[:3] for line in open(path)]
    random.Random(seed).shuffle(rows)
    user, film = (torch.tensor([int(row[i]) for row in rows]) for i in (0, 1))
    stars = torch.tensor([float(row[2]) for row in rows])
    test = torch.arange(len(rows)) < len(rows) // 10
    torch.manual_seed(seed)
    net = Factors(1024, 10_240, stars[~test].mean())
    u, f, s = user[~test], film[~test], stars[~test]
    decayed = lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.02)
    fit(net, 0.01, 15, 256, len(s), lambda b: F.mse_loss(net(u[b], f[b]), s[b]), decayed)
    with torch.no_grad():
        return F.mse_loss(net(user[test], film[test]), stars[test]).sqrt().item()


def fit(net, rate, epochs, batch, samples, loss, optimizer=None):
    """Adam with a cosine over all steps."""
    optimizer = (optimizer or (lambda p: torch.optim.Adam(p, lr=rate)))(net.parameters())
    steps = epochs * math.ceil(samples / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for indices in torch.randperm(samples).split(batch):
            optimizer.zero_grad()
            loss(indices).backward()
            optimizer.step()
            schedule.step()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("reviews")
    parser.add_argument("ratings")
    arguments = parser.parse_args()
    for seed in range(3):
        pairs = sentiment(arguments.reviews, seed, bag, 2)
        words = sentiment(arguments.reviews, seed, convolution, 1)
        rmse = recommend(arguments.ratings, seed)
        print(f"seed {seed}: accuracy {100 * pairs:.2f} %, of the convolution {100 * words:.2f} %, RMSE {rmse:.4f}")
