"""Servers that are commands, end to end: added, probed, called over HTTP, dying and coming back; `connect` and `wrap` driven by the official
SDKs over standard input and output. The reference servers of other projects are in interop_test.py."""
import json
import os
import subprocess
import unittest

from dev import shell
from harness.gate import CommandFailed, Gate, binary
from harness.mcp import MODERN
from harness.processes import ROOT
from harness.suite import GateCase
from harness.upstreams import npm

HERE = ROOT / "tests" / "e2e"
TOYS = ROOT / "tests" / "toys"
NOTES = ["/usr/bin/python3", TOYS / "stdio_notes.py"]
POLICY = """version: "1"
default: allow
hide: [leave]
tools:
  note_add:
    deny_if: [{conditions: [{path: args.text, op: contains, value: password}], on_deny: "No passwords in notes."}]
"""
OPEN = "version: \"1\"\ndefault: allow\n"
STORY = [["note_add", {"text": "milk"}], ["note_add", {"text": "my password"}], ["note_list", {}], ["slow", {"steps": 3}]]


def sdk(generation: str, command: list, calls: list, **env) -> dict:
    argv = [npm.node(), "stdio_client.mjs", generation, json.dumps([str(part) for part in command]), json.dumps(calls)]
    done = subprocess.run([str(part) for part in argv], cwd=HERE, text=True, capture_output=True, timeout=90, stdin=subprocess.DEVNULL,
                          env={name: value for name, value in os.environ.items() if not name.startswith("CALLGATE_")} | env)
    if done.returncode != 0:
        raise AssertionError(f"sdk {generation} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def with_sdk():
    try:
        npm.install(HERE)
    except shell.Failed as failure:
        raise unittest.SkipTest(f"the SDKs cannot be installed: {failure}") from None


class NotesGate(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.put_policy("notes", POLICY)
        cls.gate.put_policy("open", OPEN)
        (cls.folder / "token.txt").write_text("s3cr3t-of-notes\n")
        cls.added = cls.gate.json("server", "add", "notes", "--read", TOYS, "--env", "NOTES_PLACE=here", "--secret-env",
                                  f"NOTES_TOKEN=@{cls.folder / 'token.txt'}", "--", *NOTES)

    def open(self, policy: str = "notes", server: str = "notes"):
        client = self.gate.client(self.gate.mint(self.id().rsplit(".", 1)[-1][:60], server=server, policy=policy), server)
        client.open()
        return client

    def text(self, reply) -> str:
        return reply.result["content"][0]["text"]


class Commands(NotesGate):
    """Over HTTP."""

    def test_a_command_is_probed_called_and_recorded_like_any_server(self):
        self.assertEqual("stdio", self.added["kind"])
        shown = self.gate.json("server", "show", "notes")
        self.assertTrue(shown["speaks_legacy"])
        self.assertFalse(shown["speaks_modern"])
        self.assertEqual(["NOTES_TOKEN"], shown["secret_names"])
        client = self.open()
        self.assertEqual("1 notes", self.text(client.call("note_add", text="milk")))
        refused = client.call("note_add", text="my password")
        self.assertIn("No passwords in notes.", json.dumps(refused.last))
        self.assertEqual("milk", self.text(client.call("note_list")))
        rows = [row for row in self.gate.records(method="tools/call") if row.get("tool") == "note_add"]
        self.assertEqual(["allow", "deny"], [row["effect"] for row in rows][-2:])

    def test_each_session_is_a_process_of_its_own(self):
        one, two = self.open(), self.open()
        one.call("note_add", text="mine")
        self.assertEqual("none", self.text(two.call("note_list")))

    def test_a_client_of_2026_reaches_a_command_of_2025(self):
        client = self.gate.client(self.gate.mint("modern", server="notes", policy="notes"), "notes", era=MODERN)
        self.assertEqual(["environment", "note_add", "note_list", "slow"], sorted(client.tools()))
        self.assertEqual("1 notes", self.text(client.call("note_add", text="bread")))
        self.assertIn("No passwords in notes.", json.dumps(client.call("note_add", text="password").last))

    # T-71: child environment
    def test_it_gets_its_own_environment_and_nothing_of_the_gates(self):
        seen = json.loads(self.text(self.open().call("environment")))
        self.assertEqual("s3cr3t-of-notes", seen["NOTES_TOKEN"])
        self.assertEqual("here", seen["NOTES_PLACE"])
        self.assertEqual(set(), {name for name in seen if name.startswith("CALLGATE")})
        self.assertNotEqual(str(self.gate.folder), seen.get("HOME"))

    # T-68
    def test_its_secrets_are_nowhere_to_be_read(self):
        self.open().call("note_list")
        logs = self.gate.run("server", "logs", "notes").stdout
        self.assertIn("token is", logs)
        places = [logs, self.gate.run("server", "show", "notes", "-o", "json").stdout, json.dumps(self.gate.records(), default=str)]
        places += [path.read_bytes().decode("latin-1") for path in self.gate.data.rglob("*") if path.is_file()]
        for place in places:
            self.assertNotIn("s3cr3t-of-notes", place)

    # T-71: child exit
    def test_a_process_that_ends_fails_its_call_and_comes_back(self):
        client = self.open("open")
        client.call("note_add", text="lost")
        died = client.call("leave")
        self.assertIn("upstream.exited", json.dumps(died.last))
        self.assertEqual("none", self.text(client.call("note_list")))
        self.assertIn("the process ended", self.gate.run("server", "logs", "notes").stdout)

    def test_a_disabled_command_is_stopped_and_refused(self):
        self.gate.run("server", "add", "brief", "--read", TOYS, "--", *NOTES)
        client = self.open("open", "brief")
        self.gate.run("server", "disable", "brief")
        self.assertIn("catalog.disabled", json.dumps(client.call("note_list").last))

    def test_what_fetches_the_newest_is_refused_and_a_bad_command_says_what_to_do(self):
        for words, why in ((["npx", "-y", "@modelcontextprotocol/server-everything"], "npx"), (["no-such-program"], "no-such-program")):
            with self.subTest(why), self.assertRaises(CommandFailed) as caught:
                self.gate.run("server", "add", "bad", "--", *words)
            self.assertIn(why, caught.exception.err)


class Connecting(NotesGate):
    """The same gate through `callgate connect`."""

    @classmethod
    def setUpClass(cls):
        with_sdk()
        super().setUpClass()

    def connect(self, *words):
        return [self.gate.binary, "connect", "notes", "--data", self.gate.data, *words]

    def check(self, seen: dict):
        self.assertEqual(["environment", "note_add", "note_list", "slow"], seen["tools"])
        added, refused, listed, slow = seen["calls"]
        self.assertEqual("1 notes", added.get("text"), seen)
        self.assertIn("No passwords in notes.", refused["message"])
        self.assertEqual("milk", listed["text"])
        self.assertEqual("done", slow["text"])
        self.assertEqual(3, seen["progress"])

    def test_the_sdks_speak_through_connect(self):
        token = self.gate.mint("connect", server="notes", policy="notes")
        for generation in ("v1", "v2"):
            with self.subTest(generation):
                self.check(sdk(generation, self.connect("--url", self.gate.url), STORY, CALLGATE_TOKEN=token))
        with self.subTest("control socket"):
            (self.folder / "grant.txt").write_text(token)
            self.check(sdk("v1", self.connect("--token-file", self.folder / "grant.txt"), STORY))

    def test_the_session_is_opened_again_after_the_gate_was_restarted(self):
        token = self.gate.mint("again", server="notes", policy="notes")
        child = subprocess.Popen([str(part) for part in self.connect("--url", self.gate.url)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True, env=self.gate.env | {"CALLGATE_TOKEN": token})
        try:
            def ask(identity, method, **params):
                child.stdin.write(json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": params}) + "\n")
                child.stdin.flush()
                return json.loads(child.stdout.readline())
            ask(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "1"})
            child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
            self.assertEqual("1 notes", ask(2, "tools/call", name="note_add", arguments={"text": "a"})["result"]["content"][0]["text"])
            self.gate.restart()
            self.assertEqual("none", ask(3, "tools/call", name="note_list", arguments={})["result"]["content"][0]["text"])
            child.stdin.close()
            self.assertEqual(0, child.wait(30))
        finally:
            child.kill()
            child.stdout.close()

    def test_without_a_good_grant_every_request_is_answered_with_why(self):
        done = subprocess.run([str(part) for part in self.connect("--url", self.gate.url)], text=True, capture_output=True, timeout=60,
                              input='{"jsonrpc":"2.0","id":1,"method":"ping"}\nnonsense\n', env=self.gate.env | {"CALLGATE_TOKEN": "cg_wrong"})
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        errors = {one["id"]: one["error"] for one in answers}
        self.assertEqual({1, None}, set(errors))
        self.assertEqual(-32700, errors[None]["code"])
        self.assertIn("token", errors[1]["message"])
        self.assertEqual(0, done.returncode, done.stderr)


class Wrapping(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with_sdk()
        cls.policy = cls.folder / "notes.yaml"
        cls.policy.write_text(POLICY)
        cls.env = {"HOME": str(cls.folder), "XDG_STATE_HOME": str(cls.folder / "state")}

    def wrap(self, *words):
        return [binary(), "wrap", "--policy", self.policy, "--read", TOYS, *words, "--", *NOTES]

    def verify(self, data):
        done = subprocess.run([str(binary()), "audit", "verify", "--data", str(data)], text=True, capture_output=True, timeout=60)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_a_server_behind_a_policy_file_with_the_same_engine_and_audit(self):
        data = self.folder / "own"
        for generation in ("v1", "v2"):
            with self.subTest(generation):
                seen = sdk(generation, self.wrap("--data", data), STORY, **self.env)
                self.assertEqual(["environment", "note_add", "note_list", "slow"], seen["tools"])
                self.assertEqual(["1 notes", None, "milk", "done"], [call.get("text") for call in seen["calls"]])
                self.assertIn("No passwords in notes.", seen["calls"][1]["message"])
                self.assertNotIn("error", seen["stderr"])
        self.assertIn("whole", self.verify(data))

    def test_two_at_the_same_time_have_a_journal_each(self):
        env = self.env | {"XDG_STATE_HOME": str(self.folder / "two")}
        first = subprocess.Popen([str(part) for part in self.wrap()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | env)
        try:
            first.stdin.write('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
                              '"clientInfo":{"name":"t","version":"1"}}}\n')
            first.stdin.flush()
            self.assertIn("notes", first.stdout.readline())
            self.assertEqual("1 notes", sdk("v1", self.wrap(), STORY, **env)["calls"][0]["text"])
            first.terminate()
            self.assertEqual(0, first.wait(30))
        finally:
            first.kill()
            first.stdin.close()
            first.stdout.close()
        journals = sorted((self.folder / "two" / "callgate" / "wrap").iterdir())
        self.assertEqual(2, len(journals), journals)
        for data in journals:
            self.verify(data)

    def test_a_policy_or_command_that_cannot_work_is_said_at_once(self):
        bad = self.folder / "bad.yaml"
        bad.write_text("version: \"1\"\ndefault: maybe\n")
        for argv, why in (([binary(), "wrap", "--policy", bad, "--", *NOTES], "default"),
                          ([binary(), "wrap", "--policy", self.policy, "--", "uvx", "mcp-notes"], "uvx"),
                          ([binary(), "wrap", "--policy", self.policy, "--", "/bin/false"], "handshake")):
            with self.subTest(why):
                done = subprocess.run([str(part) for part in argv], text=True, capture_output=True, timeout=60, env=os.environ | self.env)
                self.assertNotEqual(0, done.returncode)
                self.assertIn(why, done.stderr)
                self.assertEqual("", done.stdout)


