"""The settings of a program in this folder: NUL-separated pairs, read from a descriptor.

Not in its arguments, which the guest can read in /proc.
"""

import os
import resource


class Settings:
    """Values by key; a key can come many times."""

    def __init__(self, descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with os.fdopen(descriptor, "rb") as file:
            fields = os.fsdecode(file.read()).split("\0")
        self._pairs = list(zip(fields[::2], fields[1::2], strict=False))

    def all(self, key: str) -> list[str]:
        return [value for name, value in self._pairs if name == key]

    def one(self, key: str) -> str:
        found = self.all(key)
        return found[0] if found else ""

    def number(self, key: str) -> int:
        return int(self.one(key) or -1)

    def environment(self) -> dict[str, str]:
        return dict(value.split("=", 1) for value in self.all("environment"))


def set_limits(settings: Settings, *names: str) -> None:
    """Set soft and hard limits at once; never above the present ones."""
    for setting in settings.all("limit"):
        name, value = setting.split("=")
        if name not in names:
            continue
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        wanted = int(value)
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        # One second more before SIGKILL, so that SIGXCPU tells what it was.
        above = wanted + 1 if name == "CPU" and hard == resource.RLIM_INFINITY else wanted
        resource.setrlimit(which, (wanted, above))
