"""Images and audio that items hold: told from their bytes, stored once by content, shown by item.

`detecting` and `archives` are pure; `storing` writes rows and files; `serving` answers requests.
"""

from tasks_app.datasets.media.detection import (
    Media,
    MediaLimits,
    NotMedia,
    inspect_media,
)

__all__ = ["Media", "MediaLimits", "NotMedia", "inspect_media"]
