#!/usr/bin/env python3
"""Writes example.txt: sums in words."""
import random

NUMBERS = ("none one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
           "fifteen sixteen seventeen eighteen").split()
random.seed(0)
for _ in range(1500):
    a, b = random.randint(0, 9), random.randint(0, 9)
    if random.random() < 0.5 and a >= b:
        print(f"{NUMBERS[a]} less {NUMBERS[b]} is {NUMBERS[a - b]}.")
    else:
        print(f"{NUMBERS[a]} plus {NUMBERS[b]} is {NUMBERS[a + b]}.")
