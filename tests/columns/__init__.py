"""What columns say, whatever engine reads them: compared with a naive reference, row by row."""
