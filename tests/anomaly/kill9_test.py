"""kill -9 under load: what a client was told is recorded, what was counted stays counted, and the chain verifies afterwards.

Clients call through the gate from several threads while it is killed without warning; it starts again on the same data, several times.
Held against three witnesses: what each client was answered, what the journal says, and what the upstream received.
"""
import http.client
import json
import random
import threading

from harness.gate import Gate
from harness.mcp import MODERN
from harness.processes import eventually
from harness.suite import GateCase
from harness.upstreams import Hostile

KILLS = 4
THREADS = 8
BUDGET = 1200          # of the day, shared by all threads; used up half way through, so that the end of it is tested too
POLICY = f"""
version: "1"
default: allow
tools:
  echo:
    deny_if:
      - {{conditions: [{{path: args.amount, op: gt, value: 8}}], on_deny: "more than eight"}}
    limits:
      - {{counter: spent, window: day, max: {BUDGET}, scope: grant, increment_from: args.amount}}
"""


class Caller(threading.Thread):
    """Calls until told to stop; remembers every answer it was given."""

    def __init__(self, gate: Gate, token: str, number: int, seed: int):
        super().__init__(daemon=True)
        self.client = gate.client(token, "echo", era=MODERN, timeout_s=10)
        self.random = random.Random(seed * 1000 + number)
        self.number = number
        self.halt = threading.Event()
        self.allowed: dict[str, int] = {}       # our own mark on the call -> amount
        self.denied: dict[str, dict] = {}       # -> the error
        self.unanswered: set[str] = set()

    def run(self):
        count = 0
        while not self.halt.is_set():
            count += 1
            mark, amount = f"{self.number}-{count}", self.random.randint(1, 9)
            try:
                reply = self.client.call("echo", amount=amount, mark=mark)
            except (OSError, http.client.HTTPException):
                self.unanswered.add(mark)
                self.halt.wait(0.02)              # the gate is down; try again soon
                continue
            if reply.result:
                self.allowed[mark] = amount
            elif reply.error:
                self.denied[mark] = reply.error
            else:
                raise AssertionError(f"neither result nor error: {reply.status} {reply.body[:300]!r}")


class Kill9(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seed = random.SystemRandom().randrange(1 << 30)
        cls.upstream = cls.keep(Hostile())
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.add_server("echo", cls.upstream.url, "--capture", "full")
        cls.gate.put_policy("echo", POLICY)
        cls.token = cls.gate.mint("load", server="echo", policy="echo")
        print(f"seed {cls.seed}", flush=True)
        cls.load()

    @classmethod
    def load(cls):
        callers = [Caller(cls.gate, cls.token, number, cls.seed) for number in range(THREADS)]
        for caller in callers:
            caller.start()
        pause = random.Random(cls.seed)

        def answered() -> int:
            return sum(len(caller.allowed) + len(caller.denied) for caller in callers)

        for _ in range(KILLS):
            goal = answered() + pause.randint(50, 150)
            eventually(lambda: answered() >= goal, f"{goal} answers", 60)
            cls.gate.kill9()
            cls.gate.start()
        goal = answered() + 100
        eventually(lambda: answered() >= goal, "answers after the last start", 60)
        for caller in callers:
            caller.halt.set()
        for caller in callers:
            caller.join(30)
        cls.allowed = {mark: amount for caller in callers for mark, amount in caller.allowed.items()}
        cls.denied = {mark: error for caller in callers for mark, error in caller.denied.items()}
        cls.unanswered = set().union(*(caller.unanswered for caller in callers))
        cls.rows = cls.gate.records(method="tools/call")
        cls.arrived = [params["arguments"] for params in cls.upstream.calls("echo")]

    def test_there_was_load_and_there_were_kills(self):
        self.assertEqual(KILLS + 1, self.gate.starts)
        self.assertGreater(len(self.allowed), 100)
        said = [error["message"] for error in self.denied.values()]
        self.assertTrue(any(text == "more than eight" for text in said), "the policy refused some")
        self.assertTrue(any("spent" in text for text in said), f"the limit was reached: {said[-1] if said else 'no refusals'}")

    def test_the_chain_verifies_after_every_kill(self):
        self.gate.verify_audit()

    def test_every_answer_a_client_got_has_its_record(self):
        recorded = {row["arguments"]["mark"]: row for row in self.rows if "arguments" in row}
        missing = [mark for mark in (*self.allowed, *self.denied) if mark not in recorded]
        self.assertEqual([], missing, f"{len(missing)} answers without a record, seed {self.seed}")
        wrong = [mark for mark in self.allowed if recorded[mark]["effect"] != "allow"] + \
                [mark for mark in self.denied if recorded[mark]["effect"] != "deny"]
        self.assertEqual([], wrong, "records that say the opposite of what the client was told")

    def test_a_refusal_names_the_decision_that_is_recorded(self):
        decisions = {row.get("decision") for row in self.rows}
        unknown = [error for error in self.denied.values() if error["data"]["decision_id"] not in decisions]
        self.assertEqual([], unknown)

    def test_no_refused_call_reached_the_upstream(self):
        arrived = {arguments["mark"] for arguments in self.arrived}
        self.assertEqual(set(), arrived & set(self.denied))

    def test_the_limit_holds_as_the_upstream_counts(self):
        spent = sum(arguments["amount"] for arguments in self.arrived)
        self.assertLessEqual(spent, BUDGET, f"the upstream received more than the day's limit, seed {self.seed}")

    def test_what_was_spent_before_a_kill_is_still_spent_after_it(self):
        used = next(float(counter["used"]) for counter in self.gate.json("counter", "ls")["items"] if "spent" in json.dumps(counter))
        spent = sum(arguments["amount"] for arguments in self.arrived)
        self.assertGreaterEqual(used, spent, f"calls that arrived are no longer counted, seed {self.seed}")
