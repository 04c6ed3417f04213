"""Puts a receiver to the test: each trial is data, and is judged by nothing but what a sender of events can see.

    trial        the words: Trial, Request, Verdict, Result
    making       signed requests of one wire version, in the hand of one secret
    judging      outcomes → a verdict: taken, refused, survived
    advice       what to change, by how a receiver fails
    ordinary     trials with events as they come: each type, duplicates, out of order, many at once, slowly
    signatures   trials with signatures that must be refused, and of times where the version has them
    bodies       trials with bodies at the edge of what an event may be
    trials       all of them for a version, and the choice among them
    first        why a receiver doesn't take an ordinary event
    running      makes one after the other through a `send` function, and stops where going on tells nothing

A trial says what it sends in waves: all requests of one are sent at once, and the next is sent when those are
answered. Pure: no socket and no clock; those are handed in. To add a trial, write it where it belongs, put it into
that module's list, and tell of it in docs/check.md.
"""
