"""The cloud: its store, its relay, its face to the outside."""
