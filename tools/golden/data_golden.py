#!/usr/bin/env python3
"""Writes tests/data/golden/orders.txt: what Python's samplers and loader draw.

    /usr/bin/python3 tools/golden/data_golden.py > tests/data/golden/orders.txt

Made with PyTorch 1.13.1. Each line: a name, then the indices in their order, batches divided by |.
"""
import torch
from torch.utils import data


class Range(data.Dataset):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if index >= self.size:
            raise IndexError
        return index


def line(name, *epochs):
    print(name, *(" ".join(str(int(i)) for i in epoch) for epoch in epochs), sep=" ")


def batches(loader):
    return " | ".join(" ".join(str(int(i)) for i in batch) for batch in loader)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def main():
    set20, set7 = Range(20), Range(7)
    torch.manual_seed(5)
    sampler = data.RandomSampler(set20)
    line("random", sampler, sampler)
    generator = seeded(6)
    sampler = data.RandomSampler(set20, generator=generator)
    line("random_generator", sampler, sampler)
    generator = seeded(7)
    sampler = data.RandomSampler(set7, replacement=True, num_samples=70, generator=generator)
    line("random_replacement", sampler, sampler)
    generator = seeded(8)
    sampler = data.RandomSampler(set7, num_samples=17, generator=generator)
    line("random_more", sampler, sampler)
    torch.manual_seed(9)
    sampler = data.SubsetRandomSampler([3, 1, 4, 15, 9, 2, 6])
    line("subset", sampler, sampler)
    weights = [0.1, 0.9, 0.4, 0.7, 3.0, 0.6]
    torch.manual_seed(10)
    sampler = data.WeightedRandomSampler(weights, 12, True)
    line("weighted", sampler, sampler)
    sampler = data.WeightedRandomSampler(weights, 5, False, generator=seeded(11))
    line("weighted_without", sampler, sampler)
    for rank in range(3):
        for drop_last in (False, True):
            sampler = data.DistributedSampler(set20, 3, rank, shuffle=True, seed=12, drop_last=drop_last)
            sampler.set_epoch(2)
            line(f"distributed_{rank}_{int(drop_last)}", sampler)
    line("distributed_sequential",
         data.DistributedSampler(Range(5), 8, 6, shuffle=False))
    torch.manual_seed(13)
    loader = data.DataLoader(set20, batch_size=6, shuffle=True)
    print("loader", batches(loader), "|", batches(loader))
    loader = data.DataLoader(set20, batch_size=6, shuffle=True, generator=seeded(14), drop_last=True)
    print("loader_generator", batches(loader), "|", batches(loader))
    parts = data.random_split(set20, [0.3, 0.3, 0.4], generator=seeded(15))
    print("split", " | ".join(" ".join(str(i) for i in part.indices) for part in parts))
    torch.manual_seed(16)
    parts = data.random_split(set7, [0.5, 0.25, 0.25])
    print("split_rest", " | ".join(" ".join(str(i) for i in part.indices) for part in parts))
    parts = data.random_split(set20, [5, 15], generator=seeded(17))
    print("split_counts", " | ".join(" ".join(str(i) for i in part.indices) for part in parts))


if __name__ == "__main__":
    main()
