"""Generates schedules.json: learning rates of PyTorch's schedulers, and a training with one of them.

In this folder, after fixtures.py:

    python schedules.py

or elsewhere, with `python schedules.py --out DIR`.
"""

import argparse
import json
from pathlib import Path

import torch
from fixtures import BATCH, STEPS, initial_training
from torch.nn import functional as F
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, OneCycleLR, SequentialLR, StepLR

# peak, steps, and the settings that have other names in tuplenet
ONE_CYCLE = [
    dict(peak=1e-3, total_steps=100, warm_up=0.3, start_divisor=25.0, end_divisor=1e4),
    dict(peak=8e-3, total_steps=940, warm_up=0.25, start_divisor=25.0, end_divisor=1e4),
    dict(peak=0.5, total_steps=37, warm_up=0.1, start_divisor=10.0, end_divisor=100.0),
    dict(peak=1e-2, total_steps=20, warm_up=0.0, start_divisor=4.0, end_divisor=2.0),
    dict(peak=1e-2, total_steps=20, warm_up=0.95, start_divisor=4.0, end_divisor=2.0),
]
COSINE = [
    dict(peak=1e-3, total_steps=100, end=0.0),
    dict(peak=0.1, total_steps=37, end=0.05),
]
# tuplenet's `period` is a fraction of the steps; `step_size` is their number
STEP_DECAY = [
    dict(peak=0.1, total_steps=90, period=1 / 3, step_size=30, factor=0.1),
    dict(peak=1e-3, total_steps=100, period=0.07, step_size=7, factor=0.5),
    dict(peak=0.5, total_steps=940, period=0.1, step_size=94, factor=0.9),
    dict(peak=0.5, total_steps=40, period=1.0, step_size=40, factor=0.1),
]
# the warm-up takes `share` of the steps, `warm_up_steps`; the curve takes the rest
WARM_UP = [
    dict(peak=1e-3, total_steps=100, share=0.1, warm_up_steps=10, start=0.01, curve="constant"),
    dict(peak=0.1, total_steps=940, share=0.05, warm_up_steps=47, start=0.01, curve="cosine", end=0.0),
    dict(peak=0.1, total_steps=37, share=0.2, warm_up_steps=7, start=1 / 3, curve="cosine", end=0.05),
    dict(peak=0.4, total_steps=100, share=0.1, warm_up_steps=10, start=0.1, curve="step_decay",
         period=1 / 3, step_size=30, factor=0.1),
]  # fmt: skip
TRAINING = dict(peak=0.02, total_steps=STEPS, warm_up=0.3, start_divisor=25.0, end_divisor=1e4)


def one_cycle(optimizer, peak, total_steps, warm_up, start_divisor, end_divisor):
    return OneCycleLR(
        optimizer,
        max_lr=peak,
        total_steps=total_steps,
        pct_start=warm_up,
        div_factor=start_divisor,
        final_div_factor=end_divisor,
        cycle_momentum=False,
    )


def cosine(optimizer, peak, total_steps, end):
    return CosineAnnealingLR(optimizer, T_max=total_steps, eta_min=end * peak)


def step_decay(optimizer, peak, total_steps, period, step_size, factor):
    return StepLR(optimizer, step_size=step_size, gamma=factor)


def constant(optimizer, peak, total_steps):
    return ConstantLR(optimizer, factor=1.0)


def warm_up(optimizer, peak, total_steps, share, warm_up_steps, start, curve, **settings):
    curve = {"constant": constant, "cosine": cosine, "step_decay": step_decay}[curve]
    schedulers = [
        LinearLR(optimizer, start_factor=start, total_iters=warm_up_steps),
        curve(optimizer, peak, total_steps - warm_up_steps, **settings),
    ]
    return SequentialLR(optimizer, schedulers, milestones=[warm_up_steps])


def learning_rates(scheduler, setting):
    """The learning rate of every step, from 0."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=setting["peak"])
    scheduler = scheduler(optimizer, **setting)
    rates = []
    for _ in range(setting["total_steps"]):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


def losses(dtype):
    """The loss of each step of Adam with one cycle, before the step's update."""
    network, features, labels = initial_training()
    network.to(dtype)
    features = features.to(dtype)
    optimizer = torch.optim.Adam(network.parameters())
    scheduler = one_cycle(optimizer, **TRAINING)
    values = []
    for step in range(STEPS):
        rows = slice(BATCH * step, BATCH * (step + 1))
        loss = F.cross_entropy(network(features[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        values.append(loss.item())
    return values


def main():
    parser = argparse.ArgumentParser(description="Generate the PyTorch fixture of learning-rate schedules.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    singles, exact = losses(torch.float32), losses(torch.float64)
    largest = max(abs(a - b) for a, b in zip(singles, exact))
    print(f"loss {singles[0]:.4f} -> {singles[-1]:.4f}, largest difference from float64 {largest:.1e}")
    fixture = {
        "one_cycle": [s | {"learning_rates": learning_rates(one_cycle, s)} for s in ONE_CYCLE],
        "cosine": [s | {"learning_rates": learning_rates(cosine, s)} for s in COSINE],
        "step_decay": [s | {"learning_rates": learning_rates(step_decay, s)} for s in STEP_DECAY],
        "warm_up": [s | {"learning_rates": learning_rates(warm_up, s)} for s in WARM_UP],
        "training": TRAINING | {"losses": singles},
    }
    (out / "schedules.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
