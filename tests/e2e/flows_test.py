"""Rules over sequences, end to end (T05, T06, T07): two servers, kill -9 between the reading and the sink, and the commands."""
import json

from harness.gate import Gate
from harness.suite import GateCase
from harness.upstreams import Hostile

TRIFECTA = """
version: "1"
default: allow
tools:
  echo: {labels: [untrusted]}
  headers: {labels: [sink]}
flows:
  - {name: no-leak, after: {labels: [private, untrusted]}, then: {labels: [sink]}}
  - {name: one-text, same: [args.text], tools: [echo]}
"""


class Flows(GateCase):
    def setUp(self):
        folder = self.folder / self.id().rsplit(".", 1)[1][:40]
        folder.mkdir()
        self.gate = Gate(folder)
        self.addCleanup(lambda: self.gate.stop())
        for name, labels in (("files", ("--label", "private")), ("web", ())):
            server = Hostile()
            self.addCleanup(server.stop)
            self.gate.add_server(name, server.url, *labels)
            setattr(self, name, server)
        self.gate.put_policy("trifecta", TRIFECTA)
        self.token = self.gate.mint("agent", "--server", "web", server="files", policy="trifecta")

    def client(self, server):
        return self.gate.client(self.token, server)

    def refused(self, reply) -> bool:
        return bool(reply.error) and reply.error.get("data", {}).get("code") == "policy.flow"

    def test_kill_9_between_the_reading_and_the_sink_sheds_nothing(self):                    # T07
        self.assertTrue(self.client("files").call("echo", text="salaries").result)           # private, and untrusted
        self.gate.kill9()
        self.gate.start()
        reply = self.client("web").call("headers")
        self.assertTrue(self.refused(reply), reply.body)
        self.assertEqual("/flows/0", reply.error["data"]["rule"])
        self.assertEqual([], self.web.calls("headers"))
        other = self.client("files").call("echo", text="something else")
        self.assertTrue(self.refused(other), "what bound the session survives as well")

    def test_an_orderly_restart_sheds_nothing_either(self):                                  # T06
        self.client("files").call("echo", text="salaries")
        self.gate.restart()
        self.assertTrue(self.refused(self.client("web").call("headers")))

    def test_labels_apart_are_harmless_and_another_grant_is_not_affected(self):
        self.client("web").call("echo", text="an issue")
        self.assertTrue(self.client("web").call("headers").result)
        self.client("files").call("headers")
        self.assertTrue(self.refused(self.client("web").call("headers")))
        self.token = self.gate.mint("other", "--server", "web", server="files", policy="trifecta")
        self.assertTrue(self.client("web").call("headers").result)

    def test_an_operator_sees_and_clears_it(self):
        self.client("files").call("echo", text="salaries")
        shown = self.gate.json("flow", "show", "agent")
        shown = shown["items"] if isinstance(shown, dict) else shown
        self.assertEqual(["private", "untrusted"], sorted(shown[0]["labels"]))
        self.assertNotIn("salaries", json.dumps(shown))
        self.assertIn("files/echo", self.gate.run("flow", "show", "agent").stdout)
        self.assertTrue(self.refused(self.client("web").call("headers")))
        self.gate.run("flow", "clear", "agent", "--yes")
        self.assertEqual([], self.gate.json("flow", "ls")["items"])
        self.gate.kill9()
        self.gate.start()
        self.assertTrue(self.client("web").call("headers").result, "cleared stays cleared")
        self.assertTrue([r for r in self.gate.records(kind="admin") if "flow.clear" in json.dumps(r)])

    def test_a_copy_that_cannot_be_read_counts_as_everything_seen(self):
        import sqlite3
        self.client("web").call("headers")
        self.gate.stop()
        with sqlite3.connect(self.gate.data / "callgate.db") as database:
            database.execute("UPDATE flow_trails SET state = 'x'")
        database.close()
        self.gate.start()
        self.assertTrue(self.refused(self.client("web").call("headers")))
        self.gate.run("flow", "clear", "agent", "--yes")
        self.assertTrue(self.client("web").call("headers").result)
