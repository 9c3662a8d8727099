"""Running untrusted code, and its only way out: the gateway.

The public names are those below; start with `probe()`, which says what this machine can do. Imports
neither Django nor Celery, and does not know runs, tasks or models. May import
`plumbmark.engine.ports`; is imported by `tasks_app`.
"""

from plumbmark.sandbox.backends import Probe, SelfTest, probe
from plumbmark.sandbox.contract import (
    GATEWAY_URL,
    WORK,
    BadJob,
    Ending,
    ExecutionReport,
    Limits,
    Mount,
    Sandbox,
    SandboxJob,
    SandboxUnavailable,
)
from plumbmark.sandbox.executor import PythonExecutor
from plumbmark.sandbox.folders import (
    Artifact,
    Collected,
    LeftOut,
    clean_work_folder,
    collect,
    open_artifact,
    remove_work_folder,
)
from plumbmark.sandbox.interpreter import environment_mounts
from plumbmark.sandbox.relay import GatewayRelay

__all__ = [
    "GATEWAY_URL",
    "WORK",
    "Artifact",
    "BadJob",
    "Collected",
    "Ending",
    "ExecutionReport",
    "GatewayRelay",
    "LeftOut",
    "Limits",
    "Mount",
    "Probe",
    "PythonExecutor",
    "Sandbox",
    "SandboxJob",
    "SandboxUnavailable",
    "SelfTest",
    "clean_work_folder",
    "collect",
    "environment_mounts",
    "open_artifact",
    "probe",
    "remove_work_folder",
]
