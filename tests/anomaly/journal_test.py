"""The record against those who would change it, and the gate when it cannot be written (T-69)."""
import pathlib
import shutil
import subprocess

from harness.gate import Gate
from harness.mcp import MODERN
from harness.suite import GateCase
from harness.upstreams import Hostile

POLICY = 'version: "1"\ndefault: allow\n'


class Journal(GateCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.keep(Hostile())
        cls.gate = cls.keep(Gate(cls.folder))
        cls.gate.add_server("echo", cls.upstream.url)
        cls.gate.put_policy("echo", POLICY)
        cls.client = cls.gate.client(cls.gate.mint("client", server="echo", policy="echo"), "echo", era=MODERN)
        for number in range(20):
            cls.client.call("echo", number=number)

    def copy(self) -> pathlib.Path:
        """The data directory as it lies there now, for tests to spoil."""
        target = self.folder / self.id().rsplit(".", 1)[-1]
        shutil.copytree(self.gate.data, target, ignore=shutil.ignore_patterns("*.sock"))
        return target

    def verify(self, data: pathlib.Path, *extra: str):
        return subprocess.run([str(self.gate.binary), "audit", "verify", "--offline", "--data", str(data), *extra], env=self.gate.env,
                              text=True, capture_output=True, timeout=60)

    def segment(self, data: pathlib.Path) -> pathlib.Path:
        return max((path for path in (data / "audit").iterdir() if path.is_file()), key=lambda path: path.stat().st_size)

    def test_an_untouched_copy_verifies(self):
        self.assertEqual(0, self.verify(self.copy()).returncode)

    def test_a_changed_byte_is_found(self):     # T-69
        data = self.copy()
        path = self.segment(data)
        content = bytearray(path.read_bytes())
        content[content.index(b'"effect":"allow"') + 12] ^= 1
        path.write_bytes(content)
        done = self.verify(data)
        self.assertNotEqual(0, done.returncode, done.stdout)

    def test_a_cut_tail_is_found_against_a_head_kept_elsewhere(self):     # T-69
        head = self.gate.json("audit", "head")
        anchor = f"{head['sequence']}:{head['hash']}"
        data = self.copy()
        self.assertEqual(0, self.verify(data, "--head", anchor).returncode)
        path = self.segment(data)
        text = path.read_bytes()
        path.write_bytes(text[:text.rindex(b'{"time"') - 200])
        self.assertNotEqual(0, self.verify(data, "--head", anchor).returncode)

    def test_a_lost_index_is_rebuilt(self):     # T-69
        before = [row["decision"] for row in self.gate.records(method="tools/call")]
        self.gate.stop()
        for path in self.gate.data.glob("audit-index.db*"):
            path.unlink()
        self.gate.start()
        self.assertEqual(before, [row["decision"] for row in self.gate.records(method="tools/call")][:len(before)])


class FullDisk(GateCase):
    def test_calls_are_refused_while_the_journal_cannot_be_written_and_resume_afterwards(self):     # T-69
        upstream = self.keep(Hostile())
        # A limit on the size of files the process may write: the journal's write fails as on a full disk.
        gate = self.keep(Gate(self.folder, prefix=["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=1000000:unlimited"]))
        gate.add_server("echo", upstream.url, "--capture", "full")
        gate.put_policy("echo", POLICY)
        client = gate.client(gate.mint("client", server="echo", policy="echo"), "echo", era=MODERN)
        refused = None
        for number in range(3000):
            reply = client.call("echo", number=number, padding="p" * 900)
            if reply.error:
                refused = reply
                break
        self.assertIsNotNone(refused, "the journal never filled")
        arrived = len(upstream.calls("echo"))
        for _ in range(5):
            self.assertIn("error", client.call("echo", padding="p" * 900).last, "a call went through without a record")
        self.assertLessEqual(len(upstream.calls("echo")) - arrived, 5)
        subprocess.run(["prlimit", f"--pid={gate.child.pid}", "--fsize=unlimited:unlimited"], check=True)
        answered = [client.call("echo", padding="x").last for _ in range(5)]
        self.assertIn("result", answered[-1], "the gate did not recover")
        gate.verify_audit()
