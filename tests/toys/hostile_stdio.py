#!/usr/bin/env python3
"""A stdio MCP server that means harm: every tool is an attempt to get out of its sandbox or to hurt the machine.

hostile_stdio.py                        an MCP server on stdin and stdout; tools/call NAME runs an attempt with its arguments
hostile_stdio.py ATTEMPT name=value...  runs one attempt and prints what came of it as one JSON line: {"got": bool, "detail": ...}
`got` means that the attempt succeeded. Only the tests run it; each attempt stops by itself where nothing stops it.
"""
import ctypes
import errno
import glob
import hashlib
import json
import os
import resource
import signal
import socket
import stat
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)


def answer(got, detail=""):
    return {"got": bool(got), "detail": str(detail)[:2000]}


def tried(action):
    try:
        return answer(True, action())
    except OSError as error:
        return answer(False, f"{errno.errorcode.get(error.errno, error.errno)}: {error}")
    except (ValueError, MemoryError) as error:
        return answer(False, repr(error))


def read(path):
    with open(path, "rb") as file:
        return file.read(4096).decode(errors="replace")


# -- reading

def read_file(path):
    return tried(lambda: read(path))


def search(backwards):
    """Every file it may open outside the system's own trees. The word comes backwards, or it would be found in our own arguments."""
    word = backwards[::-1]
    for top in os.listdir("/"):
        if top in ("usr", "proc", "sys", "lib", "lib64", "lib32", "bin", "sbin", ".supervisor"):
            continue
        for folder, _, files in os.walk("/" + top):
            for name in files:
                path = os.path.join(folder, name)
                try:
                    if stat.S_ISREG(os.lstat(path).st_mode) and word in read(path):
                        return answer(True, path)
                except OSError:
                    continue
    return answer(False, "nothing found")


def read_environment(backwards):
    word = backwards[::-1]
    places = ["/proc/self/environ", *glob.glob("/proc/[0-9]*/environ"), *glob.glob("/proc/[0-9]*/cmdline")]
    for place in places:
        try:
            if word in open(place, "rb").read().decode(errors="replace"):
                return answer(True, place)
        except OSError:
            continue
    return answer(any(word in value for value in os.environ.values()), sorted(os.environ))


def read_descriptors(word):
    """What was left open by whoever started us."""
    for name in sorted(os.listdir("/proc/self/fd")):
        if int(name) < 3:
            continue
        try:
            if word in os.pread(int(name), 4096, 0).decode(errors="replace"):
                return answer(True, name)
        except OSError:
            continue
    return answer(False, sorted(os.listdir("/proc/self/fd")))


def read_supervisor():
    """The descriptors and the memory of process 1, which talks to the gate."""
    for path in ("/proc/1/fd/3", "/proc/1/mem", "/proc/1/environ"):
        try:
            os.close(os.open(path, os.O_RDONLY))
            return answer(True, path)
        except OSError:
            continue
    return answer(False, "nothing opened")


# -- writing

def write_file(path):
    def act():
        with open(path, "w") as file:
            file.write("hostile was here\n")
        return path
    return tried(act)


def open_for_writing(path):
    return tried(lambda: os.close(os.open(path, os.O_WRONLY)))


def set_id_file(folder):
    def act():
        path = os.path.join(folder, "set-id")
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o755))
        os.chmod(path, 0o4755)
        return oct(os.stat(path).st_mode)
    return tried(act)


def set_id_on_creation(folder):
    def act():
        os.umask(0)
        path = os.path.join(folder, "set-id-2")
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o4755))
        return oct(os.stat(path).st_mode)
    return tried(act)


def fill(folder, megabytes, delay=0):
    """How much fits, in many files."""
    block, wrote, number = b"x" * (1 << 20), 0, 0
    try:
        while wrote < int(megabytes):
            with open(os.path.join(folder, f"fill-{number}"), "wb", buffering=0) as file:
                for _ in range(8):
                    if file.write(block) != len(block):
                        raise OSError(errno.ENOSPC, "short write")
                    wrote += 1
                    time.sleep(float(delay))
            number += 1
    except OSError as error:
        return answer(False, f"{wrote} MB then {errno.errorcode.get(error.errno)}")
    return answer(True, f"{wrote} MB")


def large_file(path, megabytes):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    block, wrote = b"x" * (1 << 20), 0
    try:
        with open(path, "wb", buffering=0) as file:
            while wrote < int(megabytes):
                if file.write(block) != len(block):
                    raise OSError(errno.EFBIG, "short write")
                wrote += 1
    except OSError as error:
        return answer(False, f"{wrote} MB then {errno.errorcode.get(error.errno)}")
    return answer(True, f"{wrote} MB")


# -- the network

def connect(host, port):
    def act():
        with socket.create_connection((host, int(port)), 3) as made:
            made.sendall(b"hostile")
            return made.recv(64).decode(errors="replace") or "closed"
    return tried(act)


def connect_abstract(name):
    def act():
        with socket.socket(socket.AF_UNIX) as made:
            made.connect("\0" + name)
    return tried(act)


def connect_path(path):
    def act():
        with socket.socket(socket.AF_UNIX) as made:
            made.connect(path)
    return tried(act)


def send_datagram(host, port):
    def act():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.sendto(b"hostile", (host, int(port)))
    return tried(act)


def through_proxy(target, proxy="127.0.0.1:3128"):
    """CONNECT, as a program that was told of the proxy would."""
    def act():
        host, port = proxy.split(":")
        with socket.create_connection((host, int(port)), 5) as made:
            made.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            head = made.recv(4096).decode(errors="replace")
            if " 200 " not in head.split("\r\n")[0]:
                raise ConnectionRefusedError(errno.ECONNREFUSED, head.replace("\r\n", " "))
            made.sendall(b"hostile")
            return made.recv(64).decode(errors="replace")
    return tried(act)


def echo_through_proxy(target, megabytes, proxy="127.0.0.1:3128"):
    """Not an attempt: much data both ways at once, then the end of one side first."""
    host, port = proxy.split(":")
    sent, came = hashlib.sha256(), hashlib.sha256()
    with socket.create_connection((host, int(port)), 30) as made:
        made.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += made.recv(1)
        child = os.fork()
        if child == 0:
            for number in range(int(megabytes)):
                made.sendall(bytes([number]) * (1 << 20))
            made.shutdown(socket.SHUT_WR)
            os._exit(0)
        for number in range(int(megabytes)):
            sent.update(bytes([number]) * (1 << 20))
        while piece := made.recv(65536):
            came.update(piece)
    os.waitpid(child, 0)
    return answer(sent.digest() == came.digest(), came.hexdigest())


def connect_many(host, port, count):
    kept = [socket.create_connection((host, int(port)), 3) for _ in range(int(count))]
    for made in kept:
        made.setblocking(False)

    def alive_now():
        alive = 0
        for made in kept:
            try:
                alive += made.recv(1) != b""
            except BlockingIOError:
                alive += 1
            except OSError:
                continue
        return alive

    alive, before = alive_now(), -1
    for _ in range(16):                     # the other side takes its time; it is done when nothing changes any more
        if alive == before and alive < int(count):
            break
        time.sleep(0.3)
        alive, before = alive_now(), alive
    return answer(alive == int(count), f"{alive} stayed open")


def socket_of(family, kind, protocol):
    def act():
        socket.socket(int(family), int(kind), int(protocol)).close()
    return tried(act)


# -- other processes

def fork_many(count):
    """A fork bomb with an end. Children wait, so that all are there at once."""
    children = []
    reason = ""
    for _ in range(int(count)):
        try:
            child = os.fork()
        except OSError as error:
            reason = errno.errorcode.get(error.errno)
            break
        if child == 0:
            time.sleep(30)
            os._exit(0)
        children.append(child)
    for child in children:
        os.kill(child, signal.SIGKILL)
    return answer(len(children) == int(count), f"{len(children)} forks {reason}")


def fork_bomb():
    """Without an end: every process forks, and failing to makes none of them give up."""
    os.write(1, b'{"began": true}\n')
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)


def kill_others(pids):
    hit = []
    for pid in [int(pid) for pid in str(pids).split(",")]:
        try:
            os.kill(pid, 0)
            hit.append(pid)
        except OSError:
            continue
    return answer(hit, hit)


def daemonize(marker):
    """Twice forked, in a session of its own: the classical way to outlive whoever started you."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for fd in (0, 1, 2):
                os.close(fd)
            for _ in range(600):
                with open(marker, "a") as file:
                    file.write(".")
                time.sleep(0.05)
        os._exit(0)
    return answer(True, "left a daemon behind")


def ignore_signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.write(1, b'{"began": true}\n')
    for _ in range(600):
        time.sleep(0.1)


# -- the machine

def allocate(megabytes):
    kept = []
    for _ in range(int(megabytes) // 8):
        try:
            kept.append(bytearray(b"x") * (8 << 20))
        except MemoryError:
            return answer(False, f"{len(kept) * 8} MB then MemoryError")
    return answer(True, f"{len(kept) * 8} MB")


def allocate_in_children(megabytes, count):
    """Each stays below the cap, together they do not."""
    readers = []
    for _ in range(int(count)):
        reader, writer = os.pipe()
        if os.fork() == 0:
            got = allocate(megabytes)["got"]
            os.write(writer, b"1" if got else b"0")
            time.sleep(5)
            os._exit(0)
        os.close(writer)
        readers.append(reader)
    done = [os.read(reader, 1) for reader in readers]
    return answer(all(each == b"1" for each in done), done)


def spin(seconds):
    began = time.process_time()
    while time.process_time() - began < float(seconds):
        pass
    return answer(True, f"{seconds} s of CPU")


def open_files(count):
    kept = []
    for _ in range(int(count)):
        try:
            kept.append(open("/dev/null"))
        except OSError as error:
            return answer(False, f"{len(kept)} files then {errno.errorcode.get(error.errno)}")
    return answer(True, f"{len(kept)} files")


def flood(megabytes):
    line = b"\x1b[31mnoise\x1b[0m " * 100 + b"\n"
    left = int(megabytes) << 20
    while left > 0:
        left -= os.write(2, line * 40)
    return answer(True, "flooded")


def noise():
    """Talks on stdout out of turn, before and between messages."""
    sys.stdout.write("Server starting up...\n\n\x00\x01{not json}\n")
    return answer(True, "noise")


def dump_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return answer(True, resource.getrlimit(resource.RLIMIT_CORE))


# -- system calls

NUMBERS = {"ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "keyctl": 250, "add_key": 248, "bpf": 321, "personality": 135,
           "userfaultfd": 323, "perf_event_open": 298, "io_uring_setup": 425, "process_vm_readv": 310, "clone": 56, "clone3": 435,
           "init_module": 175, "kexec_load": 246, "reboot": 169, "chroot": 161, "pivot_root": 155, "open_by_handle_at": 304,
           "pidfd_getfd": 438, "settimeofday": 164, "sethostname": 170, "swapon": 167, "syslog": 103, "name_to_handle_at": 303,
           "memfd_secret": 447, "fsopen": 430, "quotactl": 179, "acct": 163, "iopl": 172}


def system_call(name, arguments=""):
    """In a child, so that it cannot harm the rest of this program. Only what the kernel answers counts."""
    words = [int(word, 0) for word in str(arguments).split(",") if word]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        result = LIBC.syscall(NUMBERS[name], *[ctypes.c_long(word) for word in words])
        number = ctypes.get_errno() if result == -1 else 0
        if name in ("clone", "clone3") and result == 0:
            os._exit(0)
        os.write(writer, str(number).encode())
        os._exit(0)
    os.close(writer)
    text = os.read(reader, 16)
    os.waitpid(child, 0)
    number = int(text or b"-1")
    return answer(number == 0, errno.errorcode.get(number, number))


ATTEMPTS = {name: value for name, value in list(globals().items())
            if callable(value) and getattr(value, "__module__", "") == __name__ and name not in ("answer", "tried", "read", "serve")}


def serve():
    for line in sys.stdin:
        message = json.loads(line)
        method, number = message.get("method"), message.get("id")
        if number is None:
            continue
        if method == "initialize":
            result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                      "serverInfo": {"name": "hostile", "version": "1.0.0"}}
        elif method == "tools/list":
            result = {"tools": [{"name": name, "description": (attempt.__doc__ or name).strip(),
                                 "inputSchema": {"type": "object", "additionalProperties": True}} for name, attempt in ATTEMPTS.items()]}
        elif method == "tools/call":
            outcome = ATTEMPTS[message["params"]["name"]](**message["params"].get("arguments", {}))
            result = {"content": [{"type": "text", "text": json.dumps(outcome)}]}
        else:
            result = {}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        serve()
    else:
        given = dict(word.split("=", 1) for word in sys.argv[2:])
        print(json.dumps(ATTEMPTS[sys.argv[1]](**given)), flush=True)
