"""Tests of the Excel report."""
