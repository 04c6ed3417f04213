"""One suite for every driver: `open_store` runs each test here on all of them."""
