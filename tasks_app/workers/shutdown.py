"""Whether this worker process was asked to end."""

import threading

shutting_down = threading.Event()
"""Set when the worker is asked to end: slices take nothing new and give their shards back."""
