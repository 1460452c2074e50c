"""Tests of the pair protocol and of the verdicts, with workers that answer from a list."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from driver.goals import Goals
from driver.pairs import PairRunner, agree, compare_curves, result_row

GOALS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "goals.json")


class FakeWorker:
    """Answers samples with given times and CPU shares, in turn."""

    def __init__(self, library, seconds, busy=(2.0,), check=1.0, losses=(1.0, 0.5)):
        self.library, self.seconds, self.busy = library, list(seconds), list(busy)
        self.check, self.losses = check, list(losses)
        self.rows = {"row": {"name": "row", "alternative_of": ""}}
        self.curves = ["curve"]
        self.count = 0

    def request(self, command, *_):
        if command == "check":
            return {"check": self.check, "check_scale": 1.0}
        if command == "curve":
            return {"losses": self.losses}
        index, self.count = self.count, self.count + 1
        return {"seconds_per_iter": self.seconds[index % len(self.seconds)],
                "cpu_over_wall": self.busy[min(index, len(self.busy) - 1)],
                "faults_per_iter": 0}


class FakeCrew:
    """A crew without processes."""

    def __init__(self, ours, peer, threads=1):
        self.ours, self.peer, self.openblas, self.threads = ours, peer, None, threads


ROW = {"name": "row", "unit": "ns", "threads": [1, 2], "flop": 10.0, "bytes": 0, "elements": 0,
       "alternative_of": ""}


class PairsTest(unittest.TestCase):
    """What a pair of samples becomes."""

    def test_ratios_are_pairwise(self):
        crew = FakeCrew(FakeWorker("ours", [1e-9, 2e-9]), FakeWorker("peer", [4e-9, 4e-9]))
        entry, _ = PairRunner(crew, 2, 0.01, {"fma": {"1": 100.0}, "copy": {}}).measure(ROW)
        self.assertEqual((entry["ratio_min"], entry["ratio_max"]), (2.0, 4.0))
        self.assertAlmostEqual(entry["ours"], 1.5)
        self.assertAlmostEqual(entry["ceiling_share"], 10.0 / 1.5e-9 / 100e9)
        self.assertEqual(entry["name"], "row @1t")

    def test_lazy_pairs_are_repeated_and_counted(self):
        crew = FakeCrew(FakeWorker("ours", [1e-9], busy=[1.0, 1.0, 2.0]),
                        FakeWorker("peer", [1e-9]), threads=2)
        _, details = PairRunner(crew, 3, 0.01, None).measure(ROW)
        self.assertEqual(details["repeats"], 2)
        self.assertEqual(crew.ours.count, 5)

    def test_a_row_that_stays_on_one_thread_is_taken(self):
        crew = FakeCrew(FakeWorker("ours", [1e-9], busy=[1.0]), FakeWorker("peer", [1e-9]), 2)
        entry, details = PairRunner(crew, 7, 0.01, None).measure(ROW)
        self.assertEqual(details["repeats"], 3)
        self.assertEqual(entry["ratio"], 1.0)

    def test_different_results_are_not_timed(self):
        crew = FakeCrew(FakeWorker("ours", [1e-9], check=1.0),
                        FakeWorker("peer", [1e-9], check=1.1))
        entry, details = PairRunner(crew, 2, 0.01, None).measure(ROW)
        self.assertIn("differ", details["problem"])
        self.assertIsNone(entry["ratio"])
        self.assertEqual(crew.ours.count, 0)

    def test_checks_are_relative_to_the_magnitudes(self):
        self.assertTrue(agree({"check": 0.0, "check_scale": 100.0},
                              {"check": 0.005, "check_scale": 100.0}))
        self.assertFalse(agree({"check": 0.0, "check_scale": 1.0},
                               {"check": 0.005, "check_scale": 1.0}))
        self.assertFalse(agree({"check": 1.0, "check_scale": 1.0}, {"check": None}))

    def test_curves_that_part_are_named(self):
        crew = FakeCrew(FakeWorker("ours", [], losses=[1.0, 0.5]),
                        FakeWorker("peer", [], losses=[1.0, 0.6]))
        report, failures = compare_curves(crew)
        self.assertEqual(failures, ["curve"])
        self.assertAlmostEqual(report["curve"], 0.1)


class GoalsTest(unittest.TestCase):
    """Verdicts on finished rows."""

    def setUp(self):
        self.goals = Goals(GOALS)

    def verdict(self, name, ours, peers, share=None):
        return self.goals.verdict(result_row(name, "ns", ours, peers, "peer", share))

    def test_ratio_and_bound_both_count(self):
        self.assertEqual(self.verdict("tiny/add/1", [50.0], [500.0]), "ok")
        self.assertEqual(self.verdict("tiny/add/1", [70.0], [700.0]), "miss")
        self.assertEqual(self.verdict("tiny/add/1", [50.0], [300.0]), "miss")

    def test_behind_needs_the_whole_range(self):
        self.assertEqual(self.verdict("pointwise/add/2^20/into @1t", [1.0, 1.0], [0.9, 0.8]),
                         "behind")
        self.assertEqual(self.verdict("pointwise/add/2^20/into @1t", [1.0, 1.0, 1.0],
                                      [0.9, 0.8, 1.1]), "miss")

    def test_ceiling_share_counts(self):
        name = "mlp/784-256-128-10/batch512 @1t"
        self.assertEqual(self.verdict(name, [1.0], [2.0], 0.7), "ok")
        self.assertEqual(self.verdict(name, [1.0], [2.0], 0.5), "miss")

    def test_geometric_mean(self):
        entries = [result_row(f"sgemm/{n}/nn @1t", "us", [1.0], [ratio], "peer")
                   for n, ratio in ((16, 0.5), (32, 2.0))]
        self.assertIn("1.00 over 2 rows, goal 1.05: miss", self.goals.summary(entries)[0])


if __name__ == "__main__":
    unittest.main()
