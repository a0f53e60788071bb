"""Child processes that cannot outlive a test: started with a ready line, ended by their own id."""
import os
import pathlib
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Child:
    """One process. `ready`: a function of a line of its output that returns a value once it is up."""

    def __init__(self, argv, *, ready=None, env=None, cwd=None, log: pathlib.Path, wait_s: float = 30):
        self.log = log
        self.argv = [str(part) for part in argv]
        self.process = subprocess.Popen(self.argv, env=env, cwd=cwd, text=True, errors="replace",
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.value = None
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(ready,), daemon=True)
        self._reader.start()
        if ready is not None and not self._ready.wait(wait_s):
            text = self.tail()
            self.stop()
            raise RuntimeError(f"{pathlib.Path(self.argv[0]).name} was not ready after {wait_s} s:\n{text}")
        if ready is not None and self.value is None:
            raise RuntimeError(f"{pathlib.Path(self.argv[0]).name} ended with {self.process.wait()}:\n{self.tail()}")

    def _read(self, ready):
        with self.log.open("a") as out:
            for line in self.process.stdout:
                out.write(line)
                out.flush()
                if ready is not None and self.value is None:
                    self.value = ready(line)
                    if self.value is not None:
                        self._ready.set()
        self._ready.set()

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self.process.poll() is None

    def tail(self, size: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def kill9(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, wait_s: float = 10) -> int:
        """SIGTERM, then SIGKILL. Returns the exit code."""
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(wait_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        self._reader.join(5)
        return code


def eventually(probe, what: str, wait_s: float = 10.0):
    """Polls until `probe` returns something true. For effects that other processes bring about; never for timing."""
    end = time.monotonic() + wait_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {wait_s} s: {what}")
        time.sleep(0.02)
