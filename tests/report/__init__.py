"""Reports: the same numbers in every format, and no name that can harm a reader."""
