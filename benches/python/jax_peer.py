"""JAX on XLA's CPU backend: the whole step, including Adam, in one `jit` with donated state."""

from functools import partial

import jax
import jax.numpy as jnp
from served import serve

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def logits(layers, weights, x):
    weights = iter(weights)
    for name, *sizes in layers:
        if name == "Linear":
            x = x @ next(weights) + next(weights)
        elif name == "Conv2d":
            stride, padding = sizes[3:]
            weight, bias = next(weights), next(weights)
            padding = [(padding, padding)] * 2
            x = jax.lax.conv_general_dilated(x, weight, (stride, stride), padding)
            x = x + bias[:, None, None]
        elif name == "ReLU":
            x = jax.nn.relu(x)
        elif name == "MaxPool2d":
            kernel, stride = ((1, 1, size, size) for size in sizes)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, kernel, stride, "VALID")
        elif name == "Flatten":
            x = x.reshape(x.shape[0], -1)
    return x


def mean_loss(layers, weights, x, y):
    log_p = jax.nn.log_softmax(logits(layers, weights, x))
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def step(layers, state, x, y):
    weights, m, v, count = state
    loss, gradient = jax.value_and_grad(partial(mean_loss, layers))(weights, x, y)
    count = count + 1
    m = [BETA1 * m + (1 - BETA1) * g for m, g in zip(m, gradient)]
    v = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(v, gradient)]
    scale1, scale2 = 1 / (1 - BETA1**count), 1 / (1 - BETA2**count)
    weights = [
        w - RATE * (m * scale1) / (jnp.sqrt(v * scale2) + EPSILON)
        for w, m, v in zip(weights, m, v)
    ]
    return (weights, m, v, count), loss


def on_device(setup):
    """The weights; those of `Linear` transposed to JAX's `[inputs, outputs]`."""
    return [jnp.array(values.T if values.ndim == 2 else values) for values in setup.weights()]


class Training:
    def __init__(self, setup):
        self.setup = setup
        self.batches = [jnp.array(batch) for batch in setup.batches()]
        self.labels = [jnp.array(labels, jnp.int32) for labels in setup.labels()]
        self.step = jax.jit(partial(step, setup.layers()), donate_argnums=0)
        self.reset()

    def reset(self):
        weights = on_device(self.setup)
        zeros = [[jnp.zeros_like(w) for w in weights] for _ in range(2)]
        self.state = jax.block_until_ready((weights, *zeros, jnp.zeros((), jnp.float32)))
        self.losses = []

    def run(self, steps):
        for index in range(len(self.losses), len(self.losses) + steps):
            batch = index % len(self.batches)
            self.state, loss = self.step(self.state, self.batches[batch], self.labels[batch])
            self.losses.append(loss)
        jax.block_until_ready(self.state)

    def values(self, count):
        return self.losses[:count]


class Inference:
    def __init__(self, setup):
        self.batches = [jnp.array(batch) for batch in setup.batches()]
        self.weights = on_device(setup)
        self.forward = jax.jit(partial(logits, setup.layers()))
        self.next = 0

    def reset(self):
        pass

    def run(self, steps):
        for _ in range(steps):
            # A caller needs each result before its next request.
            self.forward(self.weights, self.batches[self.next]).block_until_ready()
            self.next = (self.next + 1) % len(self.batches)

    def values(self, count):
        return self.forward(self.weights, self.batches[0]).ravel()[:count]


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")  # even if JAX has a GPU
    serve(jax.__version__, lambda setup: (Training if setup.trains else Inference)(setup))
