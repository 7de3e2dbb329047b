"""Comparisons with what a user would pick instead; each prints a table and stores it."""
