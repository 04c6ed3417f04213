"""How much a listener may be asked for, wherever that is said."""

MOST_TIMEOUT_S = 86_400
MOST_CONCURRENCY = 512
