"""Makes images.safetensors: gradients and trainings of networks of images.

Beside this script:

    python images.py

or elsewhere, with `python images.py --out DIR`.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

SAMPLES, BATCH, STEPS = 40, 8, 50
# The number of steps after which running statistics are compared.
EARLY = 10
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, dict(lr=0.05, momentum=0.9)),
    "adam": (torch.optim.Adam, dict(lr=0.01)),
}
INPUT = (2, 15, 14)
# With other seeds the losses in float32 and float64 differ by up to 4e-3 over 50 steps, those of `layered` by up to 0.2: a
# ReLU or a maximum takes its other side.
SEEDS = {"branches": 4, "normalized": 2, "grouped": 0, "layered": 4, "concatenated": 6}


def windows():
    """Every kind of window: padding, stride, odd sides, overlapping pooling."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(4, 6, 2, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(3, 1, 1),
        nn.Conv2d(6, 5, 5, stride=2, padding=2),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(5 * 5 * 4, 7),
        nn.LeakyReLU(0.01),
        nn.Linear(7, 3),
    )


def divided():
    """Max and mean pooling without overlap, on 12 x 12 of the input."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.AvgPool2d(3),
        nn.Softplus(),
        nn.Flatten(),
        nn.Linear(6 * 2 * 2, 3),
    )


def activated():
    """SiLU, ELU and Hardswish, on images and on vectors."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.SiLU(),
        nn.MaxPool2d(2),
        nn.Hardswish(),
        nn.Conv2d(4, 6, 3),
        nn.ELU(0.5),
        nn.Flatten(),
        nn.Linear(6 * 4 * 4, 8),
        nn.ELU(),
        nn.Linear(8, 6),
        nn.Hardswish(),
        nn.Linear(6, 5),
        nn.SiLU(),
        nn.Linear(5, 3),
    )


def grouped():
    """Groups, and kernels, strides and paddings that differ between the axes, on 11 x 9 of the input."""
    return nn.Sequential(
        nn.Conv2d(2, 6, (4, 3), (2, 1), (1, 0)),
        nn.Tanh(),
        nn.Conv2d(6, 6, 3, padding=1, groups=6),
        nn.GELU(),
        nn.Conv2d(6, 8, 1),
        nn.Conv2d(8, 12, 3, 2, 1, groups=4),
        nn.Tanh(),
        nn.Conv2d(12, 18, (1, 3), (1, 2), (0, 1), groups=3),
        nn.Flatten(),
        nn.Linear(18 * 3 * 2, 3),
    )


class Residual(nn.Module):
    """The module of the documentation of `Residual`."""

    def __init__(self, body, shortcut=nn.Identity()):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def branches():
    """Residuals of images and of vectors, on 11 x 9 of the input."""
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        nn.ReLU(),
        Residual(nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1))),
        nn.ReLU(),
        Residual(
            nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.Tanh(), nn.Conv2d(8, 8, 3, padding=1)),
            nn.Sequential(nn.Conv2d(6, 8, 1, 2)),
        ),
        Residual(
            nn.Sequential(
                nn.Tanh(),
                Residual(nn.Sequential(nn.Conv2d(8, 8, 1))),
                Residual(
                    nn.Sequential(nn.MaxPool2d(3, 1, 1)),
                    nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Sigmoid()),
                ),
            )
        ),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(8 * 6 * 5, 7),
        Residual(nn.Sequential(nn.Linear(7, 7), nn.ReLU()), nn.Sequential(nn.Tanh(), nn.Linear(7, 7))),
        nn.LeakyReLU(0.01),
        Residual(nn.Sequential(nn.Sigmoid())),
        nn.Linear(7, 3),
    )


class Concat(nn.Module):
    """The module of the documentation of `Concat`."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def concatenated():
    """Concatenations of images and of vectors, on 10 x 9 of the input."""
    return nn.Sequential(
        Concat(nn.Identity(), nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Tanh())),
        Concat(
            nn.Sequential(nn.Conv2d(5, 4, 1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(5, 3, 1), nn.ReLU(), nn.Conv2d(3, 5, 3, padding=1), nn.SiLU()),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(5, 3, 1)),
            nn.Identity(),
        ),
        nn.ReLU(),
        Residual(
            nn.Sequential(
                Concat(
                    nn.Sequential(nn.Conv2d(17, 9, 1), nn.Tanh()),
                    nn.Sequential(
                        Concat(
                            nn.Sequential(nn.Conv2d(17, 3, 3, padding=1)),
                            nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(17, 5, 1)),
                        )
                    ),
                )
            )
        ),
        Concat(nn.Sequential(nn.Conv2d(17, 6, 3, 2, 1)), nn.Sequential(nn.MaxPool2d(3, 2, 1))),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(23 * 5 * 5, 7),
        Concat(
            nn.Sequential(nn.Linear(7, 12), nn.Tanh()),
            nn.Sequential(Concat(nn.Sequential(nn.Linear(7, 2)), nn.Identity())),
        ),
        Concat(nn.Sequential(nn.Linear(21, 14), nn.Sigmoid()), Residual(nn.Sequential(nn.Tanh()))),
        nn.LeakyReLU(0.01),
        nn.Linear(35, 3),
    )


def block(channels):
    """The block of ResNets."""
    return Residual(
        nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )
    )


def resnet(channels=1, classes=10):
    """`ResNet8` of the crate: the image classifier of MLPerf Tiny."""

    def down(inputs, outputs):
        return Residual(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, 2, 1),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, padding=1),
                nn.BatchNorm2d(outputs),
            ),
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2)),
        )

    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        block(16),
        nn.ReLU(),
        down(16, 32),
        nn.ReLU(),
        down(32, 64),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def normalized():
    """Batch normalisation of images and of vectors, on 10 x 9 of the input."""
    return nn.Sequential(
        nn.BatchNorm2d(2),
        nn.Conv2d(2, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        block(6),
        nn.ReLU(),
        Residual(
            nn.Sequential(nn.BatchNorm2d(6), nn.Tanh(), nn.Conv2d(6, 8, 3, 2, 1)),
            nn.Sequential(nn.Conv2d(6, 8, 1, 2), nn.BatchNorm2d(8)),
        ),
        nn.Tanh(),
        nn.AvgPool2d(3, 1, 1),
        nn.Flatten(),
        nn.Linear(8 * 5 * 5, 7),
        nn.BatchNorm1d(7),
        nn.Tanh(),
        Residual(nn.Sequential(nn.Linear(7, 7), nn.BatchNorm1d(7), nn.GELU())),
        nn.Linear(7, 3),
        nn.BatchNorm1d(3),
    )


def layered():
    """Layer normalisation and parametric ReLU of images and of vectors, on 12 x 12 of the input."""
    return nn.Sequential(
        nn.PReLU(),
        nn.Conv2d(2, 4, 3, padding=1),
        nn.LayerNorm([4, 12, 12]),
        nn.PReLU(4),
        nn.MaxPool2d(2),
        Residual(nn.Sequential(nn.LayerNorm([4, 6, 6]), nn.PReLU(), nn.Conv2d(4, 4, 3, padding=1))),
        nn.Dropout2d(0),
        nn.LayerNorm([4, 6, 6]),
        nn.ReLU(),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(4 * 2 * 2, 20),
        nn.LayerNorm(20),
        nn.PReLU(20),
        Residual(nn.Sequential(nn.LayerNorm(20), nn.PReLU(), nn.Linear(20, 20))),
        nn.Tanh(),
        nn.Linear(20, 3),
        nn.LayerNorm(3),
    )


def losses(network, features, labels, optimizer, settings, steps=STEPS):
    optimizer = optimizer(network.parameters(), **settings)
    found = []
    for step in range(steps):
        first = step * BATCH % SAMPLES
        loss = F.cross_entropy(network(features[first : first + BATCH]), labels[first : first + BATCH])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return torch.tensor(found)


def main():
    parser = argparse.ArgumentParser(description="Make the PyTorch fixture of networks of images.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(0)

    features, labels = torch.randn(SAMPLES, *INPUT), torch.randint(0, 3, (SAMPLES,))
    tensors = {"features": features, "labels": labels.to(torch.uint8)}
    cut = {
        "windows": features,
        "divided": features[:, :, :12, :12].contiguous(),
        "branches": features[:, :, :11, :9].contiguous(),
        "normalized": features[:, :, :10, :9].contiguous(),
    }
    tensors |= {f"features.{name}": cut[name] for name in cut if name != "windows"}
    cut["activated"] = cut["layered"] = cut["divided"]
    cut["grouped"], cut["concatenated"] = cut["branches"], cut["normalized"]
    networks = [windows, divided, activated, branches, normalized, grouped, layered, concatenated]
    for name, build in [(build.__name__, build) for build in networks]:
        if name in SEEDS:
            torch.manual_seed(SEEDS[name])
        network, x = build(), cut[name]
        if name == "normalized":
            with torch.no_grad():
                # running statistics, and weights and biases other than 1 and 0
                network(2 * x + 1)
                for module in network.modules():
                    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                        module.weight.uniform_(0.5, 1.5)
                        module.bias.uniform_(-0.5, 0.5)
        if name == "layered":
            with torch.no_grad():
                # weights, biases and slopes other than 1, 0 and 0.25
                for module in network.modules():
                    if isinstance(module, nn.LayerNorm):
                        module.weight.uniform_(0.5, 1.5)
                        module.bias.uniform_(-0.5, 0.5)
                    if isinstance(module, nn.PReLU):
                        module.weight.uniform_(-0.3, 0.6)
        initial = {key: value.clone() for key, value in network.state_dict().items()}
        logits = network.eval()(x)
        loss = F.cross_entropy(network.train()(x[:BATCH]), labels[:BATCH])
        loss.backward()
        tensors[f"{name}.logits"] = logits.detach()
        tensors[f"{name}.loss"] = loss.detach().reshape(1)
        tensors |= {f"{name}.init.{key}": value for key, value in initial.items()}
        tensors |= {f"{name}.gradient.{key}": value.grad for key, value in network.named_parameters()}
        for kind, (optimizer, settings) in OPTIMIZERS.items():
            network.load_state_dict(initial)
            found = losses(network, x, labels, optimizer, settings)
            network.load_state_dict(initial)
            if kind == "sgd":
                losses(network, x, labels, optimizer, settings, EARLY)
                tensors |= {f"{name}.after.{key}": value.clone() for key, value in network.named_buffers()}
                network.load_state_dict(initial)
            exact = losses(network.double(), x.double(), labels, optimizer, settings)
            network.float()
            difference = (found - exact).abs().max()
            print(f"{name} {kind}: {found[0]:.4f} -> {found[-1]:.4f}, largest difference from float64 {difference:.1e}")
            tensors[f"{name}.losses.{kind}"] = found
    save_file(tensors, out / "images.safetensors")


if __name__ == "__main__":
    main()
