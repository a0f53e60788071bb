#!/usr/bin/env python3
"""The entries of tests/guards/ fit the tree, and those that do not are noticed; nothing is built."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dev import guard_entries as entries  # noqa: E402
from dev.guards import Run, by_exit, by_report, verdict  # noqa: E402

ENTRY = """# What this is about.

T-01: names are not looked at
file: src/base/a.cc
test: base_test Names.AreLookedAt
- if (bad) return;
+ if (false) return;
"""
SOURCE = "void f() {\n  if (bad) return;\n}\n"
TEST = "#include <gtest/gtest.h>\n\n// T-01: names\nTEST(Names, AreLookedAt) {\n}\n\nTEST(Names, Other) {\n  f();  // T-02\n}\n"


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("tools/threats.txt", "# ids\nT-01\n")
        self.write("tests/guards/names.guard", ENTRY)
        self.write("src/base/a.cc", SOURCE)
        self.write("src/base/a_test.cc", TEST)

    def write(self, name: str, text: str):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self) -> list[str]:
        return [f"{problem.path}:{problem.line}: {problem.text}" for problem in entries.check(self.root)]

    def expect(self, piece: str):
        found = self.found()
        self.assertEqual(1, len(found), found)
        self.assertIn(piece, found[0])

    def test_an_entry_that_fits_is_fine(self):
        self.assertEqual([], self.found())
        guard = entries.load(self.root)[0][0]
        self.assertEqual("void f() {\n  if (false) return;\n}\n", guard.cuts[0].apply(SOURCE))

    def test_a_file_that_is_gone(self):
        (self.root / "src/base/a.cc").unlink()
        self.expect("src/base/a.cc is no file")

    def test_a_text_that_is_gone_or_stands_twice(self):
        self.write("src/base/a.cc", "void f() {}\n")
        self.expect("names.guard:3: what is taken out stands 0 times")
        self.write("src/base/a.cc", SOURCE + SOURCE)
        self.expect("stands 2 times")

    def test_a_test_that_is_gone(self):
        self.write("src/base/a_test.cc", TEST.replace("AreLookedAt", "AreRead"))
        self.expect("there is no test `base_test Names.AreLookedAt`")

    def test_a_test_that_lost_its_id(self):
        self.write("src/base/a_test.cc", TEST.replace("T-01", "T-03"))
        self.expect("carries T-01")

    def test_an_id_without_an_entry_says_why(self):
        self.write("tools/threats.txt", "T-01\nT-05\n")
        self.expect("tools/threats.txt:2: T-05 has no entry")
        self.write("tools/threats.txt", "T-01\nT-05  no single check stands there\n")
        self.assertEqual([], self.found())
        self.write("tools/threats.txt", "T-01  nothing to take out\n")
        self.expect("T-01 has an entry")

    def test_what_is_no_entry(self):
        for text, piece in (("T-1: x\n", "begins with"), (ENTRY.replace("file:", "path:"), "is none of"), (ENTRY.replace("false", "bad"), "the same"),
                            (ENTRY.replace("test: base_test", "test:"), "is none of"), (ENTRY + "ends: well\n", "is none of")):
            self.write("tests/guards/names.guard", text)
            self.assertTrue(any(piece in one for one in self.found()), self.found())

    def test_several_files_are_layers_of_one_guard(self):
        self.write("src/base/b.cc", "int x = 1;\n")
        self.write("tests/guards/names.guard", ENTRY + "file: src/base/b.cc\n- x = 1;\n+ x = 2;\n")
        self.assertEqual([], self.found())
        self.assertEqual(["src/base/a.cc", "src/base/b.cc"], [cut.file for cut in entries.load(self.root)[0][0].cuts])

    def test_ids_are_found_where_tests_carry_them(self):
        named = entries.carried("// Everything here is T-09.\n" + TEST)
        self.assertEqual({"T-01", "T-09"}, named["Names.AreLookedAt"])
        self.assertEqual({"T-02", "T-09"}, named["Names.Other"])

    def test_filters_are_read_as_gtest_reads_them(self):
        self.assertTrue(entries.fits("A.*:B.X", "B.X") and entries.fits("A.*", "A.b"))
        self.assertTrue(entries.fits("Loop.Works", "All/Loop.Works/0"))
        self.assertFalse(entries.fits("B.X", "AB.X") or entries.fits("B.X", "B.XY"))


class Verdicts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        (root / "src/base").mkdir(parents=True)
        (root / "src/base/a_test.cc").write_text(TEST)
        self.tests = entries.Tests(root)

    def judge(self, ending: str, failed: set[str], ends: str = "", filter_: str = "Names.*") -> str:
        guard = entries.Guard(("x.guard", 1), ["T-01"], "words", ("base_test", filter_), [], ends)
        return verdict(guard, self.tests, Run(ending, set(), failed, ""))[0]

    def test_a_removed_guard_is_missed_by_a_test_with_its_id_only(self):
        self.assertEqual("ok", self.judge("", {"Names.AreLookedAt"}))
        self.assertEqual("SURVIVED", self.judge("", set()))
        self.assertEqual("SURVIVED", self.judge("", {"Names.Other"}))

    def test_a_crash_or_a_late_end_counts_where_the_entry_says_so(self):
        self.assertEqual("CUT SHORT", self.judge("crash", {"Names.AreLookedAt"}))
        self.assertEqual("CUT SHORT", self.judge("late", {"Names.AreLookedAt"}, "crash"))
        self.assertEqual("ok", self.judge("crash", {"Names.AreLookedAt"}, "crash"))
        self.assertEqual("ok", self.judge("", {"Names.AreLookedAt"}, "crash"))
        self.assertEqual("SURVIVED", self.judge("", set(), "late"))

    def test_reports_say_what_failed(self):
        tests = [{"name": "A", "status": "RUN", "result": "COMPLETED"}, {"name": "B", "status": "RUN", "result": "COMPLETED", "failures": [{}]},
                 {"name": "C", "status": "NOTRUN", "result": "SUPPRESSED"}]
        self.assertEqual(({"S.A"}, {"S.B"}), by_report({"testsuites": [{"name": "S", "testsuite": tests}]}))
        self.assertEqual({"test_b"}, by_exit("e2e", "b", 1, "ok   a.Case.test_a  1.0 s\nFAIL a.Case.test_b  2.0 s\n").failed)
        self.assertEqual({"daily"}, by_exit("case", "daily", 1, "").failed)


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed, 0 skipped")
    sys.exit(1 if bad else 0)
