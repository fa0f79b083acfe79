"""Small helpers that everything may use."""
