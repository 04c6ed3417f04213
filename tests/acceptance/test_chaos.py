"""`listen --chaos` with everything real: the receiver gets what the seed decides, and the lines say so."""

import json
import signal

from cstar_cli.commands.chaos_spec import parse

from ..processes import StartListening, StartServing
from ..receiver import StartReceiver
from .conftest import StartApi

CHAOS = "duplicate=30%,shuffle=4,delay=0..50ms,drop=30%"
EVENTS = 12


def test_a_seed_decides_what_the_receiver_gets_and_the_lines_tell_of_each(
    listening: StartListening, receiver: StartReceiver, api: StartApi
) -> None:
    chaos = parse(CHAOS, 7)
    assert chaos is not None
    fates = [chaos.fate(number, 1) for number in range(1, EVENTS + 1)]
    times = [0 if fate.drop else 2 if fate.duplicate else 1 for fate in fates]
    assert set(times) == {0, 1, 2}
    app = receiver()
    listener = listening("-f", app.url, "--chaos", CHAOS, "--seed", "7")
    assert (listener.ready["chaos"], listener.ready["seed"]) == (CHAOS, 7)
    cloud = api()
    made = [cloud.post_event("ticket.created")["event"]["id"] for _ in range(EVENTS)]
    lines = listener.take(EVENTS + times.count(2))
    assert [[json.loads(request.body)["id"] for request in app.requests].count(each) for each in made] == times
    told = {
        name: [line["event_id"] for line in lines if name in line.get("chaos", ())] for name in ("drop", "duplicate")
    }
    assert sorted(told["drop"]) == sorted(event for event, count in zip(made, times, strict=True) if not count)
    assert sorted(told["duplicate"]) == sorted(event for event, count in zip(made, times, strict=True) if count == 2)
    assert any("shuffle" in line.get("chaos", ()) for line in lines)
    listener.stop()
    assert f"Chaos: {times.count(2)} duplicated, {times.count(0)} dropped, " in listener.stderr


def test_what_is_held_back_at_the_end_is_not_forwarded_and_the_cloud_says_so(
    listening: StartListening, receiver: StartReceiver, serving: StartServing, api: StartApi
) -> None:
    serving()  # a cloud of its own, to be asked after the listener has gone
    app = receiver()
    listener = listening("-f", app.url, "--chaos", "delay=10m")
    cloud = api()
    delivery = cloud.post_event("ticket.created")["deliveries"][0]["id"]
    assert cloud.get(f"/deliveries/{delivery}")["status"] == "pending"
    listener.signal(signal.SIGINT)
    assert listener.wait() == 130
    assert "1 not delivered. Chaos: nothing done." in listener.stderr
    assert app.requests == []
    assert cloud.get(f"/deliveries/{delivery}")["status"] == "failed"
