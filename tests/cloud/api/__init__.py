"""The API over real sockets: what it answers, to whom, in which shape."""
