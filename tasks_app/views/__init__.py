"""Pages of tasks and runs, a file per subject. They call the same actions as the API."""
