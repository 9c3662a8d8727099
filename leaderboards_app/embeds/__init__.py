"""A board on other pages: frames, badges and previews of links."""
