"""What became of a change and why, and why a run stopped before its end."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind

OUTCOMES: Mapping[str, Kind] = {}
