"""cstar: receive, forward, make and follow cStar webhooks on your own machine."""

__version__ = "0.1.0"
