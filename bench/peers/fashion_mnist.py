"""The demo's training run in Python PyTorch: same network, data, batch, optimizer and schedule.

The data is in memory and batches are slices of a shuffled copy: no loader is timed. Prints one
JSON line: version, seconds per epoch (training and one pass over the test images), accuracy.
"""

import argparse
import gzip
import json
import time

import torch
from torch import nn
from torch.nn import functional

FOLDER = "/usr/share/datasets/fashion-mnist"


def images(name):
    with gzip.open(f"{FOLDER}/{name}-images-idx3-ubyte.gz") as file:
        raw = torch.frombuffer(bytearray(file.read()[16:]), dtype=torch.uint8)
    return (raw.float() / 255).view(-1, 1, 28, 28)


def labels(name):
    with gzip.open(f"{FOLDER}/{name}-labels-idx1-ubyte.gz") as file:
        return torch.frombuffer(bytearray(file.read()[8:]), dtype=torch.uint8).long()


def network():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))


def train_epoch(net, optimizer, x, y, batch):
    net.train()
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    for start in range(0, len(x), batch):
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(net(x[start:start + batch]), y[start:start + batch])
        loss.backward()
        optimizer.step()


def accuracy(net, x, y, batch=1000):
    net.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(x), batch):
            predicted = net(x[start:start + batch]).argmax(1)
            right += (predicted == y[start:start + batch]).sum().item()
    return right / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.manual_seed(0)
    train, test = (images("train"), labels("train")), (images("t10k"), labels("t10k"))
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, max(options.epochs - 1, 1), 0.1)
    seconds = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        train_epoch(net, optimizer, *train, options.batch)
        scheduler.step()
        test_accuracy = accuracy(net, *test)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(),
                      "epoch_seconds": seconds, "test_accuracy": test_accuracy}))


if __name__ == "__main__":
    main()
