"""Honest servers run in the sandbox, and it holds for a gate without any right of its own as well."""
import os
import shutil
import tempfile
import unittest

from cage import PYTHON, RUN, SECRET, Cage, Listener, kill_all, processes_with


class Working(Cage):
    """The sandbox is no use if honest servers do not run in it."""

    def test_an_mcp_exchange_over_stdin_and_stdout(self):
        server = self.launch([PYTHON, "-B", self.toys / "hostile_stdio.py"])
        hello = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}\n'
        server.process.stdin.write(hello)
        server.process.stdin.flush()
        self.assertIn('"name": "hostile"', server.line())
        out, said = server.end()             # closes its input, and it ends by itself
        self.assertIn("ended with 0", said)

    def test_node_and_npm(self):
        for command in (["node", "-e", "fetch; require('os').networkInterfaces(); console.log('good')"], ["npm", "--version"]):
            out, said = self.launch(command).end(60)
            self.assertIn("ended with 0", said)
            self.assertTrue(out.strip())

    def test_python_with_threads_and_subprocesses(self):
        code = ("import concurrent.futures, subprocess, asyncio, multiprocessing, sqlite3, ssl, tempfile, uuid\n"
                "with concurrent.futures.ThreadPoolExecutor(8) as pool: list(pool.map(str, range(100)))\n"
                "print(subprocess.run(['uname'], capture_output=True, text=True).stdout)\n"
                "multiprocessing.Lock(); tempfile.NamedTemporaryFile(); sqlite3.connect(':memory:'); ssl.create_default_context()\n"
                "asyncio.run(asyncio.create_subprocess_exec('true'))")
        out, said = self.launch([PYTHON, "-c", code]).end()
        self.assertIn("ended with 0", said)
        self.assertEqual("Linux", out.strip())

    def test_the_exit_code_is_told(self):
        _, said = self.launch(["sh", "-c", "exit 7"]).end()
        self.assertIn("ended with 7", said)

    def test_a_home_that_is_kept(self):
        home = self.folder / "kept"
        home.mkdir()
        home.chmod(0o777)
        self.launch(["sh", "-c", "echo kept > $HOME/file"], ["--home", str(home)]).end()
        out, _ = self.launch(["sh", "-c", "cat $HOME/file"], ["--home", str(home)]).end()
        self.assertEqual("kept\n", out)

    def test_a_small_memory_cap_leaves_node_running(self):
        for more in ([], ["--no-cgroups"]):
            out, said = self.launch(["node", "-e", "console.log('good')"], ["--memory", str(512 << 20), *more]).end()
            self.assertEqual("good\n", out, said)

    def test_a_command_that_is_missing_is_refused_in_words(self):
        _, said = self.launch(["no-such-program"]).end()
        self.assertIn("refused sandbox.command_missing", said)

    def test_a_script_whose_interpreter_is_hidden_is_refused_in_words(self):
        script = self.work / "script"
        script.write_text(f"#!{self.other}/python\n")
        script.chmod(0o755)
        _, said = self.launch([script], ["--workspace", str(self.work)]).end()
        self.assertIn("its interpreter", said)

    def test_folders_that_are_never_shown(self):
        for folder in ("/", "/etc", "/root", "/var", "/proc/self", "/home", str(self.gate_home), str(self.folder), str(self.gate_home / ".aws"),
                       str(self.data)):
            _, said = self.launch(["true"], ["--hidden", str(self.data), "--workspace", folder]).end()
            self.assertIn("refused sandbox.workspace", said, folder)

    def test_no_control_group_is_left_behind(self):
        self.launch(["true"]).end()
        left = [entry.path for root in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup") if os.path.isdir(root) for entry in os.scandir(root)
                if entry.name.startswith("callgate-") and not os.path.exists("/proc/" + entry.name.split("-")[1])]
        self.assertEqual([], left)


class Lacking(Cage):
    """What cannot be confined is refused, not started with less."""

    def refused(self, setup):
        self.prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{setup} && exec \"$@\"", "sh"]
        out, said = self.launch(["echo", "started"]).end()
        self.assertEqual("", out)
        self.assertIn("refused sandbox.missing: cannot confine `test`", said)
        return said

    def test_without_user_namespaces(self):
        self.assertIn("allow unprivileged user namespaces", self.refused("echo 0 > /proc/sys/user/max_user_namespaces"))

    def test_without_bubblewrap(self):
        self.assertIn("install the package `bubblewrap`", self.refused("mount --bind /dev/null /usr/bin/bwrap"))

    def test_with_a_bubblewrap_that_is_too_old(self):
        fake = self.work / "bwrap"
        fake.write_text("#!/bin/sh\necho 'bwrap: Unknown option --ro-bind-fd' >&2; exit 1\n")
        fake.chmod(0o755)
        self.assertIn("install bubblewrap 0.10", self.refused(f"mount --bind {fake} /usr/bin/bwrap"))

    def test_with_everything_the_same_way_works(self):
        self.prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "exec \"$@\"", "sh"]
        out, said = self.launch(["echo", "started"]).end()
        self.assertEqual("started\n", out, said)


@unittest.skipUnless(os.geteuid() == 0, "the other tests run as an ordinary user already")
class AsAnOrdinaryUser(Cage):
    """The gate runs without any right of its own; the same confinement holds."""
    prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls.folder / RUN.name
        shutil.copy(RUN, cls.program)
        cls.program.chmod(0o755)
        cls.listener = cls.keep(Listener())

    def test_the_aws_credentials_in_the_users_home(self):
        self.assert_stopped("read_file", path=self.gate_home / ".aws" / "credentials")

    def test_the_environment_of_the_gate(self):
        self.assert_stopped("read_environment", backwards=SECRET[::-1])

    def test_a_listener_on_loopback(self):
        self.assert_stopped("connect", host="127.0.0.1", port=self.listener.port)

    def test_a_listed_host_is_reached(self):
        target = f"127.0.0.1:{self.listener.port}"
        self.assertEqual("welcome", self.attempt("through_proxy", ["--network", target], target=target)["detail"])

    def test_forking_more_than_the_cap(self):
        inside = self.assert_stopped("fork_many", ["--processes", "30"], count=60)
        self.assertIn("EAGAIN", inside["detail"])

    def test_allocating_without_end(self):
        self.assertFalse(self.attempt("allocate", ["--memory", str(128 << 20)], megabytes=512).get("got"))

    def test_a_daemon_that_outlives_its_server(self):
        marker = self.work / "alive"
        self.addCleanup(lambda: kill_all(processes_with(f"marker={marker}")))
        self.attempt("daemonize", ["--workspace-rw", str(self.work)], marker=marker)
        self.assertEqual([], processes_with(f"marker={marker}"))

    def test_a_file_in_a_workspace_that_is_writable_works(self):
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            os.chmod(folder, 0o777)
            self.assertTrue(self.attempt("write_file", ["--workspace-rw", folder], path=f"{folder}/wanted")["got"])
