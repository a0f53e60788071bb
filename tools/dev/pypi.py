"""Python packages for tests: virtual environments below build/, one for each requirements file, made again when the file changes."""
import hashlib
import pathlib
import shutil
import sys

from dev import setup, shell


def environment(requirements: pathlib.Path) -> pathlib.Path:
    """The interpreter of an environment that holds exactly these pinned packages. Raises Failed when it cannot be made."""
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = shell.BUILD / "python" / f"{requirements.parent.name}-{requirements.stem}"
    stamp = folder / ".callgate-requirements"
    interpreter = folder / "bin" / "python"
    if interpreter.exists() and stamp.exists() and stamp.read_text() == wanted:
        return interpreter
    setup.ensure("test")
    shutil.rmtree(folder, ignore_errors=True)
    shell.note(f"pip install -r {requirements.relative_to(shell.ROOT)}")
    shell.run([sys.executable, "-m", "venv", folder], quiet=True, timeout=300)
    shell.run([interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r", requirements], quiet=True, timeout=900)
    stamp.write_text(wanted)
    return interpreter
