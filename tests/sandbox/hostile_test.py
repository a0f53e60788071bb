"""A hostile stdio server's attempts, each with a control that shows it would work without the sandbox. T-71, T-72; threats T30, T33."""
import contextlib
import ipaddress
import os
import resource
import socket
import subprocess
import time
import unittest

from cage import PYTHON, SECRET, Cage, Echo, Listener, kill_all, processes_with, until


class Reading(Cage):
    def test_the_aws_credentials_in_the_users_home(self):
        self.assert_stopped("read_file", path=self.gate_home / ".aws" / "credentials")

    def test_another_repository_beside_the_workspace(self):
        self.assert_stopped("read_file", ["--workspace", str(self.work)], path=self.other / "main.py")

    def test_the_gates_own_data_directory(self):
        self.assert_stopped("read_file", ["--hidden", str(self.data)], path=self.data / "vault.key")

    def test_any_file_at_all_that_holds_the_secret(self):
        inside = self.attempt("search", ["--workspace", str(self.work)], backwards=SECRET[::-1])
        self.assertFalse(inside["got"], inside)
        self.assertIn(SECRET, (self.gate_home / ".aws" / "credentials").read_text())

    def test_a_link_out_of_the_workspace(self):
        link = self.work / "link"
        link.symlink_to(self.gate_home / ".aws" / "credentials")
        self.addCleanup(link.unlink)
        self.assert_stopped("read_file", ["--workspace", str(self.work)], path=link)

    def test_the_environment_of_the_gate(self):
        self.assert_stopped("read_environment", backwards=SECRET[::-1])

    def test_what_the_gate_left_open(self):
        with open(self.data / "vault.key") as file:
            self.assert_stopped("read_descriptors", extra={"pass_fds": [file.fileno()]}, word=SECRET)

    def test_the_shadow_file(self):
        self.assert_stopped("read_file", path="/etc/shadow", control=os.geteuid() == 0)

    def test_the_hosts_private_keys_of_tls(self):
        self.assertFalse(self.attempt("read_file", path="/etc/ssl/private")["got"])

    def test_the_supervisor_that_talks_to_the_gate(self):
        inside = self.attempt("read_supervisor")
        self.assertFalse(inside["got"], inside)


class Writing(Cage):
    def test_a_file_outside_the_workspace(self):
        target = self.folder / "projects" / "planted"
        self.attempt("write_file", ["--workspace-rw", str(self.work)], path=target)      # may end in a /tmp of its own
        self.assertFalse(target.exists())
        self.control("write_file", path=target)
        self.assertTrue(target.exists())

    def test_a_file_in_a_workspace_that_is_read_only(self):
        self.assert_stopped("write_file", ["--workspace", str(self.work)], path=self.work / "planted")

    def test_a_file_in_a_workspace_that_is_writable_works(self):
        inside = self.attempt("write_file", ["--workspace-rw", str(self.work)], path=self.work / "wanted")
        self.assertTrue(inside["got"], inside)
        self.assertEqual("hostile was here\n", (self.work / "wanted").read_text())

    def test_the_systems_programs(self):
        for path in ("/usr/bin/planted", "/etc/planted", "/planted", "/dev/planted"):
            self.assertFalse(self.attempt("write_file", path=path)["got"], path)

    def test_the_kernels_core_pattern(self):
        self.assert_stopped("open_for_writing", path="/proc/sys/kernel/core_pattern", control=os.geteuid() == 0)

    def test_a_set_uid_file_for_others_to_run(self):
        self.assert_stopped("set_id_file", ["--workspace-rw", str(self.work)], folder=self.work)

    def test_a_set_uid_file_made_at_once(self):
        self.assert_stopped("set_id_on_creation", ["--workspace-rw", str(self.work)], folder=self.work)

    def test_filling_tmp(self):
        inside = self.attempt("fill", ["--scratch", str(16 << 20)], folder="/tmp", megabytes=64)
        self.assertFalse(inside["got"], inside)
        self.assertIn("ENOSPC", inside["detail"])

    def test_filling_home_and_shared_memory(self):
        for folder in ("/home/sandbox", "/dev/shm"):
            inside = self.attempt("fill", ["--scratch", str(16 << 20)], folder=folder, megabytes=64)
            self.assertIn("ENOSPC", inside["detail"], folder)

    def test_filling_the_disk_with_one_file(self):
        inside = self.assert_stopped("large_file", ["--workspace-rw", str(self.work), "--file-bytes", str(8 << 20)],
                                     path=self.work / "large", megabytes=32)
        self.assertEqual("8 MB then EFBIG", inside["detail"])
        (self.work / "large").unlink()


class SmallDisk(Cage):
    def setUp(self):
        mount = f"mount -t tmpfs -o size=96m,mode=777 tmpfs {self.work} && exec \"$@\""
        own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]         # where everybody may mount
        self.prefix = ["unshare", *own, "--mount", "sh", "-c", mount, "sh"]

    def test_filling_the_disk_with_many_files(self):
        options = ["--workspace-rw", str(self.work), "--disk-free", str(48 << 20)]
        self.assertEqual({}, self.attempt("fill", options, folder=self.work, megabytes=90, delay=0.005))
        self.assertIn("ended by signal 9: the disk it writes to is nearly full", self.said)
        options[-1] = "0"
        self.assertTrue(self.attempt("fill", options, folder=self.work, megabytes=90)["got"])

    def test_a_disk_that_is_nearly_full_already_is_said(self):
        self.attempt("spin", ["--workspace-rw", str(self.work), "--disk-free", str(100 << 20)], seconds=0)
        self.assertIn("weakened: nothing keeps it from filling", self.said)


class Network(Cage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.listener = cls.keep(Listener())
        cls.listed = cls.keep(Listener())

    def test_a_listener_on_loopback(self):
        before = self.listener.visits
        self.assertFalse(self.attempt("connect", host="127.0.0.1", port=self.listener.port)["got"])
        self.assertEqual(before, self.listener.visits)
        self.assertTrue(self.control("connect", host="127.0.0.1", port=self.listener.port)["got"])

    def test_a_datagram(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(0.3)
            port = receiver.getsockname()[1]
            self.attempt("send_datagram", host="127.0.0.1", port=port)
            with self.assertRaises(TimeoutError):
                receiver.recv(16)
            self.control("send_datagram", host="127.0.0.1", port=port)
            self.assertEqual(b"hostile", receiver.recv(16))

    def test_an_abstract_socket_of_the_host(self):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"\0callgate-test-{os.getpid()}")
            server.listen()
            self.assert_stopped("connect_abstract", name=f"callgate-test-{os.getpid()}")

    def test_the_gates_control_socket(self):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.data / "callgate.sock"))
            os.chmod(self.data / "callgate.sock", 0o777)
            server.listen()
            self.assert_stopped("connect_path", path=self.data / "callgate.sock")

    def test_a_host_that_is_not_listed(self):
        options = ["--network", f"127.0.0.1:{self.listed.port}"]
        before = self.listener.visits
        inside = self.attempt("through_proxy", options, target=f"127.0.0.1:{self.listener.port}")
        self.assertFalse(inside["got"], inside)
        self.assertIn("403", inside["detail"])
        self.assertEqual(before, self.listener.visits)
        self.assertTrue(self.control("connect", host="127.0.0.1", port=self.listener.port)["got"])

    def test_a_listed_host_is_reached(self):
        inside = self.attempt("through_proxy", ["--network", f"127.0.0.1:{self.listed.port}"], target=f"127.0.0.1:{self.listed.port}")
        self.assertEqual({"got": True, "detail": "welcome"}, inside)

    def test_past_the_proxy_with_listed_hosts(self):
        options = ["--network", f"127.0.0.1:{self.listed.port}"]
        self.assertFalse(self.attempt("connect", options, host="127.0.0.1", port=self.listener.port)["got"])
        self.assertFalse(self.attempt("connect", options, host="127.0.0.1", port=self.listed.port)["got"])

    def named(self):
        """This machine's own name and a port where somebody listens on its address: 127.0.1.1 where Debian's installer wrote it down."""
        name = socket.gethostname()
        with contextlib.suppress(OSError):
            if ipaddress.ip_address(address := socket.gethostbyname(name)).is_private:
                return name, self.keep(Listener(address)).port
        self.skipTest("this machine's own name resolves to no private address")

    def test_a_listed_name_that_resolves_to_a_private_address(self):
        name, port = self.named()
        inside = self.attempt("through_proxy", ["--network", f"{name}:{port}"], target=f"{name}:{port}")
        self.assertFalse(inside["got"], inside)
        self.assertIn("403", inside["detail"])
        options = ["--private-egress", "--network", f"{name}:{port}"]
        self.assertTrue(self.attempt("through_proxy", options, target=f"{name}:{port}")["got"])

    def test_a_listed_name_is_reached_by_programs_that_know_no_proxy(self):
        name, port = self.named()
        self.assertEqual("welcome", self.attempt("connect", ["--private-egress", "--network", f"{name}:{port}"], host=name, port=port)["detail"])

    def test_a_listed_host_gets_every_byte_and_gives_every_byte(self):
        echo = self.keep(Echo())
        inside = self.attempt("echo_through_proxy", ["--network", f"127.0.0.1:{echo.port}"], target=f"127.0.0.1:{echo.port}", megabytes=16)
        self.assertTrue(inside["got"], inside)

    def test_exhausting_the_proxy_with_connections(self):
        options = ["--network", f"127.0.0.1:{self.listed.port}"]
        inside = self.attempt("connect_many", options, host="127.0.0.1", port=3128, count=400)
        self.assertIn("256 stayed open", inside["detail"])

    def test_the_clouds_metadata_service_even_when_listed(self):
        inside = self.attempt("through_proxy", ["--network", "169.254.169.254"], target="169.254.169.254:80")
        self.assertFalse(inside["got"], inside)
        self.assertIn("403", inside["detail"])

    def test_raw_and_rare_sockets(self):
        for family, kind, protocol in ((17, 3, 768), (40, 1, 0), (16, 3, 16), (38, 5, 0), (2, 3, 255)):
            inside = self.attempt("socket_of", family=family, kind=kind, protocol=protocol)
            self.assertFalse(inside["got"], (family, inside))
        self.assertTrue(self.control("socket_of", family=16, kind=3, protocol=16)["got"])      # netlink: the control


class Processes(Cage):
    def test_forking_without_end(self):
        server = self.launch(self.words("fork_bomb", {}), ["--processes", "40", "--grace", "300"])
        self.assertIn("began", server.line())
        self.assertTrue(until(lambda: len(processes_with("hostile_stdio.py\0fork_bomb")) > 20))
        self.assertLess(len(processes_with("hostile_stdio.py\0fork_bomb")), 60)
        began = time.monotonic()
        server.process.terminate()
        server.end()
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual([], processes_with("hostile_stdio.py\0fork_bomb"))

    def test_forking_more_than_the_cap(self):
        inside = self.assert_stopped("fork_many", ["--processes", "30"], count=60)
        self.assertIn("EAGAIN", inside["detail"])

    def test_seeing_or_signalling_others(self):
        other = subprocess.Popen(["sleep", "600"])
        while other.pid < 100:                   # in a young container ours are as small as those that the sandbox has of its own
            other.kill()
            other.wait()
            other = subprocess.Popen(["sleep", "600"])
        self.addCleanup(lambda: (other.kill(), other.wait()))
        self.assert_stopped("kill_others", pids=other.pid, control=not self.prefix)

    def test_ignoring_sigterm(self):
        server = self.launch(self.words("ignore_signals", {}), ["--grace", "300"])
        self.assertIn("began", server.line())
        began = time.monotonic()
        server.process.terminate()
        _, said = server.end()
        self.assertIn("ended by signal 9", said)
        self.assertGreater(time.monotonic() - began, 0.25)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual([], processes_with(f"{self.toys}/hostile_stdio.py\0ignore_signals"))

    def test_sigterm_ends_a_server_that_listens_to_it(self):
        server = self.launch([PYTHON, "-c", "print('up', flush=True); import time; time.sleep(60)"], ["--grace", "10000"])
        self.assertEqual("up\n", server.line())
        began = time.monotonic()
        server.process.terminate()
        _, said = server.end()
        self.assertIn("ended by signal 15", said)
        self.assertLess(time.monotonic() - began, 5)

    def test_a_daemon_that_outlives_its_server(self):
        marker = self.work / "alive"
        marker.unlink(missing_ok=True)
        self.addCleanup(lambda: kill_all(processes_with(f"marker={marker}")))
        self.attempt("daemonize", ["--workspace-rw", str(self.work)], marker=marker)
        self.assertEqual([], processes_with(f"marker={marker}"))
        marker.unlink(missing_ok=True)
        self.control("daemonize", marker=marker)
        self.assertTrue(until(marker.exists))
        self.assertNotEqual([], processes_with(f"marker={marker}"))

    def test_a_daemon_of_an_unconfined_server(self):
        marker = self.work / "alive-unconfined"
        self.addCleanup(lambda: kill_all(processes_with(f"marker={marker}")))
        self.attempt("daemonize", ["--unconfined", "--workspace-rw", str(self.work)], marker=marker)
        self.assertEqual([], processes_with(f"marker={marker}"))

    def test_living_on_when_the_gate_is_killed(self):
        server = self.launch(self.words("ignore_signals", {}))
        self.assertIn("began", server.line())
        self.assertNotEqual([], processes_with(f"{self.toys}/hostile_stdio.py\0ignore_signals"))
        server.process.kill()
        server.process.communicate()
        self.assertTrue(until(lambda: not processes_with(f"{self.toys}/hostile_stdio.py\0ignore_signals")))

    def test_living_on_unconfined_when_the_gate_is_killed(self):
        server = self.launch(self.words("ignore_signals", {}), ["--unconfined"])
        self.assertIn("began", server.line())
        server.process.kill()
        server.process.communicate()
        self.assertTrue(until(lambda: not processes_with(f"{self.toys}/hostile_stdio.py\0ignore_signals")))


    @unittest.skipUnless(os.geteuid() == 0, "only a gate that is root has root's rights to give up")
    def test_acting_with_the_rights_of_a_root_gate(self):
        server = self.launch(self.words("ignore_signals", {}))
        self.assertIn("began", server.line())
        for pid in processes_with(f"{self.toys}/hostile_stdio.py\0ignore_signals"):
            if "sandbox_run" in open(f"/proc/{pid}/cmdline").read():
                continue
            self.assertNotIn(os.stat(f"/proc/{pid}").st_uid, (0, 65534), open(f"/proc/{pid}/cmdline").read())
        server.process.kill()
        server.end()


class Machine(Cage):
    def test_allocating_without_end(self):
        inside = self.assert_stopped("allocate", ["--memory", str(128 << 20)], megabytes=512)
        if not inside and "weakened: memory" not in self.said:
            self.assertIn("ended by signal 9: its memory cap was reached", self.said)

    def test_allocating_without_end_where_there_are_no_control_groups(self):
        inside = self.attempt("allocate", ["--no-cgroups", "--memory", str(128 << 20)], megabytes=512)
        self.assertFalse(inside.get("got"), inside)
        self.assertIn("weakened: memory is capped for each process", self.said)

    def test_allocating_in_many_processes(self):
        if "memory is capped for each process" in self.weak():
            self.skipTest("no writable memory control group on this machine")
        inside = self.attempt("allocate_in_children", ["--memory", str(160 << 20)], megabytes=80, count=5)
        self.assertFalse(inside.get("got"), inside)

    def weak(self):
        self.attempt("spin", seconds=0)
        return self.said

    def test_spinning_without_end(self):
        self.assertEqual({}, self.attempt("spin", ["--cpu", "1"], seconds=20))
        self.assertRegex(self.said, "ended by signal (9|24)")

    def test_opening_files_without_end(self):
        inside = self.assert_stopped("open_files", ["--files", "64"], extra={"preexec_fn": raise_files}, count=200)
        self.assertIn("EMFILE", inside["detail"])

    def test_a_hundred_megabytes_on_stderr(self):
        began = time.monotonic()
        self.attempt("flood", ["--log"], megabytes=100)
        self.assertLess(time.monotonic() - began, 30)
        lines = [line for line in self.said.splitlines() if line.startswith("log: ")]
        self.assertLess(sum(map(len, lines)), 200 * 1024)
        self.assertIn("too much output", self.said)
        self.assertNotIn("\x1b", self.said)
        self.assertRegex(self.said, "1048[0-9]{5} seen")

    def test_a_core_dump(self):
        self.assertFalse(self.attempt("dump_core").get("got", False))


def raise_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
