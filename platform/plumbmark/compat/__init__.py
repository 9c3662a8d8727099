"""Foreign doors: what clients that people already have expect to find."""
