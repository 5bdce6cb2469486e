"""Figures of results, as files."""
