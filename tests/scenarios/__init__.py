"""Whole stories told through the command line, and what can be observed of them beside wordings."""
