"""Work that takes longer than a request may: a worker does it, and its progress is shown."""
