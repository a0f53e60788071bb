"""What all commands share: the tree's root, running programs, reading their result."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CALLGATE_BUILD_ROOT", ROOT / "build"))


class Failed(Exception):
    """Ends the command with one line for the person."""


def say(text: str) -> None:
    print(text, flush=True)


def note(text: str) -> None:
    """A line about progress; results go to standard output, this does not."""
    print(f"-- {text}", file=sys.stderr, flush=True)


def run(argv, *, cwd=ROOT, env=None, quiet=False, check=True, timeout=None):
    """Runs a program; with `quiet`, shows its output only when it fails."""
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, cwd=cwd, env=env, timeout=timeout, text=True,
                              stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT if quiet else None)
    except FileNotFoundError:
        raise Failed(f"`{argv[0]}` is not installed; `./dev setup` installs what is missing") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"`{' '.join(argv[:3])}` took longer than {timeout} s") from None
    if check and done.returncode != 0:
        if quiet and done.stdout:
            sys.stderr.write(done.stdout[-8000:])
        raise Failed(f"`{' '.join(argv[:4])}` ended with {done.returncode}")
    return done


def output(argv, *, cwd=ROOT, check=True) -> str:
    done = subprocess.run([str(a) for a in argv], cwd=cwd, text=True, capture_output=True)
    if check and done.returncode != 0:
        raise Failed(f"`{' '.join(map(str, argv[:4]))}`: {done.stderr.strip()[-400:]}")
    return done.stdout


def take_flag(args: list, name: str) -> bool:
    if name in args:
        args.remove(name)
        return True
    return False


def take_value(args: list, name: str, default=None):
    for at, arg in enumerate(args):
        if arg == name:
            if at + 1 >= len(args):
                raise Failed(f"`{name}` needs a value")
            value = args[at + 1]
            del args[at:at + 2]
            return value
        if arg.startswith(name + "="):
            del args[at]
            return arg.split("=", 1)[1]
    return default


def no_more(args: list) -> None:
    if args:
        raise Failed(f"do not know what to do with `{' '.join(args)}`; see ./dev help")
