"""Images and audio of items: recognised by their bytes, stored once by content, shown by item.

`detection` and `archives` are pure; `storage` writes rows and files; `responses` answers requests.
"""

from tasks_app.datasets.media.detection import (
    Media,
    MediaLimits,
    NotMedia,
    inspect_media,
)

__all__ = ["Media", "MediaLimits", "NotMedia", "inspect_media"]
