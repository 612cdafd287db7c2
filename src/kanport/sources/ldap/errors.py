"""What stops the reading of a directory."""

from kanport.errors import Unreachable


class SourceIncomplete(Unreachable):
    """A directory gave only a part of what was asked for, so nothing may be derived from it."""
