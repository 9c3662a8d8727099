"""For root: shows folders to the unprivileged user that it could not reach, then becomes that user.

The folders are bound under /tmp of a mount namespace that ends with this process, so nothing of it
is seen or left on the host.
"""

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from plumbmark.sandbox.inside.settings import Settings

_NEW_MOUNTS = 0x00020000
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_NOSUID, _NODEV = 2, 4


def stage(settings: Settings) -> None:
    """Bind the n-th source to /tmp/n."""
    sources = settings.all("stage")
    if not sources:
        return
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
        if libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        ):
            _fail(f"cannot mount {source}")

    def _fail(what: str) -> None:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")

    if libc.unshare(_NEW_MOUNTS):
        _fail("cannot make a mount namespace")
    mount("none", "/", "", _RECURSIVE | _PRIVATE)
    # Opened in this namespace, before /tmp is covered: they may lie there themselves.
    opened = [os.open(source, os.O_PATH | os.O_CLOEXEC) for source in sources]
    mount("none", "/tmp", "tmpfs", _NOSUID | _NODEV, "size=1m,mode=0711")  # noqa: S108
    for position, descriptor in enumerate(opened):
        target = f"/tmp/{position}"  # noqa: S108
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
        mount(f"/proc/self/fd/{descriptor}", target, "", _BIND | _RECURSIVE)
        os.close(descriptor)


def drop(settings: Settings) -> None:
    """Become the guest's user, for good."""
    uid, gid = settings.number("uid"), settings.number("gid")
    if uid == -1:
        return
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if 0 in os.getresuid() or 0 in os.getresgid():
        raise PermissionError("still root")


def stage_and_run(settings: Settings) -> None:
    status = settings.number("status")
    try:
        stage(settings)
        drop(settings)
        os.chdir("/")
        argv = settings.all("argument")
        os.execve(argv[0], argv, settings.environment())  # noqa: S606
    except Exception as error:
        os.write(status, f"failed Cannot prepare the run: {error}\n".encode()[:2000])
        os._exit(126)


if __name__ == "__main__":
    stage_and_run(Settings(int(sys.argv[1])))
