"""Runs the unittest files of one folder and prints the closing line that ./dev test counts."""
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

from harness.gate import binary


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = 0
        self.lines = []

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def _say(self, verdict, test, extra=""):
        print(f"{verdict} {title(test)}  {time.monotonic() - getattr(self, 'began', time.monotonic()):.1f} s{extra}", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self._say("ok  ", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say("FAIL", test, "\n" + self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say("FAIL", test, "\n" + self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"SKIPPED {title(test)}: {reason}", flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._say("FAIL", subtest, "\n" + (self.failures or self.errors)[-1][1])


def title(test) -> str:
    name = test.id() if hasattr(test, "id") else str(test)
    return name.replace("__main__.", "")


class GateCase(unittest.TestCase):
    """A folder per test class; whatever `keep` was given is stopped in reverse order at the end. Skips without a binary."""
    needs_gate = True

    @classmethod
    def setUpClass(cls):
        if cls.needs_gate and not binary().exists():
            raise unittest.SkipTest(f"{binary().name} is not built yet")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="callgate-e2e-"))
        if "CALLGATE_KEEP" not in os.environ:               # set it to look at logs and data afterwards
            cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    @classmethod
    def keep(cls, thing):
        cls.addClassCleanup(thing.stop)
        return thing


def main(folder: pathlib.Path, words: list[str]) -> int:
    loader = unittest.TestLoader()
    found = loader.discover(str(folder), pattern="*_test.py", top_level_dir=str(folder))
    tests = [test for test in flatten(found) if not words or any(word in title(test) for word in words)]
    result = Result()
    unittest.TestSuite(tests).run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped", flush=True)
    return 1 if failed or (words and not tests) else 0


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def folder_main(file: str) -> int:
    here = pathlib.Path(file).resolve().parent
    os.chdir(here)
    return main(here, sys.argv[1:])
