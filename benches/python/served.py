"""The server side of the protocol for the baselines in Python; `../harness/served.rs` documents it.

A network has `reset()`, `run(steps)` and `values(count)`, and cycles through its batches in order.
"""

import sys
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file


def numbers(words):
    """The numbers; `-` stands for none."""
    return [int(word) for word in words if word != "-"]


class Layer(NamedTuple):
    """A line of `layers.txt`, which `../harness/network.rs` documents."""

    path: str
    operands: list
    name: str
    sizes: list


class Setup(NamedTuple):
    """One task: training or inference of a network."""

    trains: bool
    eight_bits: bool
    batch: int
    folder: Path

    def layers(self):
        """The layers, without the input."""
        return self.lines()[1:]

    @cache
    def lines(self):
        lines = (self.folder / "layers.txt").read_text().splitlines()
        words = [line.split(" ") for line in lines]
        return [
            Layer(path, numbers(operands.split(",")), name, numbers(sizes))
            for path, operands, name, *sizes in words
        ]

    def input(self):
        """The sizes of a sample."""
        return self.lines()[0].sizes

    def batches(self):
        """All features, `[batches, B, *input]`."""
        features = np.fromfile(self.folder / "features.f32", "<f4")
        return features.reshape(-1, self.batch, *self.input())

    def reads(self):
        """`TokenEmbedding`, `EmbeddingBag` or `WeightedBag` if the first layer is one."""
        return self.layers()[0].name

    def tokens(self):
        """Padded texts, `[batches, B, L]`."""
        return self.batches().astype(np.int32)

    def texts(self):
        """Of each batch the words of all texts, one text after another, without the padding, the texts' lengths, and of a
        `WeightedBag` the words' numbers."""
        batches, numbers = self.batches(), None
        if self.reads() == "WeightedBag":
            batches, numbers = np.split(batches, 2, axis=2)
        for index, batch in enumerate(batches.astype(np.int32)):
            is_word = batch != 0  # 0 is the padding
            words = [batch[is_word], is_word.sum(axis=1, dtype=np.int32)]
            yield words if numbers is None else [*words, numbers[index][is_word]]

    def labels(self):
        """The labels, `[batches, B]`."""
        return np.fromfile(self.folder / "labels.u8", np.uint8).reshape(-1, self.batch)

    @cache
    def tensors(self):
        """The initial weights and running statistics, by name."""
        return load_file(self.folder / "weights.safetensors")

    def weights(self, parts=("weight", "bias")):
        """These tensors of every layer that has them, in order, each with the layer's name."""
        tensors = self.tensors()
        names = ((layer.name, f"{layer.path}.{part}") for layer in self.layers() for part in parts)
        return [(layer, tensors[name]) for layer, name in names if name in tensors]


def serve(version, make):
    """Answers commands until standard input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # so that output of libraries is not read as an answer
    net = None
    for line in sys.stdin:
        command, *words = line.rstrip("\n").split(" ", 4)
        if command == "setup":
            task, _, batch, folder = words
            net = make(Setup(task == "train", task == "infer8", int(batch), Path(folder)))
            answer = f"ready {version}"
        elif command == "reset":
            net.reset()
            answer = "ok"
        elif command == "run":
            steps = int(words[0])
            start = perf_counter()
            net.run(steps)
            answer = str(perf_counter() - start)
        elif command == "values":
            answer = " ".join(str(float(value)) for value in net.values(int(words[0])))
        else:
            raise SystemExit(f"unknown command: {line}")
        print(answer, file=answers, flush=True)
