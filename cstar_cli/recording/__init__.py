"""Recordings: a session of `listen` as lines of JSON, to look at, to replay, to compare with. No I/O, no clock.

    format      the lines: what each holds, how they are written and read, which version they are of
    paths       places within JSON: data.customer.email, items[*].id
    scrubbing   what may stand in no file: secrets, by what they are or by what they look like
    redacting   one delivery and its answer, without that and without what the user names
    recorder    what happens in a session → lines
    resending   a recorded delivery, signed anew
    comparing   an answer and the recorded one → differences

    delivery, result ─► recorder ─► redacting ─► format ─► a line of the file
    a line of the file ─► format ─► replay ─► answer ─► redacting ─► comparing

A body is kept to the byte: as text where it is UTF-8, else in base64. It is written anew only where the user had
something in it redacted, and then in the canonical form that it had before.
"""
