"""Model judges: asking them, labels of people, and how far the judges can be trusted."""
