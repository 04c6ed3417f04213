"""One file a command: arguments → options → run → render. Bodies import what they need late, for start-up's sake.

    listen.py      forwards events to a local URL
    trigger.py     makes events and sends them
    logs.py        follows what became of them
    webhooks.py    registers URLs, tries them out, makes up for what failed
    events.py      lists, shows and resends what has happened
    deliveries.py  lists, shows and steers each event's way to its targets
    login.py       login, logout, whoami: which cloud the profile is for
    cloud.py       the cloud as a process of its own: status, stop, and in files of their own
    cloud_serve.py   serve and migrate
    cloud_keys.py    keys create, list, revoke
    completion.py  completion for shells: scripts,
    completing.py    what is offered for each argument and option,
    remembered.py    which ids there are, by what commands have seen (noting.py),
    shells.py        and how a shell is told

What commands share, or join from packages that never import each other:

    options.py     options that several commands take
    ids.py         ids of the right kind
    asking.py      makes a command of a function that asks a cloud,
    dialogue.py    with what it asks and shows
    service_options.py  how a cloud runs, as users write it
    timing.py      how every cloud delivers, the one inside `listen` too
    settings.py    the files' settings, and the profile's, as the options' defaults
    listen_plan.py what one `listen` is to do, made of its options
    listen_run.py  does it, from its plan to its exit code
    given.py       which options this run gives itself
    listening.py   a listener with everything real around it
    embedded.py    a cloud within this process
    oneshot.py     both, for the events of one `trigger --forward-to`
    team_keys.py   a team's API keys, through a cloud or in its database
    saying.py      a command's own words
    loop.py        the event loop, signals, one error out of a group
    app.py         the user's application beside the listener, for `listen -- COMMAND`
    process.py     its command as a process
    process_tree.py  and all that this has started
    secret_file.py the signing secret in the application's .env
    payload.py     what `trigger` sends
    sending.py     sends it, waits, judges
    editor.py      changes text in the user's editor
    durations.py   `5s`, `10m`, `1m,5m,30m`, times
"""
