"""What happened → what the user sees. A renderer is a `Callable[[Activity], None]`; `make_renderer` chooses one.

    console     the choice: JSON or lines, quiet or not, colour or not; the renderers themselves
    output      a stream: what its encoding and its terminal can show, one flushed line at a time
    lines       Activity → lines of text for people
    ready       the lines of a listener that is ready
    jsonlines   Activity → one line of JSON for programs
    safe        foreign text made harmless for a terminal
    tables      rich tables, the only place that loads rich
    check       what came of putting a receiver to the test
    junit       the same as JUnit's XML
    facts       names and values of one thing
    webhooks, events, deliveries   the cloud's resources as tables and facts
    times       times and durations

stdout is what the command is for, stderr is everything else. A closed pipe (BrokenPipeError) passes up.
"""
