#!/usr/bin/env python3
"""./dev eval: a threshold holds only when it was measured."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dev import eval as command  # noqa: E402


class Thresholds(unittest.TestCase):
    def rows(self, **counts: int) -> list[command.Row]:
        return [command.Row(threshold.set, threshold.cls, **counts, auc=1.0) for threshold in command.THRESHOLDS]

    def test_all_hold_when_everything_is_found_and_nothing_else(self):
        self.assertTrue(all(entry["holds"] for entry in command.judge(self.rows(positive=100, found=100, negative=100, alarms=0))))

    def test_a_set_that_was_not_measured_holds_nothing(self):
        self.assertFalse(any(entry["holds"] for entry in command.judge([])))

    def test_alarms_and_misses_break_what_they_should(self):
        broken = {(entry["set"], entry["measure"]) for entry in command.judge(self.rows(positive=100, found=40, negative=100, alarms=30))
                  if not entry["holds"]}
        for expected in (("tool_risk/cases", "recall"), ("secrets/cases", "precision"), ("sql_readonly/cases", "bypasses"),
                         ("shell_commands/cases", "false_positive_rate")):
            self.assertIn(expected, broken)

    def test_lines_that_are_no_figures_are_passed_over(self):
        line = '{"set":"a/b","class":"all","positive":2,"found":1,"negative":4,"alarms":1}'
        (row,) = command.parse(["  missed x-1 text", line])
        self.assertEqual((0.5, 0.5, 0.25, None), (row.recall, row.precision, row.false_positive_rate, row.auc))


if __name__ == "__main__":
    unittest.main()
