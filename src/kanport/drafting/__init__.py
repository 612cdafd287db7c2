"""A first mapping, made from what a table holds or for a directory; people then correct it."""

from kanport.drafting.directory import KINDS, FoundDirectory, draft_for_directory
from kanport.drafting.guess import Guess, guess
from kanport.drafting.text import draft_for_table

__all__ = ["KINDS", "FoundDirectory", "Guess", "draft_for_directory", "draft_for_table", "guess"]
