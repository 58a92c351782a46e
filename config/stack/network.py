"""Ports: finding a free one, and saying clearly that one is taken."""

import errno
import socket

from config.stack.errors import StackError


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_port(host: str, port: int) -> None:
    """Raise StackError when the web server could not listen there, with what to do instead."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise StackError(f"{host!r} is no address of this machine. Choose one: make run HOST=127.0.0.1.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StackError(
                f"Port {port} on {host} is in use by another program. Choose another one, for example: "
                f"make run PORT={free_port()}"
            ) from None
        if error.errno == errno.EACCES:
            raise StackError(
                f"Port {port} needs root. Choose one above 1023, for example: make run PORT=8000"
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise StackError(f"{host} is no address of this machine. Choose one: make run HOST=127.0.0.1.") from None
        raise
