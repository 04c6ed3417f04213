from msgspec.structs import replace

from cstar_cli.activity import Activity
from cstar_cli.commands.places import Places
from tests.render.samples import DOWN, UP


def test_an_application_that_several_forward_to_is_away_once_and_back_once_with_all_that_waited() -> None:
    told: list[Activity] = []
    places = Places(told.append)
    places.down(0, DOWN)
    places.down(1, DOWN)
    places.up(1, replace(UP, waited=33, more=True, again=False))
    assert told == [DOWN]
    places.up(0, UP)
    assert told == [DOWN, replace(UP, waited=47, more=True, again=True)]
    places.down(0, DOWN)
    places.up(0, UP)
    assert told[2:] == [DOWN, UP]


def test_each_application_is_told_of_by_itself() -> None:
    told: list[Activity] = []
    places = Places(told.append)
    other_down, other_up = replace(DOWN, place="localhost:4000"), replace(UP, place="localhost:4000")
    places.down(0, DOWN)
    places.down(1, other_down)
    places.up(1, other_up)
    places.up(0, UP)
    assert told == [DOWN, other_down, other_up, UP]
