"""Events: what they are called, what they hold, and the bytes they become. No I/O; no clock but in fresh ids.

    catalogue    the event types of each wire version, and what a mistyped name may have meant
    fixtures     realistic `data` for every type
    overrides    changes to `data` by path: override, add, remove
    changes      what an event itself says has changed, in step with those
    envelope     data → Event: id, type, team_id, created_at, data; ids and times as text
    canonical    JSON text ⇄ values by JavaScript's rules; the bytes that are signed
    quick        the same bytes through msgspec, where it agrees with JavaScript
    filters      which types a listener, a tail or a webhook wants
    wires/       the wire versions: types and fixtures of each, and its headers, signature, ids, shape of data

    fixture() ─► apply_overrides() ─► build_event() ─► Event.body ─► signed, stored, sent
    --data ────► parse() ────────────────┘

A body is made once, by `build_event`, in exactly the form of `JSON.stringify(JSON.parse(body))`, because the
documented receiver verifies over that. From there on it is bytes: look into it with `parse`, but send the original.

Import the modules, not this package: it loads nothing.
"""
