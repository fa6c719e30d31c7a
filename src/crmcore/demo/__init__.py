"""The demo: a year of a real shop, told from its orders to a report."""
