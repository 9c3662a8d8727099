"""Tasks, versions, items, contenders, runs, samples and scorings."""
