"""What is kept for completion of what a cloud has answered: which ids, and what to say beside them."""

from collections.abc import Iterable, Mapping

from cstar_cli.commands.ids import API_KEY, DELIVERY, EVENT, SESSION, SESSION_NAME, WEBHOOK
from cstar_cli.commands.remembered import Seen, forget, remember
from cstar_cli.config import Home
from cstar_cli.resources import ApiKey, Deleted, Delivery, DeliveryInFull, Event, EventInFull, Resent, Session, Webhook

_KINDS: Mapping[type, str] = {
    Webhook: WEBHOOK,
    Event: EVENT,
    EventInFull: EVENT,
    Delivery: DELIVERY,
    DeliveryInFull: DELIVERY,
    ApiKey: API_KEY,
    Session: SESSION,
}
_WHOLE_LISTS = (Webhook, ApiKey, Session)  # whose commands list all there are


def note(home: Home, api_base: str, thing: object) -> None:
    """Keep what was made or shown, and what is no more no longer."""
    match thing:
        case Deleted(id=id_):
            forget(home, id_)
        case Resent(event=event, deliveries=deliveries):
            note(home, api_base, event)
            remember(home, api_base, DELIVERY, map(_described, deliveries))
        case EventInFull(deliveries=deliveries):
            remember(home, api_base, EVENT, [_described(thing)])
            remember(home, api_base, DELIVERY, map(_described, deliveries))
        case _ if type(thing) in _KINDS:
            remember(home, api_base, _KINDS[type(thing)], [_described(thing)])
        case _:
            pass


def note_list(home: Home, api_base: str, shape: type, things: Iterable[object]) -> None:
    """Keep what a list has shown."""
    if shape not in _KINDS:
        return
    listed = list(things)
    remember(home, api_base, _KINDS[shape], map(_described, listed), all_there_are=shape in _WHOLE_LISTS)
    if shape is Session:
        names = [(one.name, one.forward_to) for one in listed if isinstance(one, Session) and one.name]
        remember(home, api_base, SESSION_NAME, names, all_there_are=True)


def _described(thing: object) -> Seen:
    match thing:
        case Webhook(id=id_, name=name, url=url):
            return id_, f"{name} {url}"
        case Event(id=id_, type=type_, created_at=at):
            return id_, f"{type_} {at}"
        case Delivery(id=id_, event_type=type_, status=status, url=url):
            return id_, f"{type_} {status} {url}"
        case ApiKey(id=id_, name=name):
            return id_, name
        case Session(id=id_, name=name, forward_to=url):
            return id_, f"{name or ''} {url}"
        case _:
            raise TypeError(f"{type(thing).__name__} has no id to complete")
