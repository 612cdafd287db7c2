"""Brings people and their project access into Kanboard, and keeps them right."""

__version__ = "0.1.0"
