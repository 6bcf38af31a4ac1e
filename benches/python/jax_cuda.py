"""JAX on a GPU: the same step as on the CPU, in one `jit` that also gathers the batch. The data set
is on the device.

    python jax_cuda.py DEVICE
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import jax_peer
import numpy as np
from jax_peer import inference, on_device
from served import serve

jax.config.update("jax_default_matmul_precision", "highest")  # no TF32: the other contenders compute in f32


def samples(setup):
    """All features, all labels and the batches' indices into them."""
    labels = setup.labels()
    batches = jnp.arange(labels.size, dtype=jnp.int32).reshape(labels.shape)
    features = setup.batches().reshape(-1, *setup.input())
    return jnp.array(features), jnp.array(labels.ravel(), jnp.int32), list(batches)


def step(layers, state, features, labels, batch):
    return jax_peer.step(layers, state, features[batch], labels[batch])


class Training(jax_peer.Training):
    def __init__(self, setup):
        self.setup = setup
        self.features, self.labels, self.batches = samples(setup)
        self.step = jax.jit(partial(step, setup.layers()), donate_argnums=0)
        self.reset()

    def run(self, steps):
        for index in range(len(self.losses), len(self.losses) + steps):
            batch = self.batches[index % len(self.batches)]
            self.state, loss = self.step(self.state, self.features, self.labels, batch)
            self.losses.append(loss)
        jax.block_until_ready((self.state, self.losses))


class Inference:
    def __init__(self, setup):
        self.features, _, self.batches = samples(setup)
        self.weights = on_device(setup)
        layers = setup.layers()
        self.forward = jax.jit(
            lambda weights, features, batch: inference(layers, weights, features[batch])
        )
        self.next = 0

    def reset(self):
        pass

    def answer(self, batch):
        """The logits on the host: a caller needs each result before its next request."""
        return np.asarray(self.forward(self.weights, self.features, batch))

    def run(self, steps):
        for _ in range(steps):
            self.answer(self.batches[self.next])
            self.next = (self.next + 1) % len(self.batches)

    def values(self, count):
        return self.answer(self.batches[0]).ravel()[:count]


def main():
    kind, _, number = sys.argv[1].partition(":")
    device = jax.devices(kind)[int(number or 0)]
    jax.config.update("jax_default_device", device)
    serve(jax.__version__, lambda setup: (Training if setup.trains else Inference)(setup))


if __name__ == "__main__":
    main()
