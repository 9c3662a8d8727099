"""From stored outputs to scores, estimates and re-scoring."""
