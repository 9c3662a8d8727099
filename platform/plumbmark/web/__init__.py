"""Pages: middleware, navigation, template tags, Markdown and the page cache."""
