"""One file a command: arguments → options → run → render. Bodies import what they need late, for start-up's sake.

    listen.py      forwards events to a local URL
    trigger.py     makes events and sends them
    logs.py        follows what became of them
    cloud.py       the cloud as a process of its own
    completion.py  completion for shells

What commands share, or join from packages that never import each other:

    options.py     options that several commands take
    settings.py    the files' settings as their defaults
    listening.py   a listener with everything real around it
    embedded.py    a cloud within this process
    oneshot.py     both, for the events of one `trigger --forward-to`
    loop.py        the event loop, signals, one error out of a group
    payload.py     what `trigger` sends
    sending.py     sends it, waits, judges
    editor.py      changes text in the user's editor
    durations.py   `5s`, `10m`, times
"""
