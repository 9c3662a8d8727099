"""The key that is made at the first start."""

import os
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_processes_that_start_at_once_for_the_first_time_have_one_key(tmp_path: Path) -> None:
    state = tmp_path / "state"
    environment = {
        **{name: value for name, value in os.environ.items() if "PLUMBMARK" not in name},
        "PYTHONPATH": str(ROOT / "platform"),
        "PLUMBMARK_STATE_DIR": str(state),
    }
    program = (
        "import sys\n"
        "from plumbmark.config import env\n"
        "print(flush=True)\n"
        "sys.stdin.read(1)\n"
        "from plumbmark.config import settings\n"
        "print(settings.SECRET_KEY)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go")
        process.stdin.flush()
    told = {process.communicate()[0].strip() for process in processes}

    (key,) = told
    assert len(key) >= 60
    assert stat.S_IMODE((state / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir() if "key" in path.name] == ["secret_key"]
