"""python -m config.stack: the whole platform on this machine, until Ctrl-C."""

import argparse
import errno
import os
from pathlib import Path

from config.settings.environment import SettingsError
from config.stack.children import ROOT
from config.stack.errors import StackError
from config.stack.supervisor import Supervisor

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.stack", description=__doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 is all (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--var", type=Path, help="data directory (default: VOLANT_VAR, else var/ in the project)")
    parser.add_argument("--no-demo", action="store_true", help="make no demo project on the first start")
    parser.add_argument("--ready-file", type=Path, help="write the address there as JSON when the first page answers")
    arguments = parser.parse_args()
    if not 0 <= arguments.port <= 65535:
        parser.error("--port is a number from 0 to 65535; choose one: make run PORT=8000")
    var = arguments.var or Path(os.environ.get("VOLANT_VAR") or ROOT / "var")
    supervisor = Supervisor(
        var, arguments.host, arguments.port, demo=not arguments.no_demo, ready_file=arguments.ready_file
    )
    try:
        supervisor.run()
    except (StackError, SettingsError) as error:
        raise SystemExit(f"Volant did not start. {error}") from None
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise SystemExit(
            f"Volant cannot write its files ({error.strerror}: {error.filename or supervisor.var}). Make room there, "
            "or see that you may write there; then start again."
        ) from None


if __name__ == "__main__":
    main()
