"""Check connectivity, versions, permissions and limits."""

from kanport.doctor.checks import Check, Level, exit_for
from kanport.doctor.examine import examine

__all__ = ["Check", "Level", "examine", "exit_for"]
