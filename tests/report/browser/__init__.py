"""HTML reports in a browser: as people see and use them."""
