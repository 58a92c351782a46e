"""Which user PostgreSQL runs as. It refuses to run as root, so root has to become somebody else first."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.stack.errors import StackError


@dataclass(frozen=True)
class Identity:
    """How to run PostgreSQL's programs: arguments for Popen, words before the command, and who owns its files."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    popen: dict[str, Any] = field(default_factory=dict)
    description: str = ""


def choose_identity(data: Path, binaries: Path) -> Identity:
    """An ordinary user runs PostgreSQL itself. Root, in this order:

    1. as the ordinary user who owns the data already, if that user reaches it;
    2. as `nobody`, if `nobody` reaches both the data and the binaries;
    3. in a user namespace, where root's files look like those of user 1000 (a data directory below /root, say).

    The wheel's own launcher makes every directory up to / readable by others instead; nothing here touches a
    directory that is not ours.
    """
    if os.geteuid() != 0:
        return _ordinary_user(data)
    uid = data.stat().st_uid if data.exists() else _nobody()
    gid = _group_of(uid)
    # Data that root owns was made in a user namespace and stays there.
    if uid != 0 and _reaches(uid, gid, data) and _reaches(uid, gid, binaries):
        popen = {"user": uid, "group": gid, "extra_groups": []}
        return Identity(uid, gid, popen=popen, description=f"user {_name_of(uid)}")
    return _user_namespace()


def hand_over(directory: Path, identity: Identity) -> None:
    """Give a directory of ours and what is in it to the identity (root only; an ordinary user owns it already)."""
    if os.geteuid() != 0 or directory.stat().st_uid == identity.uid:
        return
    for root, _directories, files in os.walk(directory):
        os.chown(root, identity.uid, identity.gid)
        for name in files:
            os.lchown(Path(root, name), identity.uid, identity.gid)


def _ordinary_user(data: Path) -> Identity:
    uid, gid = os.geteuid(), os.getegid()
    if data.exists() and data.stat().st_uid != uid:
        raise StackError(
            f"{data} belongs to {_name_of(data.stat().st_uid)}, and you are {_name_of(uid)}. Start as that user or as "
            "root, or keep your own data elsewhere: make run VOLANT_VAR=/a/directory/of/yours."
        )
    return Identity(uid, gid, description=f"user {_name_of(uid)}")


def _user_namespace() -> Identity:
    unshare = shutil.which("unshare")
    prefix = (unshare or "unshare", "--user", "--map-user=1000", "--map-group=1000")
    if unshare:
        trial = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)  # noqa: S603
        if trial.returncode == 0:
            return Identity(0, 0, prefix=prefix, description="root, in a user namespace")
    raise StackError(
        "PostgreSQL does not run as root, `nobody` cannot reach both its data and its programs, and this machine "
        "allows no user namespaces. Start as an ordinary user; or put the project and VOLANT_VAR where every user can "
        "look in (below /srv, not below /root); or set DATABASE_URL to a PostgreSQL server of your own."
    )


def _reaches(uid: int, gid: int, path: Path) -> bool:
    """Whether a user may enter every directory above `path` and `path` itself, as far as it exists."""
    path = path.resolve()
    for directory in (path, *path.parents):
        if not directory.exists():
            continue
        status = directory.stat()
        shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
        if not (status.st_mode >> shift) & stat.S_IXOTH:
            return False
    return True


def _nobody() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return 65534


def _group_of(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
