from ..serving import Serve, There, is_invalid

HUGE = "1" + "0" * 30


def test_pages_out_of_bounds_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for path in ("/events", "/deliveries"):
            for page in (
                "0",
                "-1",
                "",
                "x",
                "1.5",
                "+1",
                " 1",
                HUGE,
                "1000001",
                "%C3%A9",
                "%C2%B2",
                "%D9%A1",
                "%00",
                "%FF",
            ):
                assert is_invalid(await there.get(f"{path}?page={page}"), "page")
            for size in ("0", "-1", "101", HUGE, "x"):
                assert is_invalid(await there.get(f"{path}?pageSize={size}"), "pageSize")

    serve(check)


def test_a_page_behind_the_last_is_empty(serve: Serve) -> None:
    async def check(there: There) -> None:
        answer = await there.get("/deliveries?page=1000000&pageSize=100")
        assert (answer.status_code, answer.json()["data"]) == (200, [])

    serve(check)


def test_odd_filters_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for path in ("/events", "/deliveries", "/deliveries/tail"):
            for events in ("!", "ticket", "Ticket.*", "a.b.c", "%00", "%FF", "ticket.%00", "é", "a." + "b" * 200):
                assert is_invalid(await there.get(f"{path}?events={events}"), "events")

    serve(check)


def test_odd_statuses_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for status in ("", "x", "2xx", "PENDING", "%00"):
            assert is_invalid(await there.get(f"/deliveries?status={status}"), "status")
        for status in ("", "pending", "6xx", "20", "999", "%00"):
            assert is_invalid(await there.get(f"/deliveries/tail?status={status}"), "status")

    serve(check)


def test_odd_starts_of_the_tail_are_refused(serve: Serve) -> None:
    async def check(there: There) -> None:
        for name, values in {
            "lines": ("-1", "x", "10001", HUGE),
            "after": ("-1", "x", "", HUGE, str(2**63)),
            "since": ("", "x", "yesterday", "2025-12-10T14:30:00", "2025-13-01T00:00:00Z", "10m", "%00"),
            "follow": ("", "1", "yes", "True"),
        }.items():
            for value in values:
                assert is_invalid(await there.get(f"/deliveries/tail?{name}={value}"), name)

    serve(check)


def test_a_tail_starts_in_one_way(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert is_invalid(await there.get("/deliveries/tail?after=1&since=2025-01-01T00:00:00Z"), "after")

    serve(check)


def test_of_a_parameter_given_twice_the_last_counts(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert (await there.get("/events?page=0&page=2")).json()["pagination"]["page"] == 2
        assert is_invalid(await there.get("/events?page=2&page=0"), "page")

    serve(check)


def test_unknown_parameters_and_harmless_oddities_do_no_harm(serve: Serve) -> None:
    async def check(there: There) -> None:
        for query in (
            "x=%FF%00",
            "%FF=1",
            "=",
            "&&&",
            "a" * 20_000,
            f"target={'a' * 20_000}",
            "target=%00",
            "target=",
            "event_id=%FF",
            "event_id='%20OR%201=1--",
            "events=,,",
            "events=" + ",".join(["ticket.*"] * 2000),
            "events=" + ",".join(f"a{number}.b" for number in range(2000)),
        ):
            answer = await there.get(f"/deliveries?{query}")
            assert (answer.status_code, answer.json()["data"]) == (200, [])

    serve(check)
