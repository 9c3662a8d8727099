"""What pages need: template loading."""
