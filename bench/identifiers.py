"""What the guard of a batch finds: recall on identifiers of each kind in many notations, alarms on what is none.

The cells are made here, by the rules of those who issue such numbers and by how people write them, and not from the
guard's own patterns; some of the people have names, and live in towns, that no list of the guard holds. Each notation
is tried in three ways: as a column of its own under a name that says nothing, as two cells in two hundred of a coded
column, and, where it can be one, as the column of the case ids. Names of columns are tried apart from cells.
"""

from __future__ import annotations

import random
import string
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
from measure import Claim, compiled, in_turns

from pathway.batch.guard import look, names
from pathway.table import Table

ROWS = 200
SEED = 20260302
LEAST = {"columns": 0.95, "names": 0.95, "cells": 0.85, "ids": 0.95}
MOST_ALARMS = 0.02
Make = Callable[[random.Random], str]


def _words(text: str, divider: str = " ") -> list[str]:
    return [word for word in " ".join(text.split()).replace("| ", "|").replace(" |", "|").split(divider) if word]


@dataclass(frozen=True)
class Notation:
    """One way in which one kind of identifier is written. `ids`: whether a case id may not look so."""

    category: str
    how: str
    make: Make
    ids: bool = True


@dataclass(frozen=True)
class Row:
    """What was found of one notation: as a column, and by its right name; of sparse cells; as case ids."""

    category: str
    how: str
    column: bool
    rightly: bool
    share: float
    sparse: bool
    ids: bool | None


# ---- people, places, days ----

_FIRST = _words(
    """Oluwaseun Maria Saoirse James Zsófia Linda Nguyệt Robert Ayşe Thomas Siobhán Jennifer Þórunn Michael Chidi
    Elizabeth Xochitl David Mwajuma Susan Ryan Tatjana Peter Ngozi Anna Lucia Bjørn Hans Kaveh Sophie"""
)
_LAST = _words(
    """Okonkwo Smith Ó'Briain Johnson Szabó Garcia Nguyen Müller Öztürk Kowalczyk MacGillivray Brown Davis Abubakar
    Sigurðardóttir Wilson Xóchitl Anderson Mbeki Taylor Fitzgerald Petrović Thompson Eze Moore Bianchi Sørensen Fischer
    Rezaei Dubois"""
)
_RUSSIAN_LAST = _words("Иванов Кузнецов Соколов Лебедев Попов Козлов Новиков Морозов Зайцев Павлов")
_RUSSIAN_FIRST = _words("Сергей Анна Ольга Дмитрий Пётр Игорь Юлия Нина Павел Юрий Зоя Лев")
_STREETS = _words("Oak Maple Washington Church Kingsway Elm Birch Station Victoria Lakeview Cedar Riverside")
_TOWNS = _words("Springfield Wien Paris Ballymena Chicago Gmunden Leeds Toulouse Omaha Graz Boise Houston")
_STATES = _words("IL MA OH TX CA NY WA FL")
_DOMAINS = _words("example.com mail.example.org hospital.example.nhs.uk web.de gmail.com post.example.co.at")


def _day(r: random.Random) -> date:
    return date(1930, 1, 1) + timedelta(days=r.randrange(34000))


def _dated(pattern: str) -> Make:
    return lambda r: _day(r).strftime(pattern)


def _unpadded(r: random.Random) -> str:
    day = _day(r)
    return f"{day.day}.{day.month}.{day.year}"


def _ordinal(r: random.Random) -> str:
    day = _day(r)
    end = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}.get(day.day, "th")
    return f"{day.day}{end} of {day:%B} {day.year}"


_FRENCH = _words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")


_WIDE = {ord(str(n)): chr(0xFF10 + n) for n in range(10)}


def _in_french(r: random.Random) -> str:
    day = _day(r)
    return f"{day.day} {_FRENCH[day.month - 1]} {day.year}"


def _quarter(r: random.Random) -> str:
    day = _day(r)
    return f"{day.year}-Q{(day.month + 2) // 3}"


def _epoch(r: random.Random) -> str:
    return str(r.randrange(1_150_000_000, 1_790_000_000))


def _first(r: random.Random) -> str:
    return r.choice(_FIRST)


def _last(r: random.Random) -> str:
    return r.choice(_LAST)


def _digits(r: random.Random, count: int, first: str = string.digits) -> str:
    return r.choice(first) + "".join(r.choices(string.digits, k=count - 1))


def _letters(r: random.Random, count: int) -> str:
    return "".join(r.choices(string.ascii_uppercase, k=count))


def _like(picture: str) -> Make:
    """What a picture shows: 9 a digit, 8 a digit from 2 to 9, A a capital, h a hex digit, all else itself."""
    drawn = {"9": string.digits, "8": "23456789", "A": string.ascii_uppercase, "h": "0123456789abcdef"}
    return lambda r: "".join(r.choice(drawn[c]) if c in drawn else c for c in picture)


def _with(said: str, make: Make) -> Make:
    return lambda r: said.format(make(r))


# ---- numbers with check digits ----


def _luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


def _nhs(r: random.Random) -> str:
    while True:
        body = _digits(r, 9, "4567")
        check = 11 - sum(int(d) * (10 - i) for i, d in enumerate(body)) % 11
        if check != 10:
            return body + str(check % 11)


def _nhs_spaced(r: random.Random) -> str:
    number = _nhs(r)
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def _ssn(r: random.Random) -> tuple[str, str, str]:
    area = r.choice([n for n in range(1, 773) if n != 666])
    return f"{area:03}", f"{r.randrange(1, 100):02}", f"{r.randrange(1, 10000):04}"


def _bsn(r: random.Random) -> str:
    while True:
        body = _digits(r, 8, "1234")
        check = sum(int(d) * (9 - i) for i, d in enumerate(body)) % 11
        if check < 10:
            return body + str(check)


def _pesel(r: random.Random) -> str:
    body = _day(r).strftime("%y%m%d") + _digits(r, 4)
    return body + str(-sum(int(d) * w for d, w in zip(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True)) % 10)


def _nir(r: random.Random) -> str:
    body = f"{r.choice('12')}{_day(r):%y%m}{r.randrange(1, 95):02}{r.randrange(1, 900):03}{r.randrange(1, 900):03}"
    return f"{body}{97 - int(body) % 97:02}"


def _dni(r: random.Random) -> str:
    number = r.randrange(10**7, 10**8)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _swiss(r: random.Random) -> str:
    body = "756" + _digits(r, 9)
    check = -sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10
    return f"{body[:3]}.{body[3:7]}.{body[7:11]}.{body[11:]}{check}"


def _iban(r: random.Random) -> str:
    bank = _digits(r, 18)
    return f"DE{98 - int(bank + '131400') % 97:02}{bank}"


def _iban_spaced(r: random.Random) -> str:
    iban = _iban(r)
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def _card(r: random.Random) -> str:
    return _luhn(r.choice("45") + _digits(r, 14))


def _card_spaced(r: random.Random) -> str:
    card = _card(r)
    return " ".join(card[i : i + 4] for i in range(0, 16, 4))


def _imei(r: random.Random) -> str:
    return _luhn("35" + _digits(r, 12))


def _npi(r: random.Random) -> str:
    return _luhn("80840" + _digits(r, 9, "1"))[5:]


def _dea(r: random.Random) -> str:
    d = _digits(r, 6)
    check = (int(d[0]) + int(d[2]) + int(d[4]) + 2 * (int(d[1]) + int(d[3]) + int(d[5]))) % 10
    return r.choice("ABFM") + _letters(r, 1) + d + str(check)


def _vin(r: random.Random) -> str:
    values = {c: int(v) for c, v in zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True)}
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    head = r.choice(["1HG", "WBA", "JTD", "1FT"]) + "".join(r.choices("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", k=5))
    tail = r.choice("ABCDEFGHJKLMNPRSTVWXY123456789") + r.choice("ABCDEFGHJKLMNPRSTUVWXYZ") + _digits(r, 6)
    total = sum((values[c] if c in values else int(c)) * w for c, w in zip(f"{head}0{tail}", weights, strict=True))
    return f"{head}{'0123456789X'[total % 11]}{tail}"


def _mbi(r: random.Random) -> str:
    letters = "ACDEFGHJKMNPQRTUVWXY"
    a = [r.choice(letters) for _ in range(5)]
    d = [r.choice("123456789"), *(r.choice(string.digits) for _ in range(5))]
    return f"{d[0]}{a[0]}{d[1]}{d[2]}-{a[1]}{d[3]}{r.choice(string.digits)}-{a[2]}{a[3]}{d[4]}{d[5]}"


def _blob(magic: str, length: int) -> Make:
    return lambda r: magic + "".join(r.choices(string.ascii_letters + string.digits + "+/", k=length))


_PROSE = _words(
    """pain worse since the fall last winter she sleeps badly and cannot lift her grandson physiotherapy was tried
    without lasting effect wants to return to work as a teacher told us about her brother who had the same"""
)


def _prose(least: int, most: int) -> Make:
    return lambda r: " ".join(r.choices(_PROSE, k=r.randrange(least, most))) + "."


_CANADIAN = str.maketrans("DFIOQU", "BCEGHJ")  # letters that none of their post codes has


# ---- the eighteen ----

NOTATIONS: Sequence[Notation] = (
    Notation("name", "first and last", lambda r: f"{_first(r)} {_last(r)}"),
    Notation("name", "last, first", lambda r: f"{_last(r)}, {_first(r)}"),
    Notation("name", "LAST, FIRST", lambda r: f"{_last(r)}, {_first(r)}".upper()),
    Notation("name", "lower case", lambda r: f"{_first(r)} {_last(r)}".lower()),
    Notation("name", "first only", _first),
    Notation("name", "last only", _last),
    Notation("name", "title and last", lambda r: f"{r.choice(['Mr', 'Mrs.', 'Dr.', 'Frau', 'Prof'])} {_last(r)}"),
    Notation("name", "with an initial", lambda r: f"{_first(r)} {_letters(r, 1)}. {_last(r)}"),
    Notation("name", "initial and last", lambda r: f"{_letters(r, 1)}. {_last(r)}"),
    Notation("name", "Chinese", lambda r: r.choice("王李张刘陈杨") + "".join(r.choices("伟芳娜敏静丽强磊军洋", k=2))),
    Notation(
        "place",
        "street",
        lambda r: f"{r.randrange(1, 9999)} {r.choice(_STREETS)} {r.choice(['St', 'Road', 'Avenue', 'Ln.'])}",
    ),
    Notation(
        "place",
        "street, city, state and zip",
        lambda r: (
            f"{r.randrange(1, 999)} {r.choice(_STREETS)} Dr, {r.choice(_TOWNS)}, {r.choice(_STATES)} {_digits(r, 5)}"
        ),
    ),
    Notation("place", "street, lower case", lambda r: f"{r.randrange(1, 999)} {r.choice(_STREETS)} street".lower()),
    Notation(
        "place",
        "German street",
        lambda r: (
            f"{r.choice(['Haupt', 'Garten', 'Schiller'])}{r.choice(['straße', 'str.', 'gasse'])} {r.randrange(1, 99)}"
        ),
    ),
    Notation(
        "place", "French street", lambda r: f"{r.randrange(1, 99)} rue de {r.choice(['la Paix', 'Rivoli', 'Lyon'])}"
    ),
    Notation("place", "post box", lambda r: f"P.O. Box {r.randrange(10, 9999)}"),
    Notation("place", "zip", _like("99999"), ids=False),
    Notation("place", "zip+4", _like("99999-9999")),
    Notation(
        "place",
        "British post code",
        lambda r: f"{_letters(r, 1)}{r.randrange(1, 99)} {r.randrange(10)}{r.choice('ABDEFGH')}{r.choice('JLNPQRS')}",
    ),
    Notation(
        "place",
        "British post code, no space",
        lambda r: f"{_letters(r, 2)}{r.randrange(1, 10)}{r.randrange(10)}{r.choice('ABDEFGH')}{r.choice('JLNPQRS')}",
        ids=False,
    ),
    Notation("place", "Canadian post code", lambda r: f"{r.choice('KLMV')}{_like('9A 9A9')(r)}".translate(_CANADIAN)),
    Notation("place", "city", lambda r: r.choice(_TOWNS), ids=False),
    Notation(
        "place",
        "code and city",
        lambda r: f"{_digits(r, 4, '123456789')} {r.choice(['Wien', 'Graz', 'Gmunden', 'Zwettl'])}",
    ),
    Notation("place", "county", lambda r: f"{r.choice(['Cook', 'Orange', 'Kings', 'Clare'])} County", ids=False),
    Notation("place", "coordinates", lambda r: f"{r.uniform(-60, 60):.5f}, {r.uniform(-179, 179):.5f}"),
    Notation("place", "degrees and minutes", lambda r: f"{r.randrange(60)}°{r.randrange(60)}'{r.randrange(60)}\"N"),
    Notation("date", "2026-03-02", _dated("%Y-%m-%d")),
    Notation(
        "date",
        "2026/3/2 10:15",
        lambda r: f"{_day(r).year}/{r.randrange(1, 13)}/{r.randrange(1, 28)} {r.randrange(24)}:{r.randrange(10, 60)}",
    ),
    Notation("date", "with time and zone", _dated("%Y-%m-%dT08:%M:%S+01:00")),
    Notation("date", "02/03/2026", _dated("%d/%m/%Y")),
    Notation("date", "03/02/26", _dated("%m/%d/%y")),
    Notation("date", "2.3.2026", _unpadded),
    Notation("date", "02.03.26", _dated("%d.%m.%y"), ids=False),
    Notation("date", "2 Mar 2026", _dated("%d %b %Y")),
    Notation("date", "02-MAR-26", lambda r: _day(r).strftime("%d-%b-%y").upper()),
    Notation("date", "March 2, 2026", _dated("%B %d, %Y")),
    Notation("date", "2nd of March 2026", _ordinal),
    Notation("date", "2 mars 2026", _in_french),
    Notation("date", "20260302", _dated("%Y%m%d")),
    Notation("date", "02032026", _dated("%d%m%Y")),
    Notation("date", "020326", _dated("%d%m%y")),
    Notation("date", "20260302 101500", _dated("%Y%m%d%H%M%S")),
    Notation("date", "2026-03", _dated("%Y-%m"), ids=False),
    Notation("date", "March 2026", _dated("%B %Y")),
    Notation("date", "Mar-26", _dated("%b-%y")),
    Notation("date", "2026-W10", _dated("%G-W%V")),
    Notation("date", "2026-Q1", _quarter),
    Notation("date", "2 March", _dated("%d %B")),
    Notation("date", "seconds since 1970", _epoch, ids=False),
    Notation(
        "date",
        "Arabic digits",
        lambda r: _day(r).strftime("%Y/%m/%d").translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
    ),
    Notation("age-over-89", "97-year-old", lambda r: f"{r.randrange(90, 106)}-year-old"),
    Notation("age-over-89", "aged 97", lambda r: f"aged {r.randrange(90, 106)}"),
    Notation("age-over-89", "97 y/o", lambda r: f"{r.randrange(90, 106)} y/o"),
    Notation("phone", "(212) 555-0123", _like("(829) 899-9999")),
    Notation("phone", "212-555-0123", _like("829-899-9999")),
    Notation("phone", "212.555.0123", _like("829.899.9999")),
    Notation("phone", "1 212 555 0123", _like("1 829 899 9999")),
    Notation("phone", "2125550123", lambda r: r.choice(["212", "617", "312", "415"]) + _like("8999999")(r)),
    Notation("phone", "555-0123", _like("899-9999"), ids=False),
    Notation("phone", "+44 20 7946 0958", _like("+44 20 7899 9999")),
    Notation("phone", "+436641234567", _like("+436648999999")),
    Notation("phone", "0043 664 1234567", _like("0043 664 8999999")),
    Notation("phone", "020 7946 0958", _like("020 7899 9999")),
    Notation("phone", "07700 900123", _like("07700 899999")),
    Notation("phone", "07700900123", _like("07400899999")),
    Notation("phone", "0664/1234567", _like("0664/8999999")),
    Notation("phone", "01 23 45 67 89", _like("01 49 99 99 99")),
    Notation("phone", "612 34 56 78", _like("612 89 99 99"), ids=False),
    Notation("phone", "tel. 5550123", _with("tel. {}", _like("8999999"))),
    Notation("phone", "212-555-0123 ext. 45", _like("829-899-9999 ext. 99")),
    Notation("fax", "Fax: 212-555-0123", _with("Fax: {}", _like("829-899-9999"))),
    Notation("fax", "F +49 30 123456", _with("Telefax +49 30 {}", _like("899999"))),
    Notation("e-mail", "a@b.org", lambda r: f"{_letters(r, 5).lower()}.{r.randrange(99)}@{r.choice(_DOMAINS)}"),
    Notation("e-mail", "in brackets", lambda r: f"<{_letters(r, 6).lower()}@{r.choice(_DOMAINS)}>"),
    Notation("e-mail", "a [at] b [dot] org", lambda r: f"{_letters(r, 6).lower()} [at] example [dot] org"),
    Notation("e-mail", "a at b dot org", lambda r: f"{_letters(r, 6).lower()} at example dot org"),
    Notation("social-security", "123-45-6789", lambda r: "-".join(_ssn(r))),
    Notation("social-security", "123 45 6789", lambda r: " ".join(_ssn(r))),
    Notation("social-security", "123456789", lambda r: "".join(_ssn(r))),
    Notation("social-security", "XXX-XX-6789", lambda r: f"XXX-XX-{_ssn(r)[2]}"),
    Notation(
        "social-security",
        "QQ 12 34 56 C",
        lambda r: (
            f"{r.choice('ABCEG')}{r.choice('ABCEG')} {_digits(r, 2)} {_digits(r, 2)} {_digits(r, 2)} {r.choice('ABCD')}"
        ),
    ),
    Notation("social-security", "Dutch", _bsn),
    Notation("social-security", "Polish", _pesel),
    Notation("social-security", "French", _nir),
    Notation("social-security", "Spanish", _dni),
    Notation("record-number", "MRN: 00123456", _with("MRN: {}", _like("99999999"))),
    Notation("record-number", "MRN00123456", _like("MRN99999999")),
    Notation("record-number", "8 digits", _like("99999999"), ids=False),
    Notation("record-number", "12-34-56", _like("89-99-89"), ids=False),
    Notation("record-number", "H1234567", _like("H9999999"), ids=False),
    Notation("record-number", "AB-2024-001234", _like("AA-2024-999999"), ids=False),
    Notation("record-number", "NHS number", _nhs),
    Notation("record-number", "NHS number, spaced", _nhs_spaced),
    Notation("record-number", "chart no. 123456", _with("chart no. {}", _like("999999"))),
    Notation("health-plan", "Medicare", _mbi),
    Notation("health-plan", "Medicare, together", lambda r: _mbi(r).replace("-", "")),
    Notation("health-plan", "Member ID: XYZ123456789", _with("Member ID: {}", _like("AAA999999999"))),
    Notation("health-plan", "XYZ123456789", _like("AAA999999999"), ids=False),
    Notation("health-plan", "policy no 12345-678", _with("policy no {}", _like("99999-999"))),
    Notation("account", "IBAN", _iban),
    Notation("account", "IBAN, spaced", _iban_spaced),
    Notation("account", "card", _card),
    Notation("account", "card, spaced", _card_spaced),
    Notation("account", "acct # 123456789", _with("acct # {}", _like("999999999"))),
    Notation("account", "12 digits", _like("899999999999"), ids=False),
    Notation("licence", "NPI", _npi),
    Notation("licence", "DEA", _dea),
    Notation("licence", "DL S123-4567-8901", _with("DL {}", _like("A999-9999-9999"))),
    Notation("licence", "S123-4567-8901", _like("A999-9999-9999")),
    Notation("licence", "license no. A1234567", _with("license no. {}", _like("A9999999"))),
    Notation("vehicle", "VIN", _vin, ids=False),
    Notation("vehicle", "American plate", _like("AAA-9999"), ids=False),
    Notation("vehicle", "British plate", _like("AA99 AAA"), ids=False),
    Notation(
        "vehicle",
        "German plate",
        lambda r: f"{r.choice(['B', 'M', 'HH', 'KA'])}-{_letters(r, 2)} {r.randrange(1, 9999)}",
        ids=False,
    ),
    Notation("vehicle", "plate ABC 123", _with("plate {}", _like("AAA 999"))),
    Notation("device", "S/N 12345678", _with("S/N {}", _like("99999999"))),
    Notation("device", "serial: AB12C34567", _with("serial: {}", _like("AA99A99999"))),
    Notation("device", "AB12C34567", _like("AA99A99999"), ids=False),
    Notation("device", "UDI", _like("(01)00899999999995(11)269999(21)A99999")),
    Notation("device", "IMEI", _imei),
    Notation("device", "MAC", _like("hh:hh:hh:hh:hh:hh")),
    Notation("url", "https://…", lambda r: f"https://www.example.org/p/{r.randrange(9999)}?id={r.randrange(999)}"),
    Notation("url", "www.…", lambda r: f"www.{_letters(r, 6).lower()}.com"),
    Notation("url", "bare domain and path", lambda r: f"facebook.com/{_letters(r, 8).lower()}"),
    Notation("ip-address", "IPv4", lambda r: ".".join(str(r.randrange(1, 255)) for _ in range(4))),
    Notation("ip-address", "IPv4 and port", lambda r: ".".join(str(r.randrange(1, 255)) for _ in range(4)) + ":8080"),
    Notation("ip-address", "IPv6", _like("2001:db8:hhhh:hhhh:hhhh:hhhh:hhhh:hhhh")),
    Notation("ip-address", "IPv6, short", _like("fe80::hhhh:hhhh")),
    Notation("biometric", "fingerprint file", _like("finger_9999.wsq")),
    Notation("biometric", "voice file", _like("rec/9999-99.wav")),
    Notation(
        "biometric", "face embedding", lambda r: "[" + ", ".join(f"{r.gauss(0, 1):.4f}" for _ in range(128)) + "]"
    ),
    Notation("biometric", "template", _blob("Rk1SACAyMAA", 200)),
    Notation("biometric", "DNA", lambda r: "".join(r.choices("ACGT", k=60))),
    Notation("picture", "file", _like("IMG_9999.JPG")),
    Notation("picture", "path", _like("/data/faces/9999/front.png")),
    Notation("picture", "JPEG in base64", _blob("/9j/4AAQSkZJRg", 400)),
    Notation("picture", "data:image", _blob("data:image/png;base64,iVBORw0KGgo", 100)),
    Notation("picture", "bytes in hex", lambda r: "ffd8ffe0" + "".join(r.choices("0123456789abcdef", k=300))),
    Notation("other", "UUID", _like("hhhhhhhh-hhhh-4hhh-8hhh-hhhhhhhhhhhh"), ids=False),
    Notation("other", "hash", _like("h" * 40), ids=False),
    Notation("other", "@handle", lambda r: "@" + _letters(r, 7).lower()),
    Notation("other", "passport no. C1234567", _with("passport no. {}", _like("A9999999"))),
    Notation("other", "token", _blob("", 32), ids=False),
    Notation("name", "last names, first names", lambda r: f"{_last(r)} {_last(r)}, {_first(r)} {_first(r)}"),
    Notation("name", "first_last84", lambda r: f"{_first(r)[0]}{_last(r)}{r.randrange(50, 99)}".lower(), ids=False),
    Notation("name", "Cyrillic", lambda r: f"{r.choice(_RUSSIAN_LAST)} {r.choice(_RUSSIAN_FIRST)}"),
    Notation("name", "initials", lambda r: f"{_letters(r, 1)}.{_letters(r, 1)}.", ids=False),
    Notation("place", "Dutch post code", _like("8999 AA"), ids=False),
    Notation(
        "place",
        "plus code",
        lambda r: (
            "8FW4" + "".join(r.choices("23456789CFGHJMPQRVWX", k=4)) + "+" + "".join(r.choices("23456789CFGH", k=2))
        ),
    ),
    Notation(
        "place",
        "flat, house and street",
        lambda r: f"Apt {r.randrange(1, 40)}B, {r.randrange(1, 99)} {r.choice(_STREETS)} Close",
    ),
    Notation(
        "place",
        "town and region",
        lambda r: f"{r.choice(_TOWNS)}, {r.choice(['Oberösterreich', 'Yorkshire', 'Antrim'])}",
        ids=False,
    ),
    Notation("date", "Mon, 02 Mar 2026", _dated("%a, %d %b %Y")),
    Notation("date", "2026 03 02", _dated("%Y %m %d")),
    Notation("date", "02-03-26", _dated("%d-%m-%y"), ids=False),
    Notation("date", "2-Mar", lambda r: f"{_day(r).day}-{_day(r):%b}", ids=False),
    Notation("date", "20260302T101500Z", _dated("%Y%m%dT%H%M%SZ")),
    Notation("date", "2026-061", _dated("%Y-%j"), ids=False),
    Notation("date", "days since 1900", lambda r: str(r.randrange(36000, 46000)), ids=False),
    Notation("date", "milliseconds since 1970", lambda r: _epoch(r) + "000", ids=False),
    Notation("date", "2026年3月2日", lambda r: f"{_day(r).year}年{_day(r).month}月{_day(r).day}日"),
    Notation("date", "full-width digits", lambda r: _day(r).strftime("%Y/%m/%d").translate(_WIDE)),
    Notation("date", "month", _dated("%B"), ids=False),
    Notation("age-over-89", "age 97 yrs", lambda r: f"age {r.randrange(91, 106)} yrs"),
    Notation(
        "age-over-89", "ninety-seven years old", lambda r: f"ninety-{r.choice(['one', 'four', 'seven'])} years old"
    ),
    Notation("phone", "+1 (212) 555-0123 x4", _like("+1 (829) 899-9999 x9")),
    Notation("phone", "tel:+12125550123", _like("tel:+18298999999")),
    Notation("phone", "(0664) 1234567", _like("(0664) 8999999")),
    Notation("phone", "212 5550123", lambda r: r.choice(["212", "617", "312"]) + " " + _like("8999999")(r)),
    Notation("fax", "a plain number", _like("829-899-9998")),
    Notation("e-mail", "mailto:", lambda r: f"mailto:{_letters(r, 6).lower()}@{r.choice(_DOMAINS)}"),
    Notation("e-mail", "no dot", lambda r: f"{_letters(r, 6).lower()}@clinic", ids=False),
    Notation("social-security", "SSN123456789", lambda r: "SSN" + "".join(_ssn(r))),
    Notation("social-security", "Swiss", _swiss),
    Notation("social-security", "German tax number", _like("89 999 999 999"), ids=False),
    Notation("record-number", "Pat-No 123456", _with("Pat-No {}", _like("999999"))),
    Notation("record-number", "case 2026/1234", lambda r: f"case {r.randrange(2015, 2027)}/{_digits(r, 4)}", ids=False),
    Notation(
        "vehicle",
        "Austrian plate",
        lambda r: f"{r.choice(['W', 'G', 'GM'])}-{_digits(r, 4)}{_letters(r, 1)}",
        ids=False,
    ),
    Notation("device", "Medtronic-like", _like("AAA999999A"), ids=False),
    Notation("url", "short link", lambda r: f"bit.ly/{_letters(r, 7)}"),
    Notation("ip-address", "network", lambda r: f"10.{r.randrange(255)}.{r.randrange(255)}.0/24"),
    Notation("picture", "camera's number", _like("DSC09999"), ids=False),
    Notation("free-text", "a sentence", _prose(8, 14)),
    Notation("free-text", "a story", _prose(30, 80)),
)

COLUMN_NAMES = {
    "name": _words(
        "first_name, PatientName, Last Name, surname, fullName, maiden-name, Vorname, apellidos, next_of_kin", ", "
    ),
    "place": _words(
        "address, streetAddress, City, county, ZIP, zip_code, postcode, PLZ, latitude, home_town, ADDRESS_LINE_2", ", "
    ),
    "date": _words(
        "dob, DateOfBirth, birth date, admission_date, dischargeDate, date_of_death, visit_timestamp, Geburtsdatum",
        ", ",
    ),
    "phone": _words(
        "phone, Phone Number, homePhone, mobile_no, telephone, tel, cell_phone, Handynummer, patient_phone_1", ", "
    ),
    "fax": _words("fax, FaxNumber, fax_no, home fax", ", "),
    "e-mail": _words("email, e-mail, EmailAddress, contact_email, correo", ", "),
    "social-security": _words(
        "ssn, SSN, social_security_no, SocialSecurityNumber, NINO, national_id, codice_fiscale", ", "
    ),
    "record-number": _words(
        "mrn, MRN, medicalRecordNumber, hospital_no, nhs_number, patient_id, PatientNumber, chart_number", ", "
    ),
    "health-plan": _words(
        "insurance_number, member_id, policyNumber, beneficiary_id, subscriber id, Versichertennummer", ", "
    ),
    "account": _words("account, account_number, acctNo, IBAN, credit_card, bank account number", ", "),
    "licence": _words("licence, license_number, drivers_license, DEA, npi_number, certificate_no", ", "),
    "vehicle": _words("vin, VIN, license_plate, numberPlate, vehicle_registration, Kennzeichen", ", "),
    "device": _words("serial_number, deviceSerial, device_id, udi, IMEI, implant_serial_no, mac_address", ", "),
    "url": _words("url, website, home_page, profileUrl", ", "),
    "ip-address": _words("ip, ip_address, clientIP, ipv4", ", "),
    "biometric": _words("fingerprint, iris_scan, voicePrint, face_embedding, dna_sequence", ", "),
    "picture": _words("photo, face_image, profilePicture, photo_url, image_file", ", "),
    "other": _words("username, passport_no, user_id, employee_id, barcode", ", "),
    "free-text": _words("notes, Comments, free_text, clinical_note, other_specify, Bemerkungen", ", "),
}


# ---- what is none ----


_DRUGS = _words(
    """Hydrocodone Bitartrate|Oxycodone Hydrochloride|Parecoxib|Nefopam|St. John's wort|Co-codamol 30/500
    |Lidocaine 5% plaster|MS Contin|Botulinum Toxin Type A|OxyContin 80|Sufentanil""",
    "|",
)
_DIAGNOSES = _words(
    """Parkinson Disease|Morton neuroma|Charcot-Marie-Tooth disease|Ehlers-Danlos Syndrome|De Quervain tenosynovitis
    |Failed Back Surgery Syndrome|Pain, pelvic|Morgellons|Osgood-Schlatter disease""",
    "|",
)


def _clean(r: random.Random) -> Iterator[tuple[str, list[object]]]:
    """Columns in which nothing tells who somebody is, under names that say nothing of it."""

    def seldom(words: Sequence[str], other: Callable[[], str]) -> str:
        return r.choice(words) if r.random() < 0.95 else other()

    kinds: dict[str, Callable[[], object]] = {
        "arm": lambda: r.choice(["A", "B", "C"]),
        "centre": lambda: r.choice(["01", "02", "03", "17"]),
        "site": lambda: r.choice(["S-01", "S-02", "S-03"]),
        "wave": lambda: r.randrange(1, 5),
        "weight": lambda: round(r.uniform(45, 130), 1),
        "height_cm": lambda: r.randrange(145, 200),
        "bmi": lambda: f"{r.uniform(17, 42):.1f}",
        "egfr": lambda: r.uniform(15, 120),
        "egfr_text": lambda: str(r.uniform(15, 120)),
        "platelets": lambda: r.randrange(150, 450) * 1000,
        "steps": lambda: r.randrange(0, 20000),
        "steps_text": lambda: str(r.randrange(0, 20000)),
        "bp": lambda: f"{r.randrange(95, 180)}/{r.randrange(55, 110)}",
        "score": lambda: r.randrange(0, 101),
        "score_range": lambda: r.choice(["0-3", "4-6", "7-10"]),
        "percent": lambda: f"{r.randrange(0, 100)}%",
        "icd10": lambda: r.choice(["M54.5", "M79.7", "G90.5", "G43.109", "R52.2"]),
        "atc": lambda: r.choice(["N02AA01", "N02BE01", "N03AX16", "M01AE01"]),
        "cpt": lambda: r.choice(["62323", "64483", "63650", "99213"]),
        "snomed": lambda: r.choice(["279039007", "82423001", "203082005", "37796009"]),
        "rxnorm": lambda: r.choice([7052, 5640, 10689, 25480]),
        "loinc": lambda: r.choice(["72514-3", "38208-5", "33914-3"]),
        "dose": lambda: f"{r.choice([5, 10, 20, 25, 50])} mg",
        "dose_often": lambda: f"{r.choice([5, 10, 300])} mg {r.choice(['twice', 'three times'])} a day",
        "drug_name": lambda: r.choice(
            ["Morphine Sulfate", "Gabapentin", "MS Contin", "Amitriptyline", "Tramadol Hydrochloride"]
        ),
        "diagnosis": lambda: r.choice(
            ["Low back pain", "Complex Regional Pain Syndrome", "Fibromyalgia", "Pain, chronic"]
        ),
        "lasted": lambda: f"{r.randrange(1, 40)} {r.choice(['weeks', 'months', 'years'])}",
        "year_of_injury": lambda: r.randrange(1990, 2026),
        "year_text": lambda: str(r.randrange(1990, 2026)),
        "clock": lambda: f"{r.randrange(24):02}:{r.randrange(60):02}",
        "smoker": lambda: r.choice(["yes", "no", "former"]),
        "employed": lambda: r.choice([True, False, None]),
        "ethnicity": lambda: r.choice(["White", "Black or African American", "Asian", "Hispanic or Latino"]),
        "religion": lambda: r.choice(["christian", "muslim", "jewish", "none"]),
        "state": lambda: r.choice(["Georgia", "Virginia", "California", "Washington"]),
        "country": lambda: r.choice(["Austria", "France", "United Kingdom"]),
        "likert": lambda: r.choice(["Strongly agree", "Agree", "Neutral", "Disagree", "Strongly disagree"]),
        "traffic": lambda: r.choice(["green", "amber", "red"]),
        "mood_label": lambda: r.choice(["A little of the time, but more than in the week before", "Most of the time"]),
        "version": lambda: r.choice(["1.2.0", "1.3.1", "2.0.0"]),
        "visit_no": lambda: f"V{r.randrange(1, 9)}",
        "ratio": lambda: r.gauss(0, 1),
        "angle": lambda: f"{r.randrange(0, 180)}°",
        "gene": lambda: r.choice(["CYP2D6", "HLA-B*1502", "COMT"]),
        "variant": lambda: r.choice(["c.1846G>A", "p.Val158Met", "rs3892097"]),
        "grade": lambda: r.choice(["KL 2", "KL 3", "ASA II", "ASA III"]),
        "level": lambda: r.choice(["L4/5", "L5/S1", "C5/6"]),
        "nerve": lambda: r.choice(["median", "ulnar", "sciatic"]),
        "blocked": lambda: r.choice(["yes", "no"]),
        "phone_visits": lambda: r.randrange(0, 9),
        "age_at_onset": lambda: r.randrange(12, 80),
        "age_group": lambda: r.choice(["18-29", "30-49", "50-69", "70-89", "90+"]),
        "gestational_age_days": lambda: r.randrange(150, 290),
        "ip_joint": lambda: r.choice(["left", "right"]),
        "vehicle_accident": lambda: r.choice(["driver", "passenger", "none"]),
        "medicaid": lambda: r.choice(["yes", "no"]),
        "has_phone": lambda: r.choice([0, 1]),
        "cost": lambda: round(r.uniform(10, 20000), 2),
        "missing_code": lambda: r.choice([-9, 99, 999, 9999999, 5]),
        "constant": lambda: "cohort-2026",
        # The words of a code, of which most are seldom:
        "icd10_long": lambda: seldom(["M54.5", "M79.7"], lambda: f"{_letters(r, 1)}{_digits(r, 2)}.{r.randrange(10)}"),
        "pcs": lambda: seldom(["3E0R3BZ", "00HU0MZ"], lambda: f"{_digits(r, 2)}{_letters(r, 2)}{r.randrange(10)}ZZ"),
        "hcpcs": lambda: seldom(["J3301", "L8680"], lambda: f"{r.choice('JLG')}{_digits(r, 4)}"),
        "cpt_long": lambda: seldom(["62323", "64483"], lambda: _digits(r, 5, "69")),
        "ndc": lambda: seldom(
            ["0378-4150-01", "0781-1506-10"], lambda: f"{_digits(r, 4, '0')}-{_digits(r, 4)}-0{_digits(r, 1)}"
        ),
        "atc_long": lambda: seldom(
            ["N02AA01"], lambda: f"{_letters(r, 1)}0{r.randrange(1, 9)}{_letters(r, 2)}{_digits(r, 2)}"
        ),
        "loinc_long": lambda: seldom(["72514-3"], lambda: f"{_digits(r, 5, '12345678')}-{r.randrange(10)}"),
        "drug_long": lambda: seldom(["Morphine", "Tramadol"], lambda: r.choice(_DRUGS)),
        "diagnosis_long": lambda: seldom(["Low back pain"], lambda: r.choice(_DIAGNOSES)),
        "dose_long": lambda: seldom(["10 mg", "20 mg"], lambda: f"{r.randrange(1, 4000) / 4:g} mg/day"),
        "lab": lambda: seldom(["<5", "negative"], lambda: f"{r.uniform(0, 400):.2f}"),
    }
    for name, make in kinds.items():
        yield name, [make() for _ in range(ROWS)]


def _clean_ids(r: random.Random) -> Iterator[tuple[str, list[object]]]:
    """Case ids that tell nothing."""
    kinds: dict[str, Callable[[int], object]] = {
        "1, 2, 3": lambda i: i,
        "case-000001": lambda i: f"case-{i:06}",
        "P0001": lambda i: f"P{i:04}",
        "1001-017": lambda i: f"{1000 + i % 7}-{i:03}",
        "UK-03-0172": lambda i: f"UK-{i % 9:02}-{i:04}",
        "random integer": lambda _: r.randrange(10**9),
        "random 10 digits": lambda _: str(r.randrange(10**9, 10**10)),
        "random 12 digits": lambda _: str(r.randrange(10**11, 10**12)),
        "zero-padded": lambda i: f"{i:010}",
        "UUID": lambda _: _like("hhhhhhhh-hhhh-4hhh-8hhh-hhhhhhhhhhhh")(r),
        "hex": lambda _: _like("h" * 32)(r),
        "short code": lambda _: _like("AAA999")(r),
        "base 36": lambda _: "".join(r.choices(string.ascii_uppercase + string.digits, k=10)),
    }
    for how, make in kinds.items():
        yield how, [make(i) for i in range(1, ROWS + 1)]


def _of_the_table(r: random.Random, table: Table) -> Iterator[tuple[str, list[object]]]:
    """Every column of the table, with cells as it allows."""
    for name, column in table.columns.items():
        words = column.values or table.medicine_names
        most = min(column.most, 89)
        yield (
            name,
            [
                r.choice([None, r.choice(words) if column.kind != "number" else round(r.uniform(0, most))])
                for _ in range(ROWS)
            ],
        )


# ---- measured ----


def _found(frame: pl.DataFrame, table: Table, column: str, id_column: str | None = None) -> dict[str, int]:
    return {f.category: f.rows for f in look(frame, table, id_column) if f.column == column and f.told_by == "values"}


def measure(table: Table, seed: int = SEED) -> list[Row]:
    """Each notation tried in its three ways."""
    rows = []
    for number, notation in enumerate(NOTATIONS):
        r = random.Random(seed + number)
        cells = [notation.make(r) for _ in range(ROWS)]
        found = _found(pl.DataFrame({"c17": cells}), table, "c17")
        among = [r.choice(["mild", "moderate", "severe"]) for _ in range(ROWS - 2)] + cells[:2]
        sparse = bool(_found(pl.DataFrame({"c17": among}), table, "c17"))
        ids = bool(_found(pl.DataFrame({"id": cells}), table, "id", "id")) if notation.ids else None
        share = max(found.values(), default=0) / ROWS
        rows.append(Row(notation.category, notation.how, bool(found), notation.category in found, share, sparse, ids))
    return rows


def measure_names(table: Table) -> dict[str, list[str]]:
    """The names of columns that were not found, of each kind."""
    missed = {}
    for category, columns in COLUMN_NAMES.items():
        told = {finding.column for finding in names(columns, table)}
        missed[category] = [column for column in columns if column not in told]
    return missed


def measure_alarms(table: Table, seed: int = SEED) -> tuple[list[str], dict[str, int]]:
    """The clean columns that were taken for identifiers; and how many there were: of the table, and of others."""
    r = random.Random(seed)
    alarms, tried = [], {"known": 0, "unknown": 0}
    for which, columns in (("known", dict(_of_the_table(r, table))), ("unknown", dict(_clean(r)))):
        as_text = {name: [None if cell is None else str(cell) for cell in cells] for name, cells in columns.items()}
        for how, cells in (("", columns), (" as text", as_text)):
            frame = pl.DataFrame(cells, strict=False)
            tried[which] += frame.width
            alarms += [f"{finding.column}{how}: {finding.category}" for finding in look(frame, table)]
    for how, ids in _clean_ids(r):
        tried["unknown"] += 1
        alarms += [f"ids like {how}: {finding.category}" for finding in look(pl.DataFrame({"id": ids}), table, "id")]
    return alarms, tried


def report(table: Table) -> tuple[list[str], dict[str, float]]:
    """The figures of each kind as a table of Markdown with what was missed below, and the shares of all."""
    rows, missed = measure(table), measure_names(table)
    alarms, tried = measure_alarms(table)
    lines = ["| kind | names | columns | by their kind | two cells | case ids |", "|---|---|---|---|---|---|"]
    for category in dict.fromkeys(row.category for row in rows):
        own = [row for row in rows if row.category == category]
        listed = COLUMN_NAMES.get(category, [])
        told = [
            [name not in missed[category] for name in listed],
            [row.column for row in own],
            [row.rightly for row in own],
            [row.sparse for row in own],
            [row.ids for row in own if row.ids is not None],
        ]
        lines.append(f"| {category} | {' | '.join(f'{sum(each)} of {len(each)}' if each else '' for each in told)} |")
    shares = {
        "columns": _share([row.column for row in rows]),
        "names": 1 - sum(map(len, missed.values())) / sum(map(len, COLUMN_NAMES.values())),
        "cells": _share([row.sparse for row in rows]),
        "ids": _share([row.ids for row in rows if row.ids is not None]),
        "alarms": len(alarms) / tried["unknown"],
    }
    counted = {
        "missed column": [row for row in rows if not row.column],
        "taken for another kind": [row for row in rows if row.column and not row.rightly],
        "not all of its cells counted": [row for row in rows if row.column and row.share < 0.9],
        "missed where two cells of a code": [row for row in rows if not row.sparse],
        "missed as case ids": [row for row in rows if row.ids is False],
    }
    for said, these in counted.items():
        lines += ["", f"{said}: {'; '.join(f'{row.category} ({row.how})' for row in these) or 'none'}"]
    lines += ["", f"missed names: {', '.join(name for names in missed.values() for name in names) or 'none'}"]
    lines += ["", f"alarms: {'; '.join(alarms) or 'none'}", ""]
    lines += [f"{len(rows)} notations; clean columns: {tried}; " + ", ".join(f"{k} {v:.3f}" for k, v in shares.items())]
    return lines, shares


def _share(told: Sequence[bool]) -> float:
    return sum(told) / len(told)


def claims(rounds: int = 5) -> list[Claim]:
    """What the guard finds and how often it cries for nothing; and what it costs where there is nothing."""
    table = Table(compiled().base)
    _, sums = report(table)
    what = {
        "columns": "identifiers found, as columns under names that say nothing",
        "names": "identifiers found by the names of their columns",
        "cells": "identifiers found in two cells of two hundred",
        "ids": "identifiers found as case ids",
    }
    made = [
        Claim(said, sums[key], f"at least {LEAST[key]:g}", sums[key] >= LEAST[key], "") for key, said in what.items()
    ]
    alarms = sums["alarms"]
    made.append(Claim("alarms : clean columns", alarms, f"at most {MOST_ALARMS:g}", alarms <= MOST_ALARMS, ""))
    r = random.Random(SEED)
    known = [name for name, column in table.columns.items() if column.kind == "yes-no"][:50]
    frame = pl.DataFrame({name: r.choices(["yes", "no", "unknown", None], k=50_000) for name in known})
    runs = {"look": lambda: look(frame, table), "unique": lambda: [cells.unique() for cells in frame.get_columns()]}
    seconds = in_turns(runs, rounds)
    ratio = seconds["look"] / seconds["unique"]
    made.append(Claim("looking at known columns : their different values", ratio, "at most 2", ratio <= 2, ""))
    return made


if __name__ == "__main__":
    print("\n".join(report(Table(compiled().base))[0]))
    sys.exit(0)
