"""Foreign routes: what clients that people already have expect to find."""
