"""Servers that never come to an end, swell or talk nonsense: everything ends, and stays small."""
