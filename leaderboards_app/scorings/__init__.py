"""A board under other scorings of the same outputs."""
