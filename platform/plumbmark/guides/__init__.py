"""The guides of `docs/` as pages: rendered from their Markdown, with links from every page."""
