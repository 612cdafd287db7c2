"""Rules over the whole set of rows, and over the set beside the server."""
