"""PyTorch on a GPU: eager, or each step as one CUDA graph. The data set is on the device.

    python torch_cuda.py eager|graph DEVICE
"""

import sys

import torch
import torch_peer
from served import serve
from torch.nn import functional as F
from torch_peer import network

torch.set_float32_matmul_precision("highest")  # no TF32: the other contenders compute in f32


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class OnDevice:
    """The network, all samples and the sample indices of each batch, on the device."""

    def __init__(self, setup, device):
        self.device = device
        self.net = network(setup).to(device)
        features = torch.from_numpy(setup.batches())
        self.features = features.flatten(0, 1).to(device)
        self.labels = torch.from_numpy(setup.labels()).flatten().long().to(device)
        self.batches = list(torch.arange(len(self.labels), device=device).split(setup.batch))


class Training(OnDevice, torch_peer.Training):
    def __init__(self, setup, device, capturable=False):
        super().__init__(setup, device)
        self.setup = setup
        self.optimizer = torch.optim.Adam(
            self.net.parameters(), lr=1e-3, fused=True, capturable=capturable
        )
        self.losses = []

    def step(self, batch):
        """The mean loss of the samples `batch` before the step, on the device."""
        loss = F.cross_entropy(self.net(self.features[batch]), self.labels[batch])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def run(self, steps):
        for step in range(len(self.losses), len(self.losses) + steps):
            self.losses.append(self.step(self.batches[step % len(self.batches)]))
        synchronize(self.device)


class GraphTraining(Training):
    def __init__(self, setup, device):
        super().__init__(setup, device, capturable=True)
        self.graph = Graph(super().step, self.batches[0], self.optimizer.zero_grad)
        self.reset()

    def step(self, batch):
        return self.graph(batch).clone()  # the next replay overwrites it


class Inference(OnDevice):
    def __init__(self, setup, device):
        super().__init__(setup, device)
        self.net.eval()
        self.next = 0

    def reset(self):
        pass

    def logits(self, batch):
        return self.net(self.features[batch])

    @torch.inference_mode()
    def run(self, steps):
        for _ in range(steps):
            # On the host: a caller needs each result before its next request.
            self.logits(self.batches[self.next]).cpu()
            self.next = (self.next + 1) % len(self.batches)

    @torch.inference_mode()
    def values(self, count):
        return self.logits(self.batches[0]).flatten()[:count].tolist()


class GraphInference(Inference):
    @torch.inference_mode()
    def __init__(self, setup, device):
        super().__init__(setup, device)
        self.graph = Graph(super().logits, self.batches[0])

    def logits(self, batch):
        return self.graph(batch)


class Graph:
    """`work(batch)`, captured with static tensors for `batch` and the result.

    https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture
    """

    def __init__(self, work, batch, before_capture=lambda: None):
        self.batch = batch.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                work(self.batch)
        torch.cuda.current_stream().wait_stream(stream)
        before_capture()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = work(self.batch)

    def __call__(self, batch):
        self.batch.copy_(batch)
        self.graph.replay()
        return self.result


KINDS = {"eager": (Training, Inference), "graph": (GraphTraining, GraphInference)}


def main():
    mode, device = sys.argv[1], torch.device(sys.argv[2])
    if device.type == "cuda":
        torch.cuda.set_device(device)
    elif mode == "graph":
        raise SystemExit(f"a CUDA graph needs an NVIDIA GPU, the device is {device}")
    training, inference = KINDS[mode]
    serve(torch.__version__, lambda setup: (training if setup.trains else inference)(setup, device))


if __name__ == "__main__":
    main()
