"""The revisions of the module's tables."""
