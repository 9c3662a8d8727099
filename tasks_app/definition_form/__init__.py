"""A definition as a form: fields made from its schema, written back into its text."""
