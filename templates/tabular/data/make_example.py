#!/usr/bin/env python3
"""Writes example.csv: concrete that nobody has mixed."""
import random

random.seed(0)
print("cement,water,age,kind,strength,grade")
for _ in range(600):
    cement, water = random.uniform(150, 500), random.uniform(120, 240)
    age = random.choice([3, 7, 14, 28, 56, 90])
    kind = random.choice(["plain", "ash", "slag"])
    bonus = {"plain": 0, "ash": 4, "slag": -3}[kind]
    strength = 22 * cement / water * (age / (age + 6)) + bonus + random.gauss(0, 1.5)
    grade = "high" if strength > 45 else "medium" if strength > 25 else "low"
    print(f"{cement:.1f},{water:.1f},{age},{kind},{strength:.1f},{grade}")
