"""training: the load from which `./dev build tuned` learns what runs: calls of three sizes, with and without audit and inspection."""
import pathlib
import tempfile
import time

from dev import bench, shell
from dev.bench_servers import EVERYTHING, Field

SECONDS = 2.0
LOADS = (("audited", 1024), ("audited", 300), ("audited", 16384), ("silent", 1024), ("inspected", 1024))    # (gate, bytes each way)


def run(binaries: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory(prefix="callgate-training-") as folder:
        field = None
        try:
            field = Field(pathlib.Path(folder), binaries)
            start(field)
            for name, size in LOADS:
                shell.note(f"training: {name}, {size} bytes")
                bench.measure(field, name, bench.Shape(64, size, "closed", (name,)), SECONDS if size == 1024 else SECONDS / 4)
        finally:
            before = time.time()
            if field is not None:
                field.stop()
    if not any(note.stat().st_mtime >= before for note in binaries.rglob("*.gcda")):    # commands leave notes, too; these are the gates'
        raise shell.Failed(f"the training left no notes in {binaries}: the gate did not end by itself; see its log")


def start(field: Field) -> None:
    for name, arguments in (("audited", ()), ("silent", ("--unsafe-no-audit",))):
        gate = field.gate(name, *arguments)
        gate.run("user", "add", "bench")
        field.add_gate(name, gate, rules=20)
        if name == "audited":
            field.add_gate("inspected", gate, rules=20, sizes=(1024,), inspect=EVERYTHING)
