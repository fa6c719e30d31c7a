"""Plugins to begin with: `crm plugin new` writes a complete distribution, whose suites pass as they stand."""
