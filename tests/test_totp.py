"""Codes beside the password: the arithmetic of RFC 6238, and that each counts once."""

import base64
import re
import threading

import pytest

from footfall import second_factor, totp
from footfall.stores import open_store

#: That of the RFC's test vectors.
SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize("seconds, code", [  # RFC 6238, appendix B: SHA-1, the last six of its eight digits
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
])
def test_codes_are_those_of_the_rfc(seconds, code):
    assert totp.code(SECRET, seconds // 30) == code


@pytest.mark.parametrize("given, step", [
    (totp.code(SECRET, 98), None),
    (totp.code(SECRET, 99), 99),
    (totp.code(SECRET, 100), 100),
    (totp.code(SECRET, 101), 101),
    (totp.code(SECRET, 102), None),
    (totp.code(SECRET, 100)[:-1], None),
    ("", None),
    ("é" * 6, None),
])
def test_a_code_counts_a_step_before_and_after_its_own(given, step):
    assert totp.step_of(SECRET, given, 100 * 30 + 29.9) == step


def test_the_address_says_what_apps_ask_for():
    assert totp.uri("ABC", "anna@example.com", "footfall stats.example.com:8000") == (
        "otpauth://totp/footfall%20stats.example.com%208000:anna%40example.com?secret=ABC&"
        "issuer=footfall%20stats.example.com%208000&algorithm=SHA1&digits=6&period=30")


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def code_of(store, clock, step=0):
    secret = store.family("Users").get("totp", ["anna"])["anna"]["secret"]
    return totp.code(secret, int(clock.now) // 30 + step)


@pytest.fixture
def recovery(store, clock):
    """The recovery codes of a user who has turned codes on."""
    second_factor.begin(store, "anna")
    codes = second_factor.confirm(store, "anna", code_of(store, clock), clock)
    clock.now += 300
    return codes


def test_nothing_counts_until_a_code_has_confirmed_the_secret(store, clock):
    assert second_factor.confirm(store, "anna", "123456", clock) is None
    secret = second_factor.begin(store, "anna")
    assert (second_factor.pending(store, "anna"), second_factor.is_on(store, "anna")) == (secret, False)
    assert not second_factor.check(store, "anna", code_of(store, clock), clock)
    assert second_factor.confirm(store, "anna", code_of(store, clock, 5), clock) is None
    assert second_factor.confirm(store, "anna", code_of(store, clock), clock) is not None
    assert (second_factor.pending(store, "anna"), second_factor.is_on(store, "anna")) == (None, True)
    assert second_factor.confirm(store, "anna", code_of(store, clock, 1), clock) is None


def test_a_code_counts_once(store, clock, recovery):
    code = code_of(store, clock)
    spaced = f" {code[:3]} {code[3:]}\t"
    assert [second_factor.check(store, "anna", each, clock) for each in (spaced, code)] == [True, False]
    clock.now += 30
    assert not second_factor.check(store, "anna", code, clock)
    assert second_factor.check(store, "anna", code_of(store, clock), clock)
    assert not second_factor.check(store, "ben", code_of(store, clock), clock)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "cassandra"])
def test_codes_and_recovery_codes_count_once_in_every_store(empty, clock):
    second_factor.begin(empty, "anna")
    codes = second_factor.confirm(empty, "anna", code_of(empty, clock), clock)
    clock.now += 300
    for code in (code_of(empty, clock), codes[0]):
        assert [second_factor.check(empty, "anna", code, clock) for _ in range(3)] == [True, False, False]
    assert second_factor.recovery_codes_left(empty, "anna") == 9
    second_factor.turn_off(empty, "anna")
    assert not second_factor.check(empty, "anna", codes[1], clock)


def test_the_code_that_confirmed_lets_nobody_in(store, clock):
    second_factor.begin(store, "anna")
    code = code_of(store, clock)
    assert second_factor.confirm(store, "anna", code, clock)
    assert not second_factor.check(store, "anna", code, clock)


@pytest.mark.parametrize("what", ["code", "recovery code"])
def test_of_many_who_come_at_once_with_the_same_code_one_gets_in(store, settings_of, clock, recovery, what):
    given, begin, admitted = code_of(store, clock) if what == "code" else recovery[0], threading.Barrier(8), []

    def come():
        with open_store(config=settings_of()) as own:
            begin.wait()
            admitted.append(second_factor.check(own, "anna", given, clock))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(admitted) == [False] * 7 + [True]


def test_each_recovery_code_counts_once_however_it_is_written(store, clock, recovery):
    assert len(set(recovery)) == second_factor.RECOVERY_CODES == second_factor.recovery_codes_left(store, "anna")
    assert all(re.fullmatch(r"(?:[2-9a-z]{4}-){3}[2-9a-z]{4}", code) for code in recovery)
    assert second_factor.check(store, "anna", recovery[0].upper().replace("-", " "), clock)
    assert not second_factor.check(store, "anna", recovery[0], clock)
    assert second_factor.recovery_codes_left(store, "anna") == 9
    renewed = second_factor.new_recovery_codes(store, "anna")
    assert not second_factor.check(store, "anna", recovery[1], clock)
    assert second_factor.check(store, "anna", renewed[1], clock)


def test_recovery_codes_are_stored_as_hashes(store, recovery):
    kept = dict(store.family("Users").xget("recovery.anna"))
    everything = repr(list(kept)) + repr([bytes(value) for value in kept.values()])
    assert not any(code in everything or code.replace("-", "") in everything for code in recovery)


def test_once_turned_off_nothing_is_left(store, clock, recovery):
    second_factor.turn_off(store, "anna")
    assert not second_factor.is_on(store, "anna")
    assert second_factor.recovery_codes_left(store, "anna") == 0
    assert not second_factor.check(store, "anna", recovery[0], clock)
