"""Pure asynchronous clients of model providers. No Django here."""
