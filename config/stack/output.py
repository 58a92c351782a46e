"""Log files of the children, and their lines on the terminal."""

import shutil
import sys
from pathlib import Path

LARGEST = 20 * 2**20
_COLOURS = {"web": 36, "worker-default": 32, "worker-gpu": 35, "beat": 33, "postgres": 34, "valkey": 31}


def say(text: str) -> None:
    """A line from the supervisor itself."""
    print(text, flush=True)  # noqa: T201  the terminal is its interface


class Terminal:
    """Follows log files and prints what they grow by, each line with the name of its part.

    Children write into their files themselves, so that nothing breaks when this process is killed. A file above 20 MB
    is copied to NAME.log.1 and emptied: they are opened for appending, so writing goes on at its start.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.followed: dict[str, int] = {}
        self.colours = sys.stdout.isatty()

    def path(self, name: str) -> Path:
        """The log file of a part."""
        return self.logs / f"{name}.log"

    def follow(self, name: str) -> Path:
        """Begin at the file's present end: earlier starts are not shown again."""
        path = self.path(name)
        self.followed.setdefault(name, path.stat().st_size if path.exists() else 0)
        return path

    def show_new_lines(self) -> None:
        """Print whole lines only; half a line waits for its end."""
        for name, offset in self.followed.items():
            path = self.path(name)
            size = path.stat().st_size if path.exists() else 0
            if size < offset:
                offset = 0
            if size > offset:
                with path.open("rb") as file:
                    file.seek(offset)
                    text = file.read(size - offset)
                whole = text.rfind(b"\n") + 1
                for line in text[:whole].decode(errors="replace").splitlines():
                    if line.strip():
                        say(f"{self._label(name)} {line}")
                offset += whole
            self.followed[name] = offset
            if size > LARGEST:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                path.open("wb").close()
                self.followed[name] = 0

    def _label(self, name: str) -> str:
        label = f"{name:<14} |"
        return f"\033[{_COLOURS.get(name, 37)}m{label}\033[0m" if self.colours else label
