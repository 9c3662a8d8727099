"""Pages of models: facts, results, what runs cost and how they failed."""
