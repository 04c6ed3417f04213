"""One file a command: arguments → options → run → render. Bodies import what they need late, for start-up's sake.

    tree.py        all commands, and where each is
    listen.py      forwards events to a local URL, or along routes
    trigger.py     makes events and sends them
    wait.py        waits until an event was delivered
    replay.py      sends what was recorded again, and compares the answers:
    replay_run.py    one replay from its file to its exit code,
    recorded.py      the file,
    replaying.py     each delivery when it is due,
    replay_sending.py  its post,
    replay_account.py  what came of all
    logs.py        follows what became of them
    webhooks.py    registers URLs, tries them out, makes up for what failed
    events.py      lists, shows and resends what has happened
    deliveries.py  lists, shows and steers each event's way to its targets
    sessions.py    lists who listens
    types.py       prints event types as type definitions
    fixtures.py    keeps payloads of one's own
    scenario.py    sends events that tell a story
    routes.py      says what goes where
    init.py        writes a project's settings file
    config.py      changes settings files
    doctor.py      looks for what keeps events from arriving,
    checks.py        one check after the other
    sign.py        signs a body
    verify.py      verifies a signature
    snippet.py     prints a receiver (of the folder cstar_cli/snippets)
    check.py       puts a receiver to the test,
    check_run.py     one trial after the other
    login.py       login, logout, whoami: which cloud the profile is for
    cloud.py       the cloud as a process of its own: status, stop, and in files of their own
    cloud_serve.py   serve and migrate
    cloud_keys.py    keys create, list, revoke
    completion.py  completion for shells: scripts,
    completing.py    what is offered for each argument and option,
    remembered.py    which ids there are, by what commands have seen (noting.py),
    shells.py        and how a shell is told

What `listen` is made of:

    listen_options.py  its options
    listen_plan.py what one run is to do, made of them
    listen_run.py  does it, from its plan to its exit code
    pace.py        how fast it forwards, how many, how often
    chaos_spec.py  what --chaos may say
    course.py      when it is ready, when it ends, with which exit code
    record.py      keeps what is forwarded in a file
    ready_file.py  which tells scripts so
    listening.py   a listener with everything real around it
    routing.py     the settings files' routes, as options of listeners
    together.py    several listeners at once,
    account.py     what is told of them, as of one,
    places.py      and of the applications that they share
    app.py         the user's application beside the listener, for `listen -- COMMAND`
    process.py     its command as a process
    process_tree.py  and all that this has started
    own_terminal.py  the terminal that it shares with us
    secret_file.py the signing secret in the application's .env
    resend_advice.py  what to do about a failure

What commands share, or join from packages that never import each other:

    options.py     options that several commands take
    ids.py         ids of the right kind
    session_names.py  sessions by their names
    asking.py      makes a command of a function that asks a cloud,
    dialogue.py    with what it asks and shows
    given.py       which options this run gives itself
    service_options.py  how a cloud runs, as users write it
    timing.py      how every cloud delivers, the one inside `listen` too
    settings.py    the files' settings, and the profile's, as the options' defaults
    embedded.py    a cloud within this process
    oneshot.py     a cloud and a listener, for the events of one `trigger --forward-to`
    team_keys.py   a team's API keys, through a cloud or in its database
    noting.py      ids that commands have seen, for completion
    saying.py      a command's own words
    loop.py        the event loop, signals, one error out of a group
    given_body.py  a body and a secret, for sign and verify
    logged.py      what the log has of a delivery, for verify
    other_secrets.py  secrets that a signature may have been made with instead
    payload.py     what `trigger` sends
    sending.py     sends it, waits, judges
    reaching.py    whether something listens at an address
    editor.py      changes text in the user's editor
    report_file.py  a report for other programs
    within.py      work that takes no longer than a time
    durations.py   `5s`, `10m`, `1m,5m,30m`, times
"""
