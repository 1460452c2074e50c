"""The protocol: equal results first, then samples of ours and the peer in turn."""

import statistics

from .worker import WorkerError

UNITS = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}
# Below this CPU time over wall time a 2-thread sample did not have its second core.
BUSY = 1.7


def label(row, threads):
    """The name of a row in the results: with its thread count where it has several."""
    return f"{row['name']} @{threads}t" if len(row["threads"]) > 1 else row["name"]


def result_row(name, unit, ours, peers, peer_name, ceiling_share=None):
    """One entry of results.json from the paired samples (either list may be empty)."""
    ratios = [peer / own for own, peer in zip(ours, peers) if own > 0]
    return {
        "name": name,
        "unit": unit,
        "ours": statistics.median(ours) if ours else None,
        "peer": statistics.median(peers) if peers else None,
        "peer_name": peer_name,
        "ratio": statistics.median(ratios) if ratios else None,
        "ratio_min": min(ratios) if ratios else None,
        "ratio_max": max(ratios) if ratios else None,
        "ceiling_share": ceiling_share,
    }


def agree(one, other, tolerance=1e-4):
    """Whether two checks are equal up to rounding, relative to the magnitudes summed."""
    if one.get("check") is None or other.get("check") is None:
        return one.get("check") is other.get("check") or "check" not in one
    scale = max(one["check_scale"], other["check_scale"], 1e-30)
    return abs(one["check"] - other["check"]) <= tolerance * scale


def compare_curves(crew, tolerance=2e-3):
    """Largest relative difference of the losses per curve, and the curves that disagree."""
    report, failures = {}, []
    if not (crew.ours and crew.peer):
        return report, failures
    for name in crew.ours.curves:
        ours = crew.ours.request("curve", name)["losses"]
        peer = crew.peer.request("curve", name)["losses"]
        pairs = list(zip(ours, peer))
        if len(ours) != len(peer) or any(None in pair for pair in pairs):
            report[name] = None
            failures.append(name)
            continue
        scale = max(abs(value) for value in peer)
        report[name] = max(abs(a - b) for a, b in pairs) / scale
        if report[name] > tolerance:
            failures.append(name)
    return report, failures


class PairRunner:
    """Measures one row at a time with the workers of one crew."""

    def __init__(self, crew, pairs, seconds, ceilings):
        self.crew = crew
        self.pairs = pairs
        self.seconds = seconds
        self.ceilings = ceilings

    def measure(self, row):
        """Returns the results entry of a row and its details."""
        name, threads = row["name"], self.crew.threads
        peers = self._peers(row)
        details = {"repeats": 0, "problem": None, "cpu_over_wall": {}, "faults": {}}
        shown = label(row, threads)
        if self.crew.ours:
            own_check = self.crew.ours.request("check", name)
            for worker, peer_row in peers:
                if not agree(own_check, worker.request("check", peer_row)):
                    details["problem"] = f"results differ from {worker.library}"
                    return result_row(shown, row["unit"], [], [], worker.library), details
        peer = self._best(peers)
        ours, theirs = self._samples(name, peer, details)
        scale = UNITS[row["unit"]]
        share = self._ceiling_share(row, ours or theirs)
        entry = result_row(shown, row["unit"], [scale * value for value in ours],
                           [scale * value for value in theirs], self._peer_name(name, peer), share)
        return entry, details

    def _peers(self, row):
        """(worker, row name) of every peer setting that answers this row."""
        found = []
        if self.crew.peer:
            found += [(self.crew.peer, other["name"]) for other in self.crew.peer.rows.values()
                      if row["name"] in (other["name"], other["alternative_of"])]
        if self.crew.openblas and row["name"] in self.crew.openblas.rows:
            found.append((self.crew.openblas, row["name"]))
        return found

    def _best(self, peers):
        """The peer setting that is fastest: the better of three samples each, taken in turn."""
        if len(peers) < 2:
            return peers[0] if peers else None
        best = {}
        for _ in range(3):
            for index, (worker, name) in enumerate(peers):
                seconds = worker.request("sample", name, self.seconds)["seconds_per_iter"]
                best[index] = min(seconds, best.get(index, seconds))
        return peers[min(best, key=best.get)]

    @staticmethod
    def _peer_name(name, peer):
        if not peer:
            return None
        setting = peer[1][len(name):].strip("/")
        return peer[0].library + (f", {setting}" if setting else "")

    def _samples(self, name, peer, details):
        ours, theirs = [], []
        sides = []
        if self.crew.ours:
            sides.append(("ours", self.crew.ours, name, ours))
        if peer:
            sides.append(("peer", peer[0], peer[1], theirs))
        repeats_in_a_row = 0
        while len(sides[0][3]) < self.pairs:
            # The order changes from pair to pair, so that neither side always comes second.
            order = sides if len(sides[0][3]) % 2 == 0 else sides[::-1]
            got = {side: worker.request("sample", row, self.seconds)
                   for side, worker, row, _ in order}
            busy = min(answer["cpu_over_wall"] for answer in got.values())
            # A row that never gets there runs on one thread by its own choice: stop asking.
            if (self.crew.threads > 1 and busy < BUSY and repeats_in_a_row < 3
                    and details["repeats"] < self.pairs):
                details["repeats"] += 1
                repeats_in_a_row += 1
                continue
            if busy >= BUSY:
                repeats_in_a_row = 0
            for side, _, _, values in sides:
                values.append(got[side]["seconds_per_iter"])
                for key, source in (("cpu_over_wall", "cpu_over_wall"),
                                    ("faults", "faults_per_iter")):
                    details[key].setdefault(side, []).append(got[side][source])
        return ours, theirs

    def _ceiling_share(self, row, samples):
        if not samples or not self.ceilings:
            return None
        seconds, threads = statistics.median(samples), str(self.crew.threads)
        if row["flop"]:
            return row["flop"] / seconds / (1e9 * self.ceilings["fma"][threads])
        copy = self.ceilings["copy"].get(str(row["elements"]))
        if row["bytes"] and copy:
            return row["bytes"] / seconds / (1e9 * copy[threads])
        return None


def run_rows(crew, rows, pairs, seconds, ceilings, progress):
    """Measures every row that this thread count asks for; yields (entry, details, row)."""
    runner = PairRunner(crew, pairs, seconds, ceilings)
    for row in rows:
        progress(row["name"])
        try:
            entry, details = runner.measure(row)
        except WorkerError as error:
            entry = result_row(label(row, crew.threads), row["unit"], [], [], None)
            details = {"repeats": 0, "problem": str(error), "cpu_over_wall": {}, "faults": {}}
        yield entry, details, row
