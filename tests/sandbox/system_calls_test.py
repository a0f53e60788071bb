"""System calls of a hostile stdio server: ways out of its namespaces, and kernel surface that no server needs."""
import os

from cage import Cage


class SystemCalls(Cage):
    """Each answers EPERM or ENOSYS. Harmless ones have a control."""

    def refused(self, name, arguments="", control=False):
        inside = self.attempt("system_call", name=name, arguments=arguments)
        self.assertFalse(inside["got"], (name, inside))
        self.assertIn(inside["detail"], ("EPERM", "ENOSYS"), name)
        if control:
            outside = self.control("system_call", name=name, arguments=arguments)
            self.assertNotIn(outside["detail"], ("EPERM", "ENOSYS"), name)

    def test_ptrace(self):
        self.refused("ptrace", "0,0,0,0", control=True)

    def test_reading_another_processs_memory(self):
        self.refused("process_vm_readv", "1,0,0,0,0,0")

    def test_mount(self):
        self.refused("mount", "0,0,0,0,0", control=os.geteuid() == 0)

    def test_the_new_mount_calls(self):
        self.refused("fsopen", "0,0", control=os.geteuid() == 0)

    def test_unshare_of_a_user_namespace(self):
        self.refused("unshare", "0x10000000", control=True)

    def test_clone_into_a_user_namespace(self):
        self.refused("clone", "0x10000011,0,0,0,0", control=True)

    def test_clone3(self):
        self.refused("clone3", "0,0", control=True)

    def test_setns(self):
        self.refused("setns", "0,0", control=True)

    def test_keyctl(self):
        self.refused("keyctl", "0,-3,0", control=True)

    def test_add_key(self):
        self.refused("add_key", "0,0,0,0,0", control=True)

    def test_bpf(self):
        self.refused("bpf", "0,0,0", control=os.geteuid() == 0)

    def test_perf_event_open(self):
        self.refused("perf_event_open", "0,0,-1,-1,0")

    def test_userfaultfd(self):
        self.refused("userfaultfd", "1", control=os.geteuid() == 0)

    def test_io_uring(self):
        self.refused("io_uring_setup", "1,0")

    def test_personality(self):
        self.refused("personality", "0x0040000", control=True)

    def test_pidfd_getfd(self):
        self.refused("pidfd_getfd", "0,0,0", control=True)

    def test_file_handles(self):
        self.refused("open_by_handle_at", "0,0,0")
        self.refused("name_to_handle_at", "0,0,0,0,0", control=True)

    def test_modules_and_kexec(self):
        self.refused("init_module", "0,0,0")
        self.refused("kexec_load", "0,0,0,0")

    def test_chroot_and_pivot_root(self):
        self.refused("chroot", "0")
        self.refused("pivot_root", "0,0")

    def test_the_clock_the_name_and_the_power(self):
        self.refused("settimeofday", "0,0")
        self.refused("sethostname", "0,0")
        self.refused("reboot", "0,0,0,0")
        self.refused("swapon", "0,0")
        self.refused("syslog", "3,0,0")
