"""Citations of a snapshot, in the formats that reference managers read."""
