from cstar_cli.cloud.store.wakeups import Wakeups


def test_who_joins_is_told_to_look_at_once() -> None:
    assert Wakeups().join("topic").is_set()


def test_everyone_on_the_topic_is_woken_and_nobody_else() -> None:
    wakeups = Wakeups()
    one, two, other = wakeups.join("topic"), wakeups.join("topic"), wakeups.join("other")
    for event in (one, two, other):
        event.clear()
    wakeups.wake(["topic", "nobody"])
    assert (one.is_set(), two.is_set(), other.is_set()) == (True, True, False)


def test_who_has_left_is_not_woken() -> None:
    wakeups = Wakeups()
    event = wakeups.join("topic")
    wakeups.leave("topic", event)
    event.clear()
    wakeups.wake(["topic"])
    assert not event.is_set()


def test_leaving_twice_or_without_having_come_is_harmless() -> None:
    wakeups = Wakeups()
    event = wakeups.join("topic")
    wakeups.leave("topic", event)
    wakeups.leave("topic", event)
    wakeups.leave("never", event)


def test_the_waiting_are_counted_over_all_topics() -> None:
    wakeups = Wakeups()
    one, _ = wakeups.join("topic"), wakeups.join("other")
    assert wakeups.waiting == 2
    wakeups.leave("topic", one)
    assert wakeups.waiting == 1
