"""What maintainers run: execute and store notebooks, canonical form, ledger, seeds, checks."""
