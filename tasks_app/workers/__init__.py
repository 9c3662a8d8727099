"""Worker processes: what they can run, how they report it, and how they end."""
