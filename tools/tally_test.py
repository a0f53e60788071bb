#!/usr/bin/env python3
"""Counting is what CI believes: a failing run must never read as a passing one."""
import contextlib
import io
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dev.bench_report import spread  # noqa: E402
from dev.setup import groups  # noqa: E402
from dev.tally import Tally, from_gtest, from_output  # noqa: E402


def gtest(**tests: tuple[str, str]) -> str:
    """A report as GoogleTest 1.12 writes it. Of each test: "status result", and what stands inside its element."""
    cases = []
    for name, (state, inside) in tests.items():
        status, result = state.split()
        cases.append(f'<testcase name="{name}" status="{status}" result="{result}" time="0.1" classname="Suite">{inside}</testcase>')
    return f'<?xml version="1.0" encoding="UTF-8"?><testsuites><testsuite name="Suite">{"".join(cases)}</testsuite></testsuites>'


GOOD = ("run completed", "")


def close(tally: Tally) -> tuple[int, str]:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        code = tally.close()
    return code, text.getvalue().splitlines()[-1]


class Counting(unittest.TestCase):
    def test_gtest_reports_count_passed_failed_skipped_and_disabled(self):
        report = gtest(Good=GOOD, Bad=("run completed", '<failure message="no"/>'), DISABLED_Old=("notrun suppressed", ""),
                       Off=("run skipped", '<skipped message="file:3&#x0A;no network"><![CDATA[file:3\nno network]]></skipped>'),
                       Mute=("run skipped", '<skipped message="file:4&#x0A;"/>'))
        tally = from_gtest("x_test", report, 1)
        self.assertEqual((1, "1 passed, 1 failed, 3 skipped"), close(tally))
        self.assertEqual(["x_test: Suite.DISABLED_Old: disabled in the source", "x_test: Suite.Off: no network",
                          "x_test: Suite.Mute: no reason given in file:4"], tally.skips)

    def test_a_test_that_fails_and_is_then_skipped_has_failed(self):
        both = gtest(Both=("run completed", '<failure message="no"/><skipped message="file:3&#x0A;no network"/>'), Bad=("run completed", "<failure/>"))
        self.assertEqual((1, "0 passed, 2 failed, 0 skipped"), close(from_gtest("x_test", both, 1)))

    def test_a_report_that_cannot_be_read_is_a_failure(self):
        self.assertEqual((1, "0 passed, 1 failed, 0 skipped"), close(from_gtest("x_test", gtest(Good=GOOD)[:-9], 0)))

    def test_a_crash_after_the_last_test_is_a_failure(self):
        self.assertEqual(1, close(from_gtest("x_test", gtest(Good=GOOD), -6))[0])

    def test_a_filtered_out_test_counts_as_nothing(self):
        self.assertEqual(0, from_gtest("x", gtest(Other=("notrun suppressed", "")), 0).passed)

    def test_other_runners_count_by_their_closing_line(self):
        text = "ok a\nSKIPPED b: no npm\n3 passed, 0 failed, 1 skipped\n"
        self.assertEqual((0, "3 passed, 0 failed, 1 skipped"), close(from_output("e2e", text, 0)))
        self.assertEqual((1, "3 passed, 1 failed, 1 skipped"), close(from_output("e2e", text, 1)))
        self.assertEqual((1, "5 passed, 2 failed, 0 skipped"), close(from_output("cases", "5 passed, 2 failed\n", 1)))

    def test_failures_of_other_runners_are_named_at_the_end(self):
        text = "ok   a.A.b  1 s\nFAIL a.A.c  2 s\nTraceback\nFAIL a.A.d  0 s\n1 passed, 2 failed, 0 skipped\n"
        self.assertEqual(["e2e: a.A.c", "e2e: a.A.d"], from_output("e2e", text, 1).failures)
        self.assertEqual(["replay: 3 of its tests, named above"] * 3, from_output("replay", "FAIL story\n0 passed, 3 failed\n", 1).failures)

    def test_runners_without_a_closing_line_count_by_exit_code(self):
        self.assertEqual((0, "1 passed, 0 failed, 0 skipped"), close(from_output("replay", "fine", 0)))
        self.assertEqual((1, "0 passed, 1 failed, 0 skipped"), close(from_output("replay", "AddressSanitizer", 1)))

    def test_nothing_at_all_is_a_failure(self):
        self.assertEqual(1, close(Tally())[0])

    def test_the_spread_of_equal_values_is_nothing(self):
        self.assertEqual(0, spread([5, 5, 5, 5]))
        self.assertGreater(spread([1, 5, 9, 13]), 0.5)

    def test_every_package_group_can_be_read(self):
        self.assertIn(("g++", None), groups()["build"])
        self.assertIn(("nodejs", "node"), groups()["node"])


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed, 0 skipped")
    sys.exit(1 if bad else 0)
