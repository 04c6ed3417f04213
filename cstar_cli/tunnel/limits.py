"""How much a listener may be asked for, wherever that is said."""

MOST_TIMEOUT_S = 86_400
MOST_CONCURRENCY = 512
MOST_SET_ASIDE = 100  # so many more deliveries are asked for where some are held back
