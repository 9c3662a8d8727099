"""Statistics of the items of a version over the runs of models."""
