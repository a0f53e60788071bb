"""Everything at once: calls of both eras while records are read, approvals decided and configuration changes. What ThreadSanitizer is for
(CONTRIBUTING.md), and what any build must come through with every call answered and recorded."""
import http.client
import json
import random
import threading
import time

from harness.gate import Gate, UnixConnection
from harness.mcp import LEGACY, MODERN
from harness.suite import GateCase
from harness.upstreams import Hostile

SECONDS = 8
POLICY = """
version: "1"
default: allow
tools:
  echo:
    labels: [untrusted]
    ask: [{conditions: [{path: args.amount, op: gt, value: 95}], on_ask: "Large ones are looked at."}]
  headers: {labels: [sink]}
flows:
  - {name: one-text, same: [args.text], tools: [headers]}
"""
READ = ("audit?limit=50", "audit/head", "audit/export?limit=200", "counters", "flows", "servers", "grants", "health")


class Busy(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = cls.keep(Hostile())
        cls.gate = cls.keep(Gate(cls.folder, env={"CALLGATE_APPROVALS_HOLD": "1s", "CALLGATE_WORKERS": "3", "CALLGATE_AUDIT_SEGMENT_BYTES": "256KiB"}))
        cls.gate.add_server("echo", server.url, "--capture", "full")
        cls.gate.put_policy("busy", POLICY)
        cls.tokens = [cls.gate.mint(f"busy{i}", server="echo", policy="busy") for i in range(3)]
        cls.answered, cls.wrong, cls.read, cls.decided = [], [], [], []
        cls.end = time.monotonic() + SECONDS
        work = [lambda i=i: cls.call(i) for i in range(6)] + [lambda i=i: cls.look(i) for i in range(2)] + [cls.change]
        threads = [threading.Thread(target=cls.whole, args=(each,)) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 60)

    @classmethod
    def whole(cls, work):
        try:
            work()
        except Exception as error:          # noqa: BLE001 - a thread's own end is a finding
            cls.wrong.append(repr(error))

    @classmethod
    def call(cls, number: int):
        pick = random.Random(number)
        client = None
        while time.monotonic() < cls.end:
            if client is None or pick.random() < 0.02:
                client = cls.gate.client(cls.tokens[number % 3], "echo", era=pick.choice((LEGACY, MODERN)))
            mark = f"{number}-{len(cls.answered)}-{pick.randrange(1 << 30)}"
            reply = client.call("echo", text=mark, amount=pick.randrange(100))
            (cls.answered if reply.status == 200 else cls.wrong).append(mark if reply.status == 200 else reply.body[:200])

    @classmethod
    def ask(cls, door, method: str, path: str, body=None) -> tuple[int, bytes]:
        door.request(method, "/api/v1/" + path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = door.getresponse()
        return answer.status, answer.read()

    @classmethod
    def look(cls, number: int):
        door: http.client.HTTPConnection = UnixConnection(cls.gate.data / "callgate.sock")
        pick = random.Random(100 + number)
        while time.monotonic() < cls.end:
            path = pick.choice(READ)
            status, data = cls.ask(door, "GET", path) if pick.random() < 0.9 else cls.ask(door, "POST", "audit/verify", {})
            cls.read.append(path) if status == 200 else cls.wrong.append((path, status, data[:200]))
            for item in json.loads(cls.ask(door, "GET", "approvals")[1])["items"][:3]:
                status, data = cls.ask(door, "POST", f"approvals/{item['id']}/{pick.choice(('approve', 'deny'))}", {})
                cls.decided.append(status) if status in (200, 409) else cls.wrong.append((status, data[:200]))

    @classmethod
    def change(cls):
        turn = 0
        while time.monotonic() < cls.end:
            turn += 1
            cls.gate.put_policy("busy", POLICY + f"# {turn}\n")
            cls.gate.mint(f"other{turn}", server="echo", policy="busy")
            cls.gate.run("grant", "revoke", f"other{turn}", "--yes")

    def test_nothing_went_wrong_and_all_of_it_happened(self):
        self.assertEqual([], self.wrong[:5])
        self.assertGreater(len(self.answered), 20)
        self.assertGreater(len(self.read), 5)
        self.assertIn(200, self.decided)

    def test_every_answer_has_its_record_and_the_chain_is_whole(self):
        self.gate.verify_audit()
        recorded = json.dumps([row.get("arguments") for row in self.gate.records(method="tools/call")])
        self.assertEqual([], [mark for mark in self.answered if mark not in recorded][:5])
