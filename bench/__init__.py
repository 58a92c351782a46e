"""Measurements and the demo: each is one command, and prints one JSON object with its figures as the last line."""
