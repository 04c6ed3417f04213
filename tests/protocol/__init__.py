"""Events in, commands out: nothing here opens a socket or looks at a clock."""
