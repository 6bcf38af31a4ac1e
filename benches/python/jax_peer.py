"""JAX on XLA's CPU backend: the whole step, including Adam, in one `jit` with donated state."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from served import serve

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def logits(layers, weights, statistics, x, normalize):
    """The logits, and new running statistics. `normalize(x, mean, variance)` gives the mean and the variance by which a
    batch normalisation normalises, and new running ones."""
    weights, statistics, updated = iter(weights), iter(statistics), []
    values = [x]
    for _, operands, name, sizes in layers:
        x = values[operands[0]]
        if name == "Linear":
            x = x @ next(weights) + next(weights)
        elif name in ("EmbeddingBag", "WeightedBag"):
            words, texts, lengths, *numbers = x
            rows = next(weights).at[words].get(mode="promise_in_bounds")
            for number in numbers:
                rows = rows * number[:, None]
            x = jax.ops.segment_sum(rows, texts, lengths.size, indices_are_sorted=True)
            if name == "EmbeddingBag":
                x = x / lengths[:, None]
        elif name == "TokenEmbedding":
            rows = next(weights).at[x].get(mode="promise_in_bounds")
            # the row of the padding has no gradient
            rows = jnp.where(x[..., None] > 0, rows, jax.lax.stop_gradient(rows))
            x = rows.transpose(0, 2, 1)
        elif name == "Conv1d":
            stride, padding = sizes[3:]
            weight, bias = next(weights), next(weights)
            x = jax.lax.conv_general_dilated(x, weight, (stride,), [(padding, padding)])
            x = x + bias[:, None]
        elif name == "GlobalMaxPool2d":
            x = x.max(2)  # only of sequences here
        elif name == "Conv2d":
            stride, padding = sizes[3:]
            weight, bias = next(weights), next(weights)
            padding = [(padding, padding)] * 2
            x = jax.lax.conv_general_dilated(x, weight, (stride, stride), padding)
            x = x + bias[:, None, None]
        elif name == "BatchNorm2d":
            weight, bias = next(weights), next(weights)
            (mean, variance), running = normalize(x, next(statistics), next(statistics))
            updated += running
            factor = weight * jax.lax.rsqrt(variance + 1e-5)
            x = (x - mean[:, None, None]) * factor[:, None, None] + bias[:, None, None]
        elif name == "ReLU":
            x = jax.nn.relu(x)
        elif name == "MaxPool2d":
            kernel, stride = ((1, 1, size, size) for size in sizes)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, kernel, stride, "VALID")
        elif name == "GlobalAvgPool2d":
            x = x.mean((2, 3))
        elif name == "Add":
            x = x + values[operands[1]]
        elif name == "Flatten":
            x = x.reshape(x.shape[0], -1)
        else:
            raise SystemExit(f"no operation for {name}")
        values.append(x)
    return x, updated


def by_batch(x, mean, variance):
    """As PyTorch, whose running variance is the unbiased one."""
    of_batch = x.mean((0, 2, 3)), x.var((0, 2, 3))
    count = x.size // x.shape[1]
    running = [0.9 * mean + 0.1 * of_batch[0], 0.9 * variance + 0.1 * of_batch[1] * count / (count - 1)]
    return of_batch, jax.lax.stop_gradient(running)


def by_running(_, mean, variance):
    return (mean, variance), []


def inference(layers, state, x):
    return logits(layers, *state, x, by_running)[0]


def mean_loss(layers, weights, statistics, x, y):
    found, statistics = logits(layers, weights, statistics, x, by_batch)
    log_p = jax.nn.log_softmax(found)
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean(), statistics


def step(layers, state, x, y):
    weights, m, v, count, statistics = state
    loss = jax.value_and_grad(partial(mean_loss, layers), has_aux=True)
    (loss, statistics), gradient = loss(weights, statistics, x, y)
    count = count + 1
    m = [BETA1 * m + (1 - BETA1) * g for m, g in zip(m, gradient)]
    v = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(v, gradient)]
    scale1, scale2 = 1 / (1 - BETA1**count), 1 / (1 - BETA2**count)
    weights = [
        w - RATE * (m * scale1) / (jnp.sqrt(v * scale2) + EPSILON)
        for w, m, v in zip(weights, m, v)
    ]
    return (weights, m, v, count, statistics), loss


def on_device(setup):
    """The weights, those of `Linear` transposed to JAX's `[inputs, outputs]`, and the running statistics."""
    weights = [
        jnp.array(values.T if layer == "Linear" else values) for layer, values in setup.weights()
    ]
    statistics = setup.weights(("running_mean", "running_var"))
    return weights, [jnp.array(values) for _, values in statistics]


def batches(setup):
    """The features of each batch. Texts are words, the text of each word, and the texts' lengths, which is faster than a
    mean over padded texts. `jit` needs the same number of words in each batch, so the last words are of no text."""
    if setup.reads() == "TokenEmbedding":
        return [jnp.array(batch) for batch in setup.tokens()]
    if setup.reads() not in ("EmbeddingBag", "WeightedBag"):
        return [jnp.array(batch) for batch in setup.batches()]
    texts = list(setup.texts())
    count = max(words.size for words, *_ in texts)
    return [
        (
            jnp.array(np.pad(words, (0, count - words.size))),
            jnp.array(np.repeat(np.arange(setup.batch + 1), [*lengths, count - words.size])),
            jnp.array(lengths, jnp.float32),
            *(jnp.array(np.pad(values, (0, count - words.size))) for values in numbers),
        )
        for words, lengths, *numbers in texts
    ]


class Training:
    def __init__(self, setup):
        self.setup = setup
        self.batches = batches(setup)
        self.labels = [jnp.array(labels, jnp.int32) for labels in setup.labels()]
        self.step = jax.jit(partial(step, setup.layers()), donate_argnums=0)
        self.reset()

    def reset(self):
        weights, statistics = on_device(self.setup)
        zeros = [[jnp.zeros_like(w) for w in weights] for _ in range(2)]
        state = (weights, *zeros, jnp.zeros((), jnp.float32), statistics)
        self.state = jax.block_until_ready(state)
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
        self.batches = batches(setup)
        self.weights = on_device(setup)
        self.forward = jax.jit(partial(inference, setup.layers()))
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
