"""What the safety checks say of a plan, by the name of the guard."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind

GUARDS: Mapping[str, Kind] = {}
