"""`python -m kanport` is the same as `kanport`."""

from kanport.cli import main

if __name__ == "__main__":
    main()
