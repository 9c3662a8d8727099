"""Saved states of drafts: a wrong save, a wrong upload and a wrong change of rows can be undone."""
