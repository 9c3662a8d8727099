"""Pages of runs and samples."""
