import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.catalogue import (
    all_names,
    elsewhere,
    find,
    is_known,
    is_valid_name,
    names,
    near_misses,
    types,
    unknown_type,
)
from cstar_cli.events.wires import NAMES


@pytest.mark.parametrize(("wire", "count"), [("2025-12", 14), ("2026-03", 35)])
def test_a_version_has_the_types_of_the_contract(wire: str, count: int) -> None:
    assert len(types(wire)) == len(set(names(wire))) == count


@pytest.mark.parametrize("wire", NAMES)
def test_every_type_has_a_valid_name_a_group_and_a_meaning(wire: str) -> None:
    assert all(is_valid_name(one.name) and one.group and one.meaning for one in types(wire))


def test_all_types_are_those_of_the_default_and_then_the_others() -> None:
    assert all_names()[:14] == names("2025-12")
    assert sorted(all_names()) == sorted({*names("2025-12"), *names("2026-03")})


def test_a_type_is_known_to_the_versions_that_have_it() -> None:
    assert is_known("player.level_up")
    assert not is_known("player.level_down")
    assert not is_known("ticket.deleted")
    assert is_known("ticket.deleted", "2026-03")


def test_a_type_that_only_the_other_version_has_leads_there() -> None:
    assert elsewhere("ticket.deleted", "2025-12") == "2026-03"
    assert elsewhere("ticket.created", "2025-12") is None
    assert unknown_type("ticket.deleted", "2025-12") == "ticket.deleted is of wire version 2026-03: add --wire 2026-03"
    with pytest.raises(UsageError, match=r"achievement\.unlocked is of wire version 2025-12: add --wire 2025-12"):
        find("achievement.unlocked", "2026-03")


def test_what_to_do_about_a_type_of_the_other_version_is_for_the_caller_to_say() -> None:
    told = unknown_type("ticket.deleted", "2025-12", "give {other} as wire.")
    assert told == "ticket.deleted is of wire version 2026-03: give 2026-03 as wire."


def test_a_mistyped_name_is_taken_for_one_of_its_version() -> None:
    assert "ticket.assigned" not in unknown_type("ticket.asigned", "2025-12")
    assert unknown_type("ticket.asigned", "2026-03").endswith("Did you mean ticket.assigned?")
    assert unknown_type("ticket.asigned").endswith("Did you mean ticket.assigned?")


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
    assert near_misses(resource, among=names()) == ["ticket.created", "ticket.updated", "ticket.closed"]


@pytest.mark.parametrize("action", ["level_up", "levelup", "LevelUp", "level.up"])
def test_an_action_alone_leads_to_its_type(action: str) -> None:
    assert near_misses(action) == ["player.level_up"]


@pytest.mark.parametrize("far", ["", "...", "bogus", "\x1b[31m", "émigré"])
def test_what_resembles_nothing_has_no_near_miss(far: str) -> None:
    assert near_misses(far) == []


def test_no_more_near_misses_than_asked_for() -> None:
    assert len(near_misses("created", limit=2)) == 2
