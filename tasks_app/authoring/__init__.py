"""Drafts, the editor, its preview, tries and publication of tasks."""
