"""Rows and mapping in, the desired state out: cell by cell, without reading or writing anything."""

from kanport.normalize.build import Normalized, normalize
from kanport.normalize.columns import columns_used, secret_columns
from kanport.normalize.users import read_passwords

__all__ = ["Normalized", "columns_used", "normalize", "read_passwords", "secret_columns"]
