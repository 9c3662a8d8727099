"""Reading an author's program without running it."""
