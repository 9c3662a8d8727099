"""A check of the installation: the guides are there."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning

from plumbmark.guides.library import read_library


def check_guides(**_options: Any) -> list[CheckMessage]:
    """Warn where the folder of the guides is missing or empty: pages link to them."""
    if read_library().guides:
        return []
    return [
        Warning(
            f"There are no guides in {settings.GUIDES_DIR}.",
            hint="Set PLUMBMARK_GUIDES_DIR to the folder docs/ of the installation.",
            id="guides.W001",
        )
    ]
