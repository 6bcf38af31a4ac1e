"""PyTorch: eager, with sparse gradients, compiled (`torch.compile`) or, for inference, traced (`torch.jit.trace`).

    python torch_peer.py eager|sparse|compile|trace
"""

import sys
import warnings

import torch
from served import serve
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore", category=DeprecationWarning)  # torch.jit.trace is deprecated


class Add(nn.Module):
    def forward(self, x, z):
        return x + z


class GlobalAvgPool2d(nn.Sequential):
    def __init__(self):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten())


class EmbeddingBag(nn.EmbeddingBag):
    """Without `padding_idx`, as `batches` leave the padding out: no gradient reaches its row."""

    def __init__(self, words, width):
        super().__init__(words, width, mode="mean")

    def forward(self, texts):
        return super().forward(*texts)


class WeightedBag(nn.EmbeddingBag):
    def __init__(self, words, width):
        super().__init__(words, width, mode="sum")

    def forward(self, texts):
        words, offsets, numbers = texts
        return super().forward(words, offsets, per_sample_weights=numbers)


class TokenEmbedding(nn.Embedding):
    def __init__(self, words, width):
        super().__init__(words, width, padding_idx=0)

    def forward(self, tokens):
        return super().forward(tokens).transpose(1, 2)


OURS = {
    "Add": Add,
    "EmbeddingBag": EmbeddingBag,
    "GlobalAvgPool2d": GlobalAvgPool2d,
    "GlobalMaxPool2d": lambda: nn.AdaptiveMaxPool1d(1),  # only of sequences here
    "TokenEmbedding": TokenEmbedding,
    "WeightedBag": WeightedBag,
}


class Branching(nn.Module):
    """Modules of which some read the output of one that is not the one before."""

    def __init__(self, modules, operands):
        super().__init__()
        self.steps, self.operands = nn.ModuleList(modules), operands

    def forward(self, x):
        values = [x]
        for module, operands in zip(self.steps, self.operands):
            values.append(module(*(values[value] for value in operands)))
        return values[-1]


def network(setup):
    layers = setup.layers()
    modules = [(OURS.get(layer.name) or getattr(nn, layer.name))(*layer.sizes) for layer in layers]
    operands = [layer.operands for layer in layers]
    is_chain = operands == [[value] for value in range(len(layers))]
    net = nn.Sequential(*modules) if is_chain else Branching(modules, operands)
    load(net, setup)
    return net


def load(net, setup):
    """Sets every parameter and running statistic in place."""
    tensors = setup.tensors()
    modules = net if isinstance(net, nn.Sequential) else net.steps
    with torch.no_grad():
        for layer, module in zip(setup.layers(), modules):
            for name, tensor in module.state_dict().items():
                tensor.copy_(torch.from_numpy(tensors[f"{layer.path}.{name}"]))


def batches(setup):
    """The features of each batch. Texts are words and the offset of each text in them: without `padding_idx`, `EmbeddingBag`
    has faster kernels."""
    if setup.reads() == "TokenEmbedding":
        return list(torch.from_numpy(setup.tokens()))
    if setup.reads() not in ("EmbeddingBag", "WeightedBag"):
        return list(torch.from_numpy(setup.batches()))
    texts = []
    for words, lengths, *numbers in setup.texts():
        words, offsets = torch.from_numpy(words), torch.from_numpy(lengths.cumsum() - lengths)
        of_words = [words, *map(torch.from_numpy, numbers)]
        for values in of_words:
            torch._dynamo.mark_dynamic(values, 0)  # one compiled graph for any number of words
        words, *numbers = of_words
        texts.append((words, offsets.int(), *numbers))
    return texts


class SparseAdam:
    """`torch.optim.SparseAdam` for the table, the first layer, and the fused Adam for the other layers.

    It is not Adam: in a step, a row that the batch does not read keeps its value and its moments. In Adam the moments
    decay, and the row moves on."""

    def __init__(self, net):
        table, *others = net.parameters()
        net[0].sparse = True
        self.optimizers = [
            torch.optim.SparseAdam([table], lr=1e-3),
            torch.optim.Adam(others, lr=1e-3, fused=True),
        ]

    @property
    def state(self):
        sparse, dense = (optimizer.state for optimizer in self.optimizers)
        return {**sparse, **dense}

    def zero_grad(self):
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def step(self):
        for optimizer in self.optimizers:
            optimizer.step()


class Training:
    """Forward, loss and backward, with `compile` as one compiled graph; then the fused Adam."""

    def __init__(self, setup, mode):
        self.setup = setup
        self.net = network(setup)
        if mode == "sparse":
            self.optimizer = SparseAdam(self.net)
        else:
            self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, fused=True)
        self.batches = batches(setup)
        self.labels = list(torch.from_numpy(setup.labels()).long())
        net = self.net

        def loss(x, y):
            return F.cross_entropy(net(x), y)

        self.loss = torch.compile(loss, dynamic=False) if mode == "compile" else loss
        self.losses = []

    def reset(self):
        """Resets in place, as the compiled graph refers to these tensors."""
        load(self.net, self.setup)
        for state in self.optimizer.state.values():
            for name, value in state.items():
                if torch.is_tensor(value):
                    value.zero_()
                else:
                    state[name] = 0  # the number of steps, in SparseAdam
        self.losses.clear()

    def run(self, steps):
        for step in range(len(self.losses), len(self.losses) + steps):
            batch = step % len(self.batches)
            loss = self.loss(self.batches[batch], self.labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.detach())

    def values(self, count):
        return self.losses[:count]


class Inference:
    def __init__(self, setup, mode):
        self.batches = batches(setup)
        net = network(setup).eval()
        if mode == "trace":
            net = torch.jit.freeze(torch.jit.trace(net, self.batches[0]))
        elif mode == "compile":
            net = torch.compile(net, dynamic=False)
        self.net = net
        self.next = 0

    def reset(self):
        pass

    @torch.inference_mode()
    def run(self, steps):
        for _ in range(steps):
            self.net(self.batches[self.next])
            self.next = (self.next + 1) % len(self.batches)

    @torch.inference_mode()
    def values(self, count):
        return self.net(self.batches[0]).flatten()[:count].tolist()


def main():
    mode = sys.argv[1]
    serve(torch.__version__, lambda setup: (Training if setup.trains else Inference)(setup, mode))


if __name__ == "__main__":
    main()
