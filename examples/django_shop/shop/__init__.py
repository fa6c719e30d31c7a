"""A small shop on Django, with crmcore inside."""
