"""Draws the networks of tests/cuda/random.rs: `python3 tests/cuda/random.py | rustfmt` prints them."""

import random

ACTIVATIONS = ["ReLU", "Sigmoid", "Tanh", "LeakyReLU<7>", "GELU", "Softplus", "SiLU", "ELU<60>", "Hardswish", "Dropout<30>"]


def network(draw):
    widths = [draw.choice([1, 2, 3, 7, 16, 17, 31, 33, 48, 64, 65, 100]) for _ in range(draw.randint(1, 4))]
    widths.append(draw.randint(1, 12))
    first = widths[0]
    layers = draw.choice([[], [], [f"Standardize<{first}>"], [f"Input<{first}>", draw.choice(ACTIVATIONS)]])
    for inputs, outputs in zip(widths, widths[1:]):
        layers = layers + [f"Linear<{inputs}, {outputs}>"] + draw.sample(ACTIVATIONS, draw.randint(0, 2))
    return first, widths[-1], f"({', '.join(layers)},)"


draw = random.Random(16)
print("fn main() { networks! {")
for number in range(16):
    inputs, outputs, layers = network(draw)
    print(f"{number}: {inputs}, {outputs}, {layers};")
print("} }")
