"""Clients and servers of other projects on either side of the gate: the official Python SDK of both generations, LangChain's adapters, and
the reference servers. Each client also goes straight to the toy, so that a failure through the gate points at the gate."""
import json
import os
import subprocess
import unittest

from conformance import legs as suites
from dev import pypi, shell
from harness.gate import REFUNDS_POLICY, Gate
from harness.processes import ROOT, Child
from harness.suite import GateCase
from harness.upstreams import Refunds, npm

HERE = ROOT / "tests" / "interop"
SERVERS = HERE / "node_modules" / "@modelcontextprotocol"
REFUSAL = "Refund blocked: Amount exceeds developer limit."
SMALL = {"charge_id": "ch_105", "amount": 50, "currency": "usd"}
LARGE = {"charge_id": "ch_105", "amount": 5000, "currency": "usd"}
VISIBLE = ["get_charge", "list_charges", "refund_payment"]
STORY = [["refund_payment", SMALL], ["refund_payment", LARGE], ["delete_customer", {"customer": "cus_1"}]]
REVISIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}
ASKING = [["test_elicitation", {"message": "Who?"}], ["test_sampling", {"prompt": "Say it"}], ["test_input_required_result_list_roots", {}],
          ["test_input_required_result_multi_round", {}], ["test_tool_with_progress", {}]]
ASKED = ['User response: action=accept, content={"username":"ada","email":"ada@example.com"}', "LLM response: [Say it]", "Roots: file:///one",
         "Ada likes blue", "Tool with progress executed"]


def spoken(argv, folder=HERE) -> dict:
    done = subprocess.run([str(part) for part in argv], cwd=folder, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=90)
    if done.returncode != 0 or not done.stdout.strip():
        raise AssertionError(f"{argv[1]} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def python_sdk(generation: str, era: str, url: str, token: str, calls: list) -> dict:
    interpreter = pypi.environment(HERE / f"requirements-{generation}.txt")
    return spoken([interpreter, HERE / "python_sdk.py", generation, era, url, token, json.dumps(calls)])


def langchain(url: str, token: str, calls: list) -> dict:
    return spoken([npm.node(), HERE / "langchain.mjs", url, token, json.dumps(calls)])


def typescript_sdk(generation: str, url: str, token: str, calls: list) -> dict:
    folder = ROOT / "tests" / "e2e"
    npm.install(folder)
    return spoken([npm.node(), folder / "sdk_client.mjs", generation, url, token, json.dumps(calls)], folder)


def installed(what) -> None:
    try:
        what()
    except shell.Failed as failure:
        raise unittest.SkipTest(f"what this test needs cannot be installed: {failure}") from None


class Direct(GateCase):
    needs_gate = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.toy = cls.keep(Refunds(cls.folder))

    def test_the_python_sdks_speak_to_the_toy(self):
        for generation, era in (("v1", "legacy"), ("v2", "legacy"), ("v2", "modern")):
            with self.subTest(f"{generation} {era}"):
                installed(lambda: pypi.environment(HERE / f"requirements-{generation}.txt"))
                seen = python_sdk(generation, era, self.toy.url, "", STORY[:1])
                self.assertEqual(REVISIONS[era], seen["version"])
                self.assertIn("delete_customer", seen["tools"])

    def test_langchain_speaks_to_the_toy(self):
        installed(lambda: npm.install(HERE))
        self.assertIn("delete_customer", langchain(self.toy.url, "", [])["tools"])


class Refunding(GateCase):
    """Each client sees the filtered list, a call that is allowed and one that is refused."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.toy = cls.keep(Refunds(cls.folder, token="upstream-secret"))
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.add_server("refunds", cls.toy.url, "--header", "Authorization: Bearer upstream-secret")
        cls.gate.put_policy("refunds", REFUNDS_POLICY)

    def setUp(self):
        self.token = self.gate.mint(self.id().rsplit(".", 1)[-1][:60], server="refunds", policy="refunds")
        self.url = f"{self.gate.url}/mcp/refunds/"
        self.before = len(self.toy.calls())

    def check(self, seen: dict):
        self.assertEqual(VISIBLE, seen["tools"])
        allowed, refused, hidden = seen["calls"]
        self.assertTrue(allowed.get("text", "").startswith("Refunded 50 usd of ch_105."), allowed)
        self.assertIn(REFUSAL, refused["message"])
        self.assertNotIn("text", hidden, "a hidden tool cannot be called")
        self.assertEqual([50], [call["arguments"]["amount"] for call in self.toy.calls()[self.before:]])
        label = self.gate.last_grant["grant"]["label"]
        return [row for row in self.gate.records(method="tools/call") if row.get("grant_label") == label]

    def python(self, generation: str, era: str):
        installed(lambda: pypi.environment(HERE / f"requirements-{generation}.txt"))
        seen = python_sdk(generation, era, self.url, self.token, STORY)
        self.assertEqual(REVISIONS[era], seen["version"])
        self.assertEqual(3, len(self.check(seen)))
        self.assertEqual(-32603, seen["calls"][1]["code"])
        self.assertIn("/tools/refund_payment/deny_if/0", json.dumps(seen["calls"][1]["data"]))

    def test_the_first_python_sdk_sees_the_filtered_list_and_the_refusal(self):
        self.python("v1", "legacy")

    def test_the_second_python_sdk_in_the_2025_era_sees_the_filtered_list_and_the_refusal(self):
        self.python("v2", "legacy")

    def test_the_second_python_sdk_in_the_2026_era_sees_the_filtered_list_and_the_refusal(self):
        self.python("v2", "modern")

    def test_langchain_sees_the_filtered_list_and_the_refusal(self):
        installed(lambda: npm.install(HERE))
        self.assertEqual(2, len(self.check(langchain(self.url, self.token, STORY))))      # it never sends a call of a tool it was not shown


class Asking(GateCase):
    """Elicitation, sampling, roots, several rounds and progress through the gate, to upstreams of the client's era and of the other one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        installed(suites.install)
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.put_policy("open", suites.POLICY)
        for era in ("both", *REVISIONS):
            folder = cls.folder / era
            folder.mkdir()
            cls.gate.add_server(era, cls.keep(suites.Fixture(folder, era)).url)

    def asked(self, generation: str, era: str, upstream: str):
        installed(lambda: pypi.environment(HERE / f"requirements-{generation}.txt"))
        token = self.gate.mint(f"{generation}-{era}-{upstream}", server=upstream, policy="open")
        seen = python_sdk(generation, era, f"{self.gate.url}/mcp/{upstream}/", token, ASKING)
        self.assertEqual(ASKED, [call.get("text", call) for call in seen["calls"]])
        self.assertEqual([[0, 100], [50, 100], [100, 100]], seen["progress"])

    def test_the_first_python_sdk_answers_what_servers_ask(self):
        self.asked("v1", "legacy", "both")

    def test_the_second_python_sdk_answers_what_servers_ask_in_both_eras(self):
        for era in REVISIONS:
            with self.subTest(era):
                self.asked("v2", era, "both")

    def test_python_sdks_answer_servers_of_the_other_era(self):
        for generation, era, upstream in (("v1", "legacy", "modern"), ("v2", "legacy", "modern"), ("v2", "modern", "legacy")):
            with self.subTest(f"{generation} {era} client, {upstream} server"):
                self.asked(generation, era, upstream)


class Everything(GateCase):
    """The reference server that has a bit of everything, over HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        installed(lambda: npm.install(HERE))
        env = {name: value for name, value in os.environ.items() if not name.startswith("CALLGATE_")} | {"PORT": "0", "ANNOUNCE": "1"}
        server = cls.keep(Child([npm.node(), "--require", ROOT / "tests" / "conformance" / "loopback.cjs",
                                 SERVERS / "server-everything" / "dist" / "index.js", "streamableHttp"], env=env, cwd=HERE,
                                log=cls.folder / "everything.log", ready=lambda line: int(line.split()[1]) if line.startswith("listening ") else None))
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.add_server("everything", f"http://127.0.0.1:{server.value}/mcp")
        cls.gate.put_policy("open", suites.POLICY)
        cls.token = cls.gate.mint("everyone", server="everything", policy="open")
        cls.url = f"{cls.gate.url}/mcp/everything/"

    CALLS = [["echo", {"message": "hello"}], ["get-sum", {"a": 2, "b": 3}]]

    def check(self, seen: dict):
        self.assertIn("echo", seen["tools"])
        said, added = seen["calls"]
        self.assertIn("hello", said.get("text", ""), said)
        self.assertIn("5", added.get("text", ""), added)

    def test_the_typescript_sdks_use_it(self):
        for generation in ("v1", "v2"):
            with self.subTest(generation):
                self.check(typescript_sdk(generation, self.url, self.token, self.CALLS))

    def test_the_python_sdk_uses_it(self):
        installed(lambda: pypi.environment(HERE / "requirements-v1.txt"))
        self.check(python_sdk("v1", "legacy", self.url, self.token, self.CALLS))

    def test_langchain_uses_it(self):
        self.check(langchain(self.url, self.token, self.CALLS))


class Stdio(GateCase):
    """Reference servers as confined commands: no network, only the folders they were given."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        installed(lambda: npm.install(HERE))
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.put_policy("open", suites.POLICY)
        cls.work = cls.folder / "work"
        cls.work.mkdir()
        (cls.work / "notes.txt").write_text("written outside")
        (cls.folder / "secret.txt").write_text("not for servers")

    def add(self, name: str, *words, workspace: str = "", env=()) -> str:
        """Adds a server of tests/interop and returns the URL of its endpoint."""
        options = ["--read", ROOT / "tests", *(("--workspace", workspace) if workspace else ()), *(part for pair in env for part in ("--env", pair))]
        self.gate.run("server", "add", name, *options, "--", npm.node(), *words)
        self.token = self.gate.mint(f"for-{name}", server=name, policy="open")
        return f"{self.gate.url}/mcp/{name}/"

    def test_server_memory_remembers_in_its_workspace_and_nowhere_else(self):
        url = self.add("memory", SERVERS / "server-memory" / "dist" / "index.js", workspace=f"{self.work}:rw",
                       env=[f"MEMORY_FILE_PATH={self.work}/memory.json"])
        calls = [["create_entities", {"entities": [{"name": "ada", "entityType": "person", "observations": ["writes programs"]}]}],
                 ["read_graph", {}]]
        seen = typescript_sdk("v1", url, self.token, calls)
        self.assertIn("create_entities", seen["tools"])
        self.assertIn("writes programs", seen["calls"][1].get("text", ""), seen)
        self.assertIn("writes programs", (self.work / "memory.json").read_text())
        again = typescript_sdk("v2", url, self.token, [["search_nodes", {"query": "ada"}]])
        self.assertIn("writes programs", again["calls"][0].get("text", ""), again)

    def test_server_filesystem_reads_its_workspace_and_nothing_else(self):
        url = self.add("files", SERVERS / "server-filesystem" / "dist" / "index.js", self.work, workspace=f"{self.work}:ro")
        calls = [["read_text_file", {"path": str(self.work / "notes.txt")}],
                 ["write_file", {"path": str(self.work / "new.txt"), "content": "x"}],
                 ["read_text_file", {"path": str(self.folder / "secret.txt")}]]
        seen = typescript_sdk("v1", url, self.token, calls)
        read, written, other = seen["calls"]
        self.assertIn("written outside", read.get("text", ""), read)
        self.assertTrue(written.get("isError") or "message" in written, written)
        self.assertFalse((self.work / "new.txt").exists())
        self.assertNotIn("not for servers", json.dumps(other))

    def test_server_everything_serves_python_and_langchain(self):
        url = self.add("everything", SERVERS / "server-everything" / "dist" / "index.js", "stdio")
        installed(lambda: pypi.environment(HERE / "requirements-v2.txt"))
        for seen in (python_sdk("v2", "legacy", url, self.token, Everything.CALLS), langchain(url, self.token, Everything.CALLS)):
            self.assertIn("hello", seen["calls"][0].get("text", ""), seen)
            self.assertIn("5", seen["calls"][1].get("text", ""), seen)
