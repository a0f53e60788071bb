#!/usr/bin/env python3
"""What a person reads when packages cannot be installed."""
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dev import setup, shell, test  # noqa: E402

NO_NETWORK = "\n".join(f"E: Failed to fetch http://mirror.test/{name}.deb  Temporary failure resolving 'mirror.test'" for name in ("a", "b", "c"))


class Packages(unittest.TestCase):
    def test_what_apt_says_of_every_package_is_told_once(self):
        said = NO_NETWORK + "\nReading package lists...\nE: Unable to fetch some archives\n"
        self.assertEqual([NO_NETWORK.splitlines()[0], "E: Unable to fetch some archives"], setup.complaints(said))

    def test_without_a_network_that_is_the_message(self):
        def run(argv, **_):
            return subprocess.CompletedProcess(argv, 100 if "install" in argv else 0, NO_NETWORK)
        with mock.patch.object(shell, "run", run), mock.patch.object(setup, "why_not", return_value="no network?"), \
                contextlib.redirect_stderr(io.StringIO()), self.assertRaises(shell.Failed) as told:
            setup.apt(["g++"])
        self.assertIn("no network", str(told.exception))
        self.assertEqual(2, len(str(told.exception).splitlines()))

    def test_another_system_than_debian_12_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            release = pathlib.Path(folder, "os-release")
            for text, said in (('ID=debian\nVERSION_ID="12"\n', "no network"), ('ID=ubuntu\nVERSION_ID="24.04"\n', "this is ubuntu 24.04; "),
                               ("ID=debian\n", "this is debian; ")):
                release.write_text(text)
                self.assertTrue(setup.why_not(release).startswith(said), setup.why_not(release))

    def test_with_neither_root_nor_sudo_the_line_for_root_is_the_one_setup_runs(self):
        with mock.patch("os.geteuid", return_value=1000), mock.patch.object(setup, "which", return_value=None), self.assertRaises(shell.Failed) as told:
            setup.apt(["g++"])
        self.assertIn("apt-get update && apt-get install -y --no-install-recommends g++", str(told.exception))

    def test_all_tests_ask_for_their_packages_once_and_before_the_build(self):
        asked = []
        with mock.patch.object(setup, "ensure", lambda *groups: asked.append(groups)), mock.patch("os.geteuid", return_value=1000), \
                mock.patch.object(test.build, "compile", side_effect=shell.Failed("built")), self.assertRaises(shell.Failed):
            test.everything("dev")
        self.assertEqual([{"build", "clang", "node", "test", "podman"}], [set(groups) for groups in asked])

    def test_setup_installs_no_web_server_unasked(self):
        asked = []
        with mock.patch.object(setup, "ensure", lambda *groups: asked.extend(groups)), mock.patch.object(setup, "report", return_value=0), \
                mock.patch.object(shell, "run"):
            setup.main([], "setup")
            self.assertEqual(set(setup.groups()) - {"bench"}, set(asked))
            setup.main(["bench"], "setup")
            self.assertEqual("bench", asked[-1])


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed, 0 skipped")
    sys.exit(1 if bad else 0)
