import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import Json, dumps, parse
from cstar_cli.events.overrides import Assignment, apply_overrides, parse_assignment, valid_paths

DATA = (
    '{"priority":"high","level":3,"customer":{"email":"a@b.c","vip":true},"tags":["x","y","z"],'
    '"rows":[{"n":1}],"a.b":{"c":0},"none":null}'
)


def changed(
    overrides: tuple[str, ...] = (), adds: tuple[str, ...] = (), removes: tuple[str, ...] = (), data: str = DATA
) -> str:
    result = apply_overrides(
        parse(data), [parse_assignment(one) for one in overrides], [parse_assignment(one) for one in adds], removes
    )
    return dumps(result).decode()


def swapped(old: str, new: str) -> str:
    assert DATA.count(old) == 1
    return DATA.replace(old, new)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("priority=low", "priority", "low"),
        ("priority=", "priority", ""),
        ("level=5", "level", "5"),
        ("level:=5", "level", 5),
        ("level:=5.0", "level", 5.0),
        ("tags:=[1, null]", "tags", [1, None]),
        ("url=http://x/?a=b", "url", "http://x/?a=b"),
        ("expr=x:=1", "expr", "x:=1"),
        ("text= two words\n", "text", " two words\n"),
        (r"a\.b.c=é", r"a\.b.c", "é"),
        (r"a\=b=1", r"a\=b", "1"),
        (r"a\:=1", r"a\:", "1"),
        ("a::=1", "a:", 1),
    ],
)
def test_an_assignment_is_a_path_and_text_or_json(text: str, path: str, value: Json) -> None:
    assert parse_assignment(text) == Assignment(path, value)


@pytest.mark.parametrize("text", ["", "priority", "=x", ":=1", r"a\=b", "a..b=1", ".a=1", "a.=1", "a[x]=1", "a[0]b=1"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write"):
        parse_assignment(text)


def test_a_value_that_is_not_json_says_how_to_write_text() -> None:
    with pytest.raises(UsageError, match=r"'priority'.*write priority=….*line 1, column 1"):
        parse_assignment("priority:=low")


def test_a_value_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        parse_assignment("priority=\udce9")


@pytest.mark.parametrize(
    ("override", "old", "new"),
    [
        ("priority=low", '"high"', '"low"'),
        ("level:=4", '"level":3', '"level":4'),
        ("level=3", '"level":3', '"level":"3"'),
        ("customer.email=x@y.z", "a@b.c", "x@y.z"),
        ("customer.vip:=1", "true", "1"),
        ("tags[1]=Y", '"y"', '"Y"'),
        ("tags.1=Y", '"y"', '"Y"'),
        ("rows[0].n:=2", '"n":1', '"n":2'),
        (r"a\.b.c:=1", '"c":0', '"c":1'),
        ("none=some", "null", '"some"'),
        ("tags:={}", '["x","y","z"]', "{}"),
    ],
)
def test_an_override_replaces_the_value_in_its_place(override: str, old: str, new: str) -> None:
    assert changed(overrides=(override,)) == swapped(old, new)


@pytest.mark.parametrize(
    "override",
    ["prio=x", "customer.name=x", "tags[3]=x", "tags.-1=x", "tags[]=x", "tags.01=x", "priority.x=1", "a.b=1"]
    + ["customer[0]=1", "tags.99999999999999999999=1"],
)
def test_an_override_of_an_unknown_path_lists_the_valid_ones(override: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed(overrides=(override,))
    message = str(caught.value)
    assert repr(override.partition("=")[0]) in message
    assert (
        r"Valid paths: priority, level, customer, customer.email, customer.vip, tags, tags[0], tags[1], tags[2], "
        r"rows, rows[0], rows[0].n, a\.b, a\.b.c, none."
    ) in message


def test_a_path_from_the_envelope_is_told_that_paths_start_within_data() -> None:
    with pytest.raises(UsageError, match="start within data"):
        changed(overrides=("data.priority=low",))


@pytest.mark.parametrize(
    ("override", "data", "meant"),
    [
        ("priority=low", '{"ticket":{"priority":"high"}}', "Did you mean ticket.priority?"),
        ("ticket.priority=low", '{"priority":"high"}', "Did you mean priority?"),
        ("name=x", '{"agent":{"name":"a"},"customer":{"name":"b"}}', "Did you mean agent.name or customer.name?"),
    ],
)
def test_a_path_of_the_other_wire_version_is_told_what_it_is_in_this_one(override: str, data: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed(overrides=(override,), data=data)
    assert meant in str(caught.value)


def test_a_long_list_of_valid_paths_is_cut() -> None:
    with pytest.raises(UsageError, match=r"k39, and 60 more\."):
        changed(overrides=("x=1",), data=dumps({f"k{number}": 0 for number in range(100)}).decode())


@pytest.mark.parametrize("override", ["priority=high", "level:=3.0", 'tags:=["x","y","z"]', "none:=null"])
def test_an_override_that_changes_nothing_is_refused(override: str) -> None:
    with pytest.raises(UsageError, match="changes nothing"):
        changed(overrides=(override,))


def test_a_number_in_place_of_a_truth_value_is_a_change() -> None:
    assert changed(overrides=("a:=1",), data='{"a":true}') == '{"a":1}'


@pytest.mark.parametrize(
    ("add", "data", "result"),
    [
        ("b=2", '{"a":1}', '{"a":1,"b":"2"}'),
        ("c.d.e:=1", "{}", '{"c":{"d":{"e":1}}}'),
        ("a.b:=1", '{"a":{}}', '{"a":{"b":1}}'),
        ("t[1]=y", '{"t":["x"]}', '{"t":["x","y"]}'),
        ("t.1=y", '{"t":["x"]}', '{"t":["x","y"]}'),
        ("t[]=y", '{"t":["x"]}', '{"t":["x","y"]}'),
        ("t[]=y", "{}", '{"t":["y"]}'),
        ("t[0].n:=1", "{}", '{"t":[{"n":1}]}'),
        ("t[].n:=1", '{"t":[{}]}', '{"t":[{},{"n":1}]}'),
        (r"a\.b=1", '{"a":{}}', '{"a":{},"a.b":"1"}'),
        ("[]=x", "[]", '["x"]'),
    ],
)
def test_an_addition_makes_what_is_missing_on_its_way(add: str, data: str, result: str) -> None:
    assert changed(adds=(add,), data=data) == result


@pytest.mark.parametrize("add", ["priority=low", "tags[0]=x", "tags.2=x", "customer.email=x", "none=x"])
def test_an_addition_never_overwrites(add: str) -> None:
    with pytest.raises(UsageError, match="there already: override it"):
        changed(adds=(add,))


@pytest.mark.parametrize("add", ["tags[4]=x", "tags.x=1", "tags.-=1", "tags.01=1"])
def test_an_addition_to_a_list_goes_to_its_end_only(add: str) -> None:
    with pytest.raises(UsageError, match="write \\[\\] for the end"):
        changed(adds=(add,))


@pytest.mark.parametrize("add", ["priority.x=1", "none.x=1", "level[]=1"])
def test_an_addition_within_a_single_value_is_refused(add: str) -> None:
    with pytest.raises(UsageError, match="a single value"):
        changed(adds=(add,))


def test_an_index_into_an_object_is_refused() -> None:
    with pytest.raises(UsageError, match="an object"):
        changed(adds=("customer[]=1",))


def test_an_added_list_index_must_start_at_zero() -> None:
    with pytest.raises(UsageError, match="end of a list"):
        changed(adds=("new[1]=x",))


def test_an_added_object_is_not_shared_with_its_assignment() -> None:
    assignment = parse_assignment("new:={}")
    apply_overrides({}, adds=[assignment, parse_assignment("new.x=1")])
    assert assignment.value == {}


@pytest.mark.parametrize(
    ("removes", "data", "result"),
    [
        (("a",), '{"a":1,"b":2}', '{"b":2}'),
        (("a.b",), '{"a":{"b":1}}', '{"a":{}}'),
        (("t[0]",), '{"t":[1,2]}', '{"t":[2]}'),
        (("t[0]", "t[1]"), '{"t":[1,2,3]}', '{"t":[3]}'),
        (("t[10]", "t[9]"), '{"t":[0,1,2,3,4,5,6,7,8,9,10,11]}', '{"t":[0,1,2,3,4,5,6,7,8,11]}'),
        (("t[1]", "t.1"), '{"t":[1,2,3]}', '{"t":[1,3]}'),
        (("a", "a.b"), '{"a":{"b":1},"c":0}', '{"c":0}'),
        ((r"a\.b",), '{"a.b":1,"a":{"b":2}}', '{"a":{"b":2}}'),
    ],
)
def test_removals_name_places_as_they_were(removes: tuple[str, ...], data: str, result: str) -> None:
    assert changed(removes=removes, data=data) == result


@pytest.mark.parametrize("path", ["absent", "tags[3]", "customer.email.x"])
def test_removing_what_is_absent_lists_the_valid_paths(path: str) -> None:
    with pytest.raises(UsageError, match="Valid paths: priority, level"):
        changed(removes=(path,))


def test_an_empty_object_has_no_valid_paths() -> None:
    with pytest.raises(UsageError, match="no paths at all"):
        changed(removes=("x",), data="{}")


def test_what_is_removed_can_be_added_anew_in_another_form() -> None:
    assert changed(removes=("a",), adds=("a.b=1",), data='{"a":"text"}') == '{"a":{"b":"1"}}'


def test_the_input_is_left_as_it_was() -> None:
    data = parse(DATA)
    apply_overrides(data, [Assignment("customer.email", "x")], [Assignment("tags[]", "new")], ["rows[0].n"])
    assert data == parse(DATA)


json_keys = st.text(st.sampled_from(list("ab01.[]\\=:\n é")), min_size=1, max_size=5)
json_values = st.recursive(
    st.integers(0, 9),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(json_keys, inner, max_size=3)),
)


@given(st.dictionaries(json_keys, json_values, max_size=3))
def test_every_valid_path_leads_to_its_place(data: dict[str, Json]) -> None:
    for path in valid_paths(data):
        assignment = parse_assignment(f"{path}=changed")
        once = apply_overrides(data, [assignment])
        assert once != data
        assert valid_paths(apply_overrides(data, removes=[path])) != valid_paths(data)
