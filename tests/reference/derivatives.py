"""Makes derivatives.safetensors: activations and their derivatives at `x`, whose entries are where they are hardest to
compute: near 0, at and beside kinks, far out, and not finite. Computed in float64 from the float32 `x`, then rounded.

Beside this script:

    python derivatives.py

or elsewhere, with `python derivatives.py --out DIR`.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

FUNCTIONS = {
    "silu": F.silu,
    "elu": F.elu,
    "elu50": lambda x: F.elu(x, 0.5),
    "hardswish": F.hardswish,
}
NEAR = [1e-30, 1e-12, 1e-7, 1e-4, 1e-3, 0.02, 0.1, 0.3, 0.35, 0.7, 1, 1.278, 2, 2.99, 3.01, 4, 6, 9, 13, 17, 25, 50]
FAR = [87.5, 88.5, 100, 150, 1e4, 1e38, 3.4e38]


def points():
    kink = torch.tensor(3.0)
    beside = [torch.nextafter(kink, torch.tensor(to)).item() for to in (0.0, 9.0)]
    positive = NEAR + FAR + beside + [3.0, float("inf")]
    return torch.tensor([0.0, -0.0, float("nan")] + positive + [-x for x in positive])


def main():
    parser = argparse.ArgumentParser(description="Make the PyTorch fixture of activations and their derivatives.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)

    tensors = {"x": points()}
    for name, function in FUNCTIONS.items():
        x = points().double().requires_grad_()
        y = function(x)
        y.backward(torch.ones_like(y))
        tensors |= {f"{name}.y": y.detach().float(), f"{name}.derivative": x.grad.float()}
    save_file(tensors, out / "derivatives.safetensors")


if __name__ == "__main__":
    main()
