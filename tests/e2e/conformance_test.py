"""The public MCP suites through the gate, the quick part of `./dev conformance`: no leg scores lower than what is committed."""
import pathlib
import tempfile
import unittest

from harness.suite import GateCase
from harness.upstreams import npm

from conformance import legs as suites
from dev import conformance, shell

QUICK = [leg for leg in suites.legs() if (leg.transport == "http" and (leg.kind == "cross" or (leg.kind == "server" and leg.upstream == "both"))) or
         (leg.kind == "client" and not leg.bridged) or leg.key == "server/2026-07-28/both-upstream/stdio"]


class Conformance(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            suites.install()
            npm.node()
        except shell.Failed as failure:
            raise unittest.SkipTest(f"the conformance suites cannot be installed: {failure}") from None
        folder = pathlib.Path(tempfile.mkdtemp(dir=cls.folder))
        cls.committed = conformance.read_scores()
        cls.runner = conformance.Runner(folder, quiet=True)
        cls.outcomes = {outcome.leg: outcome for outcome in cls.runner.run(QUICK)}

    def keeps(self, leg: suites.Leg):
        if conformance.below(self.outcomes[leg], self.committed):
            # The suites wait half a second for some events, whatever else the machine does: once more, alone.
            [self.outcomes[leg]] = self.runner.run([leg])
        self.assertEqual([], conformance.below(self.outcomes[leg], self.committed))
        self.assertIn(leg.key, self.committed, "a leg without a committed score: ./dev conformance --update")


for leg in QUICK:
    name = "test_" + "".join(letter if letter.isalnum() else "_" for letter in leg.key) + "_keeps_its_score"
    setattr(Conformance, name, lambda self, leg=leg: self.keeps(leg))
