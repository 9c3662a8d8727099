"""The rows of a draft's data file as a table: read a page at a time, changed in one pass."""
