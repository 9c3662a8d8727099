"""The filter's table against the kernel's own headers, and its programs for every machine."""

import re
import struct
from pathlib import Path

import pytest

from plumbmark.sandbox import seccomp

HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}
_OLD_NAMES = {"fstatat": "newfstatat", "umount": "umount2"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    found: dict[str, int] = {}
    for header in HEADERS[machine]:
        if not header.exists():
            pytest.skip(f"not applicable: {header} is not installed")
        for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()):
            found.setdefault(name, int(number))
    column = list(HEADERS).index(machine)
    newest = max(found.values())

    for name, numbers in seccomp._NUMBERS.items():
        number = numbers[column]
        if number is not None and number > newest:
            continue  # newer than these headers
        assert found.get(name) == number, name


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("has_gateway", [True, False])
def test_every_path_of_a_program_ends_in_an_answer(machine: str, has_gateway: bool) -> None:
    """Jumps lead forward, to an instruction of the program; the last instruction answers."""
    programs = [
        seccomp.for_bubblewrap(machine),
        seccomp.for_landlock(machine, has_gateway=has_gateway, scopes_signals=False),
    ]

    for program in programs:
        instructions = list(struct.iter_unpack("=HBBI", program))
        assert len(instructions) < 4096
        assert instructions[-1][0] == 0x06
        for position, (code, above, below, _) in enumerate(instructions):
            if code & 0x07 == 0x05:
                assert position + 1 + max(above, below) < len(instructions)
            elif code != 0x06:
                assert position + 1 < len(instructions)


def test_an_unknown_machine_is_told_by_name() -> None:
    with pytest.raises(seccomp.UnknownMachine, match="riscv64"):
        seccomp.for_bubblewrap("riscv64")
