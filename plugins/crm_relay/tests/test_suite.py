"""The module keeps what the suite of modules asks for."""
