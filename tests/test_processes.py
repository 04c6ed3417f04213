from .processes import RunCstar, StartListening, StartServing
from .receiver import StartReceiver


def test_an_event_travels_from_trigger_to_the_receiver(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    target = receiver()
    session = listening("--forward-to", target.url)
    assert cstar("trigger", "ticket.created").returncode == 0
    assert session.next_of("forwarded")["status"] == 200
    [request] = target.wait_for(1)
    assert request.headers["x-cstar-event"] == "ticket.created"
    assert session.stop() == 130


def test_a_cloud_of_its_own_says_where_it_runs(serving: StartServing, home: dict[str, str]) -> None:
    cloud = serving()
    assert cloud.address == home["CSTAR_API_BASE"]
    cloud.stop()
