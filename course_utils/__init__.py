"""Plumbing of the course *Machine Learning, Measured*: what the notebooks import.

Importing this package imports nothing else; each notebook names the modules that it needs.
"""

__version__ = "0.1.0"
