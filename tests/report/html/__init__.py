"""HTML reports as text: what they hold, how they are made."""
