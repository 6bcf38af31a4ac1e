"""Makes schedules.json: learning rates of PyTorch's schedulers, and a training under one of them.

Beside this script, after fixtures.py:

    python schedules.py

or elsewhere, with `python schedules.py --out DIR`.
"""

import argparse
import json
from pathlib import Path

import torch
from fixtures import BATCH, STEPS, training_network
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

# peak, steps, and the settings that tuplenet has under other names
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
    """The loss of each step of Adam under one cycle, before the step's update."""
    data = load_file(Path(__file__).parent / "training.safetensors")
    network = training_network()
    network.load_state_dict({k.removeprefix("init."): v for k, v in data.items() if k.startswith("init.")})
    network.to(dtype)
    features, labels = data["features"].to(dtype), data["labels"].long()
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
    parser = argparse.ArgumentParser(description="Make the PyTorch fixture of learning-rate schedules.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    singles, exact = losses(torch.float32), losses(torch.float64)
    largest = max(abs(a - b) for a, b in zip(singles, exact))
    print(f"loss {singles[0]:.4f} -> {singles[-1]:.4f}, largest difference from float64 {largest:.1e}")
    fixture = {
        "one_cycle": [s | {"learning_rates": learning_rates(one_cycle, s)} for s in ONE_CYCLE],
        "cosine": [s | {"learning_rates": learning_rates(cosine, s)} for s in COSINE],
        "training": TRAINING | {"losses": singles},
    }
    (out / "schedules.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
