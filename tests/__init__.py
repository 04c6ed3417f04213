"""A package, so that every test can name the types of `processes`."""
