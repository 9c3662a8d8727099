"""The playground: one prompt to several models side by side."""
