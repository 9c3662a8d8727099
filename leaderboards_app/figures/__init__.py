"""Figures of boards, drawn as SVG on the server."""
