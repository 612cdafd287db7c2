"""Deciding what would change: pure, but for the plan file."""
