"""What a mapping file may say, and how it is read."""

from kanport.mapping.load import LoadedMapping, load_mapping

__all__ = ["LoadedMapping", "load_mapping"]
