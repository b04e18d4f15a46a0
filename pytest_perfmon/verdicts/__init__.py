"""Is it acceptable: budgets and stored runs."""
