import pytest

from cstar_cli.events.catalogue import is_known, is_valid_name, names, near_misses, types


def test_the_catalogue_holds_the_14_types_of_the_contract() -> None:
    assert len(types()) == len(set(names())) == 14


def test_every_type_has_a_valid_name_a_group_and_a_meaning() -> None:
    assert all(is_valid_name(one.name) and one.group and one.meaning for one in types())


def test_a_type_of_the_catalogue_is_known() -> None:
    assert is_known("player.level_up")
    assert not is_known("player.level_down")


@pytest.mark.parametrize("name", ["order.paid", "a.b", "order_2.paid_late", "x." + "a" * 98])
def test_a_resource_and_an_action_make_a_valid_name(name: str) -> None:
    assert is_valid_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "order", "order.", ".paid", "order.paid.late", "Order.paid", "order-paid", "order.paid\n", "é.b", "a.²"]
    + ["ticket.*", "x." + "a" * 99],
)
def test_anything_else_is_no_valid_name(name: str) -> None:
    assert not is_valid_name(name)


@pytest.mark.parametrize(
    "mistyped",
    ["ticket_created", "ticket:created", "ticket-created", "ticket/created", "TicketCreated", "TICKET_CREATED"]
    + ["created.ticket", "ticket.create", "tikcet.created", "tickets.created", "ticket created"],
)
def test_the_likeliest_near_miss_comes_first(mistyped: str) -> None:
    assert near_misses(mistyped)[0] == "ticket.created"


@pytest.mark.parametrize("resource", ["ticket", "tickets", "ticket.unheard_of"])
def test_a_resource_alone_leads_to_its_types(resource: str) -> None:
    assert near_misses(resource) == ["ticket.created", "ticket.updated", "ticket.closed"]


@pytest.mark.parametrize("action", ["level_up", "levelup", "LevelUp", "level.up"])
def test_an_action_alone_leads_to_its_type(action: str) -> None:
    assert near_misses(action) == ["player.level_up"]


@pytest.mark.parametrize("far", ["", "...", "bogus", "\x1b[31m", "émigré"])
def test_what_resembles_nothing_has_no_near_miss(far: str) -> None:
    assert near_misses(far) == []


def test_no_more_near_misses_than_asked_for() -> None:
    assert len(near_misses("created", limit=2)) == 2
