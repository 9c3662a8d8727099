"""Money: the ledger, leases on budgets, and who grants belong to."""
