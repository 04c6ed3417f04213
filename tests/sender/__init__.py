"""A package, so that its receivers can be imported by its tests alone."""
