#!/usr/bin/env python3
"""What ./dev fresh takes along from this machine: the way to the network, and neither tokens nor packages."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dev import fresh, shell  # noqa: E402


class Fresh(unittest.TestCase):
    def test_only_debians_own_mirrors_of_this_release_are_taken_along(self):
        said = "\n".join(["Debian|http://mirror.test/debian/|bookworm|main", "Debian|http://mirror.test/debian/|bookworm|main",
                          "Debian|http://mirror.test/debian/|bookworm-updates|main", "Debian|http://mirror.test/debian/|trixie|main",
                          "Node Source|https://elsewhere.test/node_20.x/|nodistro|main", "|http://nolists.test/|bookworm|main", ""])
        self.assertEqual(["deb http://mirror.test/debian/ bookworm main", "deb http://mirror.test/debian/ bookworm-updates main"], fresh.mirrors(said))

    def test_of_apts_settings_only_those_of_the_network(self):
        said = 'Acquire::http::Proxy "http://proxy.test:3128";\nAcquire::Check-Date "false";\nAcquire::GzipIndexes "true";\nDPkg::Post-Invoke:: "x";\n'
        self.assertEqual(['Acquire::http::Proxy "http://proxy.test:3128";', 'Acquire::Check-Date "false";'], fresh.apt_settings(said))

    def test_tokens_of_npm_and_pip_stay_behind(self):
        self.assertEqual(["registry=https://npm.test/"], fresh.npm_settings("registry=https://npm.test/\n//npm.test/:_authToken=secret\nnodedir=/usr\n"))
        self.assertEqual(["cert = /ca.crt"], fresh.pip_settings("[global]\ncert = /ca.crt\nfind-links = /wheels\n[other]\nindex-url = x\n"))

    def test_of_the_environment_only_what_a_network_needs(self):
        taken = fresh.carried({"HTTPS_PROXY": "p", "no_proxy": "n", "PIP_CERT": "c", "PIP_FIND_LINKS": "/wheels", "LANG": "C.UTF-8", "HOME": "/root",
                               "npm_config_registry": "r", "NPM_CONFIG__AUTH": "secret", "CCACHE_DIR": "/cache"})
        self.assertEqual({"HTTPS_PROXY": "p", "no_proxy": "n", "PIP_CERT": "c", "npm_config_registry": "r"}, taken)

    def test_words_are_a_command_of_dev_and_others_follow_two_dashes(self):
        self.assertEqual(["./dev", "demo", "--check"], fresh.command_of([]))
        self.assertEqual(["./dev", "test", "policy"], fresh.command_of(["test", "policy"]))
        self.assertEqual(["bash", "-c", "id"], fresh.command_of(["--", "bash", "-c", "id"]))
        for wrong in (["bash"], ["fresh"], ["--"]):
            with self.assertRaises(shell.Failed):
                fresh.command_of(wrong)


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed, 0 skipped")
    sys.exit(1 if bad else 0)
