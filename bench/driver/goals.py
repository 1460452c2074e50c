"""Goals: what each row has to reach, and whether it did."""

import json
import math
import re


class Goals:
    """The goals of goals.json; the first entry whose pattern fits a row holds."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.rows = data["rows"]
        self.geometric_means = data["geometric_means"]
        self.not_slower = data["two_threads_not_slower"]

    def of(self, name):
        return next((goal for goal in self.rows if re.search(goal["rows"], name)), {})

    @staticmethod
    def text(goal):
        parts = []
        if "ratio" in goal:
            parts.append(f"x{goal['ratio']:g}")
        if "at_most" in goal:
            parts.append(f"<={goal['at_most']:g}")
        if "at_least" in goal:
            parts.append(f">={goal['at_least']:g}")
        if "ceiling_share" in goal:
            parts.append(f"{goal['ceiling_share']:.0%} peak")
        return " ".join(parts)

    def verdict(self, entry):
        """'ok', 'miss', 'behind' (its whole range of ratios lies under 1), or '' when unknown."""
        goal, ratio, ours = self.of(entry["name"]), entry["ratio"], entry["ours"]
        if entry["ratio_max"] is not None and entry["ratio_max"] < 1 and "ratio" in goal:
            return "behind"
        if not goal or ours is None:
            return ""
        missed = ("at_most" in goal and ours > goal["at_most"]) or (
            "at_least" in goal and ours < goal["at_least"])
        if "ratio" in goal:
            if ratio is None:
                return "miss" if missed else ""
            missed = missed or ratio < goal["ratio"]
        if "ceiling_share" in goal and entry["ceiling_share"] is not None:
            missed = missed or entry["ceiling_share"] < goal["ceiling_share"]
        return "miss" if missed else "ok"

    def summary(self, entries):
        """Lines on groups of rows: geometric means, and two threads against one."""
        lines = []
        for goal in self.geometric_means:
            ratios = [entry["ratio"] for entry in entries
                      if entry["ratio"] and re.search(goal["rows"], entry["name"])]
            if ratios:
                mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
                word = "ok" if mean >= goal["ratio"] else "miss"
                lines.append(f"geometric mean of {goal['rows']}: {mean:.2f} over {len(ratios)} "
                             f"rows, goal {goal['ratio']:g}: {word}")
        by_name = {entry["name"]: entry for entry in entries}
        for name, entry in by_name.items():
            two = by_name.get(name.replace("@1t", "@2t"))
            if not name.endswith("@1t") or not re.search(self.not_slower, name) or not two:
                continue
            if entry["ours"] and two["ours"]:
                gain = entry["ours"] / two["ours"]
                word = "ok" if gain >= 1 else "miss"
                lines.append(f"two threads over one, {name[:-4]}: {gain:.2f}: {word}")
        return lines
