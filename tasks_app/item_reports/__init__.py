"""Reports of wrong keys and ambiguous questions, their decisions, and what follows from them."""
