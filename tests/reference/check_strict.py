"""Checks that PyTorch reads weights written by tuplenet.

WEIGHTS is a safetensors file that tuplenet wrote for the network of
activations.safetensors (`activation_network` in fixtures.py), or with --network
for `lenet` in mnist.py, `resnet` in images.py or one in frozen.py, such as `named`, whose keys are fc1.weight
to fc2.bias. It is loaded with strict=True: a missing or extra tensor, or one of another
shape, is an error. The logits of `features` (of frozen.py, `NAME.features`) in IO are
then compared with `logits`.

    python check_strict.py WEIGHTS activations_io.safetensors
    python check_strict.py --network lenet WEIGHTS lenet_io.safetensors
    python check_strict.py --network NAME WEIGHTS frozen/io.safetensors

Prints the largest absolute difference; exits with 1 if it is above 1e-5.
"""

import argparse
import sys

import torch
from safetensors.torch import load_file

from fixtures import activation_network
from frozen import NETWORKS
from images import resnet
from mnist import lenet

TOLERANCE = 1e-5
IMAGES = {"lenet": lenet, "resnet": resnet}


def main():
    parser = argparse.ArgumentParser(description="Load tuplenet's weights into PyTorch and compare logits.")
    names = [*IMAGES, *NETWORKS]
    parser.add_argument("--network", choices=names, metavar="NAME", help="lenet, resnet, or one in frozen.py")
    parser.add_argument("weights", metavar="WEIGHTS")
    parser.add_argument("io", metavar="IO")
    args = parser.parse_args()

    weights = load_file(args.weights)
    expected = {True: torch.int64, False: torch.float32}
    is_count = {name: name.endswith("num_batches_tracked") for name in weights}
    others = {name: str(t.dtype) for name, t in weights.items() if t.dtype != expected[is_count[name]]}
    if others:  # load_state_dict converts these without an error
        sys.exit(f"other types than PyTorch's: {others}")
    if args.network in IMAGES:
        network, prefix = IMAGES[args.network]().eval(), ""
    elif args.network:
        constructor, _ = NETWORKS[args.network]
        network, prefix = constructor().eval(), f"{args.network}."
    else:
        network, prefix = activation_network(), ""
    network.load_state_dict(weights, strict=True)
    loaded = network.state_dict()
    differing = [name for name, tensor in weights.items() if not torch.equal(loaded[name], tensor)]
    if differing:
        sys.exit(f"loaded with other values: {differing}")

    io = load_file(args.io)
    features, expected = io[f"{prefix}features"], io[f"{prefix}logits"]
    with torch.no_grad():
        logits = network(features)
    if logits.shape != expected.shape:
        sys.exit(f"logits are {tuple(logits.shape)}, IO has {tuple(expected.shape)}")
    difference = (logits - expected).abs().max().item()
    print(f"largest absolute difference {difference:.3e}")
    if not difference <= TOLERANCE:  # also fails for NaN
        sys.exit(1)


if __name__ == "__main__":
    main()
