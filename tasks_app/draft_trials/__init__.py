"""Trying: a few items asked of up to four models at once, shown side by side."""
