"""Checks that PyTorch reads weights written by tuplenet.

WEIGHTS is a safetensors file that tuplenet wrote for the network of
activations.safetensors (`activation_network` in fixtures.py). It is loaded with
strict=True: a missing, extra or misshapen tensor is an error. The logits of
`features` in IO are then compared with `logits` in IO.

    python check_strict.py WEIGHTS activations_io.safetensors

Prints the largest absolute difference; exits with 1 where it is above 1e-5.
"""

import argparse
import sys

import torch
from safetensors.torch import load_file

from fixtures import activation_network

TOLERANCE = 1e-5


def main():
    parser = argparse.ArgumentParser(description="Load tuplenet's weights into PyTorch and compare logits.")
    parser.add_argument("weights", metavar="WEIGHTS")
    parser.add_argument("io", metavar="IO")
    args = parser.parse_args()

    weights = load_file(args.weights)
    others = {name: str(t.dtype) for name, t in weights.items() if t.dtype != torch.float32}
    if others:  # load_state_dict would convert these silently
        sys.exit(f"not float32: {others}")
    network = activation_network()
    network.load_state_dict(weights, strict=True)

    io = load_file(args.io)
    with torch.no_grad():
        logits = network(io["features"])
    if logits.shape != io["logits"].shape:
        sys.exit(f"logits are {tuple(logits.shape)}, IO has {tuple(io['logits'].shape)}")
    difference = (logits - io["logits"]).abs().max().item()
    print(f"largest absolute difference {difference:.3e}")
    if not difference <= TOLERANCE:  # written so that NaN fails
        sys.exit(1)


if __name__ == "__main__":
    main()
