"""The demo: generated items and honest programs, so that the first pages show real boards.

Everything goes through the same actions that people use. Items are drawn with a fixed seed, so the
demo is the same on every machine.
"""

from plumbmark.accounts.models import Namespace
from plumbmark.config.demo.author import HANDLE, create_owner
from plumbmark.config.demo.division import load_division
from plumbmark.config.demo.first_steps import load_first_steps
from plumbmark.gateway.actions import ensure_baselines
from tasks_app.models import TaskVersion


def load_demo() -> bool:
    """Make the demo where it was never made; returns whether it was made now."""
    if Namespace.objects.filter(handle=HANDLE).exists() or TaskVersion.objects.exists():
        return False
    ensure_baselines()
    owner = create_owner()
    namespace = Namespace.objects.get(user=owner)
    load_first_steps(namespace, owner)
    load_division(namespace, owner)
    return True
