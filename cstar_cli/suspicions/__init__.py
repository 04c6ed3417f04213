"""Why a signature doesn't verify: what usually goes wrong is tried, and what gives the very signature is named.

    suspicion    the words: what may have happened, how to mend it
    bodies       a body → what it was, or became: parsed and written again, another encoding, another line end
    keys         a secret → what a receiver may have taken for it
    forms        a signature's text → which digests it may stand for, of which message: the wire versions
    explaining   all of them together, one at a time and then a key with a body
    answers      what a receiver says with 400, 401 or 403 → the likeliest cause
    other_version    a receiver that is written for another wire version than it gets

A suspicion is proven by the digest alone: what is named is no guess. Pure: no I/O, no clock. To add one, write a
generator of candidates and put it into its module's list. Import it late.
"""
