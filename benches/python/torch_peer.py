"""PyTorch: eager, compiled (`torch.compile`) or, for inference, traced (`torch.jit.trace`).

    python torch_peer.py eager|compile|trace
"""

import sys
import warnings

import torch
from served import serve
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore", category=DeprecationWarning)  # torch.jit.trace is deprecated


def network(setup):
    net = nn.Sequential(*(getattr(nn, name)(*sizes) for name, *sizes in setup.layers()[1:]))
    load(net, setup.weights())
    return net


def load(net, weights):
    with torch.no_grad():
        for parameter, values in zip(net.parameters(), weights):
            parameter.copy_(torch.from_numpy(values))


class Training:
    """Forward, loss and backward, with `compile` as one compiled graph; then the fused Adam."""

    def __init__(self, setup, mode):
        self.weights = setup.weights()
        self.net = network(setup)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, fused=True)
        self.batches = list(torch.from_numpy(setup.batches()))
        self.labels = list(torch.from_numpy(setup.labels()).long())
        net = self.net

        def loss(x, y):
            return F.cross_entropy(net(x), y)

        self.loss = torch.compile(loss, dynamic=False) if mode == "compile" else loss
        self.losses = []

    def reset(self):
        """Resets in place, as the compiled graph refers to these tensors."""
        load(self.net, self.weights)
        for state in self.optimizer.state.values():
            for tensor in state.values():
                tensor.zero_()
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
        self.batches = list(torch.from_numpy(setup.batches()))
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
