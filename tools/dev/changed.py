"""Which files a change touches: against the main branch where there is one, else the last commit, plus what is not committed."""
import pathlib

from dev import shell


def tracked(*patterns: str) -> list[pathlib.Path]:
    """All files git knows or would add, that are there."""
    listed = shell.output(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns]).splitlines()
    return [shell.ROOT / name for name in sorted(set(listed)) if (shell.ROOT / name).is_file()]


def base() -> str:
    for name in ("origin/main", "origin/master"):
        found = shell.output(["git", "merge-base", "HEAD", name], check=False).strip()
        if found and found != shell.output(["git", "rev-parse", "HEAD"]).strip():
            return found
    return "HEAD"


def files(*patterns: str) -> list[pathlib.Path]:
    names = shell.output(["git", "diff", "--name-only", base(), "--", *patterns]).splitlines()
    names += shell.output(["git", "ls-files", "-o", "--exclude-standard", "--", *patterns]).splitlines()
    return [shell.ROOT / name for name in sorted(set(names)) if (shell.ROOT / name).is_file()]
