"""Tests of pseudonyms in reports."""
