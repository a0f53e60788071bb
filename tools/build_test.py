#!/usr/bin/env python3
"""What a person sees of a build: how far it is on a terminal, what compilers say, and nothing else."""
import contextlib
import io
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dev import build, shell  # noqa: E402

BUILD = r"printf 'ninja: Entering directory `x`\n1/2 Building a.cc.o\na.cc:3: warning: unused\n2/2 Linking b\n'"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def see(script: str, quiet: bool, error=None) -> tuple[str, str]:
    out, error = io.StringIO(), error or io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error), contextlib.suppress(shell.Failed):
        build.steps(["sh", "-c", script], quiet, dict(os.environ))
    return out.getvalue(), error.getvalue()


class Watching(unittest.TestCase):
    def test_warnings_are_passed_on_and_steps_are_not(self):
        self.assertEqual(("a.cc:3: warning: unused\n", ""), see(BUILD, quiet=False))

    def test_a_quiet_build_that_works_says_nothing(self):
        self.assertEqual(("", ""), see(BUILD, quiet=True))

    def test_a_quiet_build_that_fails_says_all(self):
        self.assertEqual(("", "a.cc:3: warning: unused\nFAILED: b\n"), see(BUILD + "; echo 'FAILED: b'; exit 1", quiet=True))

    def test_a_failed_build_is_an_error(self):
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(shell.Failed):
            build.steps(["sh", "-c", "exit 3"], True, dict(os.environ))

    def test_a_terminal_shows_how_far_it_is_and_is_left_clean(self):
        shown = see(BUILD, quiet=True, error=Terminal())[1]
        self.assertIn("-- 1 of 2\r-- 2 of 2\r", shown)
        self.assertEqual("", shown.rsplit("\r", 2)[1].strip() + shown.rsplit("\r", 1)[1])


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed, 0 skipped")
    sys.exit(1 if bad else 0)
