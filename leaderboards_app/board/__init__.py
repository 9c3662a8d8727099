"""The page of a board: a snapshot's rows as a reader requests them."""
