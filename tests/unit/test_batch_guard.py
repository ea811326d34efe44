from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathway.batch.guard import (
    AS_OF,
    REFUSED,
    REMOVED,
    Finding,
    Step,
    apply,
    hash_id,
    look,
    names,
    plan,
    refuse,
    remaining,
    summed,
    together,
)
from pathway.batch.identifiers import CATEGORIES, _numbered, by_name, marked, most_cells, one_cell, words_of
from pathway.cache import load
from pathway.problem import Problems
from pathway.table import Table

KEY = b"a key that nobody is to know, ever"


@lru_cache
def rules() -> Table:
    return Table(load().base)


@pytest.fixture
def table() -> Table:
    return rules()


def found(frame: pl.DataFrame, table: Table, column: str, id_column: str | None = None) -> dict[str, int]:
    told = look(frame, table, id_column)
    return {finding.category: finding.rows for finding in told if finding.column == column}


def cells(*values: object) -> pl.DataFrame:
    return pl.DataFrame({"c17": list(values)}, strict=False)


# ---- by name ----


@pytest.mark.parametrize(
    ("category", "columns"),
    [
        ("name", "first_name Surname patientName full-name Nachname apellidos initials next_of_kin mother_maiden_name"),
        ("place", "address city COUNTY zip ZIP5 postcode PLZ hospital_name latitude addressLine2 home_town"),
        ("date", "dob DateOfBirth DateofBirth admission_date visitdate date timestamp created_at Geburtsdatum as_of"),
        ("phone", "phone homePhone phone_1 mobile_no telephone téléphone cell patient_phone_number"),
        ("fax", "fax FAX_no faxNumber"),
        ("e-mail", "email e-mail EMail contact_email courriel"),
        ("social-security", "ssn SSN social_security_no NINO national_id codice_fiscale ssn_last4"),
        ("record-number", "mrn MRN medicalRecordNumber nhs_number patient_id hospital_no"),
        ("health-plan", "insurance_number member_id policyNumber beneficiary_id Versichertennummer"),
        ("account", "account acct_no IBAN credit_card"),
        ("licence", "licence license_number drivers_license npi_number DEA"),
        ("vehicle", "vin license_plate numberPlate Kennzeichen"),
        ("device", "serial_no deviceSerial udi IMEI implant_id"),
        ("url", "url website home_page"),
        ("ip-address", "ip ip_address clientIP ipv4"),
        ("biometric", "fingerprint iris_scan voicePrint face_embedding"),
        ("picture", "photo face_image profilePicture photo_url2"),
        ("other", "username passport_no employee_id"),
        ("free-text", "notes Comments free_text other_specify"),
    ],
)
def test_a_name_tells_what_stands_in_a_column_however_it_is_spelt(category, columns, table):
    for column in columns.split():
        if column == "photo_url2":
            assert by_name(column) == "url"
            continue
        assert names([column], table) == [Finding(column, category, "name")], column


def test_every_category_is_told_by_some_name_but_the_ages():
    told = {by_name(name) for name in ("surname", "zip", "dob", "phone", "fax", "email", "ssn", "mrn", "member id")}
    told |= {by_name(name) for name in ("iban", "licence", "vin", "udi", "url", "ip", "iris scan", "photo", "passport")}
    assert told | {by_name("notes"), "age-over-89"} == set(CATEGORIES)


def test_names_that_only_sound_like_it_are_let_pass(table):
    sounding = """
        centre site arm wave weight height drug_name medicine_name faces_scale ip_joint phone_visits age
        vehicle_accident plate_fixation image_guided serial_casting photophobia blood_cell pain_location
        group_number n_visits has_phone year_of_birth update time_to_relief country state iris_colour license_status
        birth_weight"""
    for column in sounding.split():
        assert names([column], table) == [], column


def test_a_column_of_the_table_is_above_suspicion_by_its_name(table):
    assert names(list(table.columns), table) == []
    assert names(["trials.massage.2.result", "pain.sites.face", "medicines.other"], table) == []


def test_the_ids_may_well_be_called_patient_id_but_not_mrn(table):
    assert names(["patient_id"], table, "patient_id") == []
    assert names(["mrn"], table, "mrn") == [Finding("mrn", "record-number", "name")]
    assert names(["patient_id"], table, "id") == [Finding("patient_id", "record-number", "name")]


def test_a_name_is_passed_over_where_the_cells_say_no_more_than_yes_or_no(table):
    frame = pl.DataFrame({"medicaid": ["yes", "no", None], "phone": [True, False, None], "photo": [0, 1, 1]})
    assert look(frame, table) == []
    assert found(pl.DataFrame({"phone": [None, None]}), table, "phone") == {"phone": 0}


def test_a_case_in_the_place_of_the_header_is_told_by_its_number(table):
    header = ["1", "ana@example.org", "1957-03-02", "20260302", "Ana Garcia", "yes"]
    told = names(header, table)
    assert {(finding.column, finding.category) for finding in told} == {
        ("column 2", "e-mail"),
        ("column 3", "date"),
        ("column 4", "other"),
        ("column 5", "name"),
    }
    assert {finding.told_by for finding in told} == {"header"}
    assert not any(cell in repr(told) for cell in header[1:5])


def test_words_of_a_name():
    assert words_of("patientDOB_2") == ("patient", "dob", "2")
    assert words_of("Straße  Nr.") == ("strasse", "nr")
    assert words_of("") == ()


# ---- by cells ----


@pytest.mark.parametrize(
    ("category", "cell"),
    [
        ("name", "Dr. Okonkwo"),
        ("name", "seen with Maria Garcia"),
        ("name", "GARCIA, MARIA"),
        ("place", "12 Church Road"),
        ("place", "Hauptstraße 7"),
        ("place", "5 rue de Rivoli"),
        ("place", "Boise, ID 83702"),
        ("place", "02139-4307"),
        ("place", "SW1A 1AA"),
        ("place", "47.92100, 13.79910"),
        ("place", "Cook County"),
        ("date", "1957-03-02"),
        ("date", "2026/3/2 10:15"),
        ("date", "02.03.1957"),
        ("date", "3/2/57"),
        ("date", "2 March 1957"),
        ("date", "Mar 2, 1957"),
        ("date", "2 mars 1957"),
        ("date", "March 1957"),
        ("date", "03/1957"),
        ("date", "2026-W10"),
        ("date", "2026-Q1"),
        ("date", "since 2nd of March"),
        ("date", "١٩٥٧/٠٣/٠٢"),
        ("date", "1957\u201003\u201002"),
        ("age-over-89", "a 97-year-old"),
        ("age-over-89", "aged 93"),
        ("phone", "(212) 555-0123"),
        ("phone", "+43 664 1234567"),
        ("phone", "020 7946 0958"),
        ("phone", "tel. 5550123"),
        ("fax", "Fax: 212-555-0123"),
        ("e-mail", "ana@example.org"),
        ("e-mail", "ana [at] example [dot] org"),
        ("social-security", "123-45-6789"),
        ("social-security", "XXX-XX-6789"),
        ("record-number", "MRN: 00123456"),
        ("record-number", "MRN00123456"),
        ("health-plan", "1EG4-TE5-MK73"),
        ("health-plan", "Member ID: XYZ123456789"),
        ("account", "DE89 3704 0044 0532 0130 00"),
        ("account", "4111 1111 1111 1111"),
        ("licence", "DL S123-4567-8901"),
        ("vehicle", "1HGCM82633A004352"),
        ("device", "S/N 12345678"),
        ("device", "00:1b:44:11:3a:b7"),
        ("url", "https://example.org/p/7"),
        ("url", "www.example.org"),
        ("ip-address", "192.168.1.17"),
        ("ip-address", "fe80::1ff:fe23"),
        ("biometric", "finger_7.wsq"),
        ("picture", "IMG_0007.JPG"),
        ("picture", "/9j/4AAQSkZJRgABAQ"),
        ("other", "@ana_g"),
        ("other", "passport no. C1234567"),
        ("free-text", "told us at length that it began after the fall and got no better with any of the pills"),
    ],
)
def test_one_cell_tells(category, cell, table):
    frame = cells(*["mild", "severe"] * 30, cell)
    assert found(frame, table, "c17").get(category) == 1
    known = pl.DataFrame({"blood_pressure": ["normal", "severe"] * 30 + [cell]})
    assert found(known, table, "blood_pressure").get(category) == 1


@pytest.mark.parametrize(
    ("category", "make"),
    [
        ("name", lambda i: ["Ngozi", "Maria", "Peter", "Saoirse"][i % 4]),
        ("name", lambda i: f"{'ZQW'[i % 3]}{'aeiou'[i % 5]}rim Bel{'aeiou'[i // 5 % 5]}nk{'lmnr'[i % 4]}ic"),
        ("place", lambda i: ["Wien", "Graz", "Leeds", "Gmunden"][i % 4]),
        ("place", lambda i: f"{(i * 997) % 90000 + 1000:05}"),
        ("date", lambda i: f"1957{i % 12 + 1:02}{i % 28 + 1:02}"),
        ("date", lambda i: f"{i % 28 + 1:02}{i % 12 + 1:02}57"),
        ("phone", lambda i: f"212555{i:04}"),
        ("social-security", lambda i: f"{100 + i * 5}45{i + 1000}"),
        ("record-number", lambda i: f"{(i * 7919) % 10**7 + 10**7}"),
        ("record-number", lambda i: f"H{i * 37 + 1234567}"),
        ("vehicle", lambda i: f"B-{'ABCDE'[i % 5]}K {i + 17}"),
        ("other", lambda i: f"{i:08x}-1b2c-4d3e-8f4a-0123456789ab"),
        ("other", lambda i: f"jsz{'abcdefghij'[i // 10]}{'klmnopqrst'[i % 10]}"),
        ("free-text", lambda i: f"it hurts {i} times more than the week before"),
    ],
)
def test_a_column_of_them_tells(category, make, table):
    frame = cells(*[make(i) for i in range(100)])
    assert found(frame, table, "c17").get(category, 0) >= 40
    assert not found(cells("mild", "severe", "mild"), table, "c17")


def test_an_odd_cell_tells_in_a_column_of_few_words(table):
    assert found(cells(*["yes", "no"] * 50, "2125550123"), table, "c17") == {"phone": 1}


def test_numbers_are_read_as_well(table):
    whole = [2125550000 + i for i in range(50)]
    assert found(cells(*whole), table, "c17") == {"phone": 50}
    assert found(cells(*[float(number) for number in whole], None), table, "c17") == {"phone": 50}
    assert found(pl.DataFrame({"pain.duration_days": [19570302 + i for i in range(20)]}), table, "pain.duration_days")


def test_a_long_number_is_read_to_its_last_digit(table):
    cards = pl.DataFrame(
        {"c17": [4111111111111111, 5555555555554444, 4012888888881881, 5105105105105100, 4222222222222220]}
    )
    assert found(cards, table, "c17") == {"account": 5}
    assert not found(pl.DataFrame({"c17": [Decimal("1.25"), Decimal("250000.75")]}), table, "c17")


def test_days_and_bytes_tell_by_their_type(table):
    frame = pl.DataFrame(
        {
            "c1": [date(1957, 3, 2), None],
            "c2": [datetime(1957, 3, 2, 10), datetime(1958, 1, 1)],
            "c3": [b"\xff\xd8\xff", None],
            "pain.intensity": [date(1957, 3, 2), None],
            "id": [date(1957, 3, 2), None],
        }
    )
    told = {finding.column: (finding.category, finding.rows) for finding in look(frame, table, "id")}
    dates = dict.fromkeys(("c1", "pain.intensity", "id"), ("date", 1))
    assert told == dates | {"c2": ("date", 2), "c3": ("picture", 1)}


def test_groups_and_lists_are_looked_into(table):
    frame = pl.DataFrame(
        {
            "c1": [{"who": "ana@example.org"}, {"who": None}],
            "c2": [["mild"], ["ana@example.org", "mild"]],
            "c3": [[0.1234] * 64, [0.5678] * 64],
        }
    )
    told = {(finding.column, finding.category) for finding in look(frame, table)}
    assert {("c1", "e-mail"), ("c2", "e-mail"), ("c3", "biometric")} <= told


def test_ages_over_89_are_found_and_the_category_of_all_of_them_is_not(table):
    assert found(pl.DataFrame({"age": [89, 90, 104, None]}), table, "age") == {"age-over-89": 2}
    assert found(pl.DataFrame({"age": ["89", "90 years", "104", "90+", "x"]}), table, "age") == {"age-over-89": 2}
    assert found(pl.DataFrame({"age_at_onset": [12, 93]}), table, "age_at_onset") == {"age-over-89": 1}
    groups = pl.DataFrame({"age_group": ["70-89", "90+", ">89", "90-94"]})
    assert found(groups, table, "age_group") == {"age-over-89": 1}
    assert not look(pl.DataFrame({"gestational_age_days": [280, 150], "stage": [91, 92]}), table)


# ---- what is none ----


def test_nothing_is_found_in_clean_columns(table):
    n = 60
    frame = pl.DataFrame(
        {
            "id": [f"case-{i:04}" for i in range(n)],
            "age": [i + 20 for i in range(n)],
            "sex": ["female", "male", None] * 20,
            "pain.duration_days": [i * 300 for i in range(n)],
            "illnesses.glaucoma": ["yes", "no", "unknown"] * 20,
            "medicines.morphine.form": ["patch", None, "patch"] * 20,
            "trials.opioid.medicine": ["morphine", None, "no such medicine"] * 20,
            "arm": ["A", "B", "C"] * 20,
            "centre": ["01", "02"] * 30,
            "bmi": [20 + i / 7 for i in range(n)],
            "bmi_text": [str(20 + i / 7) for i in range(n)],
            "bp": [f"{100 + i}/{60 + i % 30}" for i in range(n)],
            "platelets": [150_000 + 1000 * i for i in range(n)],
            "icd10": ["M54.5", "G90.5", "R52.2"] * 20,
            "drug_name": ["MS Contin", "Morphine Sulfate", "Gabapentin"] * 20,
            "diagnosis": ["Complex Regional Pain Syndrome", "Pain, chronic", "Fibromyalgia"] * 20,
            "dose": [f"{i + 1} mg/day" for i in range(n)],
            "lasted": [f"{i + 1} weeks" for i in range(n)],
            "year": [1990 + i % 30 for i in range(n)],
            "clock": [f"{i % 24:02}:{i:02}" for i in range(n)],
            "traffic": ["green", "amber", "red"] * 20,
            "state": ["Georgia", "Virginia", "Washington"] * 20,
            "religion": ["christian", "muslim", "none"] * 20,
            "constant": ["cohort-2026"] * n,
            "label": ["A little of the time, but more than in the week before", "Most of the time", None] * 20,
            "blank": [None] * n,
        }
    )
    assert look(frame, table, "id") == []
    text = frame.select(pl.all().cast(pl.String))
    assert look(text, table, "id") == []


@pytest.mark.parametrize(
    "make",
    [
        lambda i: i,
        lambda i: f"P{i:04}",
        lambda i: f"UK-{i % 9:02}-{i:04}",
        lambda i: (i * 2654435761) % 10**9,
        lambda i: f"{i:08x}-1b2c-4dec-8f4a-0123456789ab",
        lambda i: f"{i * 7919 + 12:032x}",
        lambda i: f"{i:010}",
        lambda i: 123_450_000 + i,
        lambda i: f"{234_560_000 + i * 9}",
    ],
)
def test_ids_that_tell_nothing_are_let_pass(make, table):
    assert look(pl.DataFrame({"id": [make(i) for i in range(200)]}), table, "id") == []


def test_national_numbers_that_lost_their_zeros_are_found_and_other_numbers_are_not(table):
    rng = random.Random(5)
    areas = [area for area in range(1, 773) if area != 666]
    people = [rng.choice(areas) * 10**6 + rng.randrange(1, 100) * 10**4 + rng.randrange(1, 10**4) for _ in range(2000)]
    assert look(pl.DataFrame({"id": people}), table, "id")
    assert look(pl.DataFrame({"id": [*map(float, people), 0.5]}), table, "id")
    for size in (10**7, 10**8, 10**9):
        assert look(pl.DataFrame({"id": [rng.randrange(size) for _ in range(2000)]}), table, "id") == []


@pytest.mark.parametrize(
    "age", ["0095", "9.5e1", "1e2", "9_5", "٩٥", "\uff19\uff15", "ninety-two", "a hundred", "Hundred"]
)
def test_an_age_over_89_is_found_however_it_is_written(age, table):
    assert found(pl.DataFrame({"age": [age, "50"]}), table, "age") == {"age-over-89": 1}


def test_ten_thousand_numbers_in_a_row_are_no_telephones(table):
    assert look(pl.DataFrame({"id": [2_125_550_000 + i for i in range(9_000)]}), table, "id")
    assert look(pl.DataFrame({"id": [2_125_550_000 + i for i in range(10_000)]}), table, "id") == []


@given(st.from_regex(r"\A[0-9A-Za-z][0-9]{0,18}\Z", alphabet=st.characters(max_codepoint=127)))
@settings(deadline=None, max_examples=500)
def test_what_is_passed_over_as_a_plain_number_bears_no_mark_of_one_cell(text):
    """So that it need not be looked into."""
    cell = pl.Series([text])
    if _numbered(cell).all():
        assert [mark.pattern for mark in one_cell() if cell.str.contains(mark.pattern).any()] == []


def test_a_plain_number_is_a_figure_or_letter_and_digits():
    told = _numbered(pl.Series(["p000123", "1234567", "Q12026", "p-00123", "pq00123", "é000123", "", None]))
    assert told.to_list() == [True, True, False, True, False, False, False, False]


@pytest.mark.parametrize(
    "make",
    [
        lambda i: f"p{i}@example.org",
        lambda i: f"123-45-{i + 1000}",
        lambda i: f"19570{i % 9 + 1}{i % 28 + 1:02}",
        lambda i: f"212555{i:04}",
        lambda i: f"{i * 37 % 600 + 1:03}{i % 99 + 1:02}{i * 131 + 1:04}",
        lambda i: ["Maria Garcia", "John Smith", "Wei Chen"][i % 3],
        lambda i: f"MRN{i + 10000}",
    ],
)
def test_ids_that_are_identifiers_are_found(make, table):
    assert look(pl.DataFrame({"id": [make(i) for i in range(60)]}), table, "id")


def test_no_kind_of_column_is_too_much(table):
    frame = pl.DataFrame(
        {
            "c1": pl.Series([None, None], dtype=pl.Null),
            "c2": [time(10, 15), None],
            "c3": [timedelta(days=3), None],
            "c4": [Decimal("1.25"), None],
            "c5": pl.Series(["mild", None], dtype=pl.Categorical),
            "c6": pl.Series(["mild", None], dtype=pl.Enum(["mild"])),
            "c7": [float("nan"), float("inf")],
            "c8": pl.Series([], dtype=pl.String).extend_constant(None, 2),
            "c9": [[], None],
            "age": [float("nan"), None],
            "sex": pl.Series(["male", None], dtype=pl.Categorical),
            "pain.intensity": [Decimal("3.5"), None],
            "blood_pressure": [["normal"], None],
            "mood.phq9": [float("inf"), 3.0],
        }
    )
    assert look(frame, table, "c1") == []
    assert look(frame.clear(), table) == []
    assert look(pl.DataFrame(), table) == []


def test_the_findings_of_chunks_are_added_up(table):
    first, second = cells("ana@example.org", "mild"), cells("eva@example.org", "bo@example.org")
    told = together([*look(first, table), *look(second, table)])
    assert told == [Finding("c17", "e-mail", "values", 3)]


def test_every_pattern_is_one_that_the_engine_reads():
    nothing = pl.Series(["mild"])
    for mark in (*one_cell(), *most_cells()):
        assert not nothing.str.contains(mark.pattern).any()
        assert mark.category in CATEGORIES
    assert marked(nothing, "unknown") == {}


# ---- refused ----


def test_a_refusal_names_column_kind_and_count_and_the_way_out(table):
    frame = pl.DataFrame({"mrn": ["a", "b"], "dob": ["1957-03-02", None], "story": ["x", "y"]})
    problems = refuse(look(frame, table, "mrn"), "cohort.csv", "mrn")
    assert [(p.kind, str(p.place)) for p in problems.items] == [
        ("identifier", "cohort.csv:mrn"),
        ("identifier", "cohort.csv:dob"),
        ("free-text", "cohort.csv:story"),
    ]
    ids, dates, story = problems.items
    assert ids.message == 'the id column "mrn" seems to hold medical record numbers (its name)'
    assert "--hash-ids" in ids.help
    assert dates.message == 'column "dob" seems to hold dates finer than a year (its name and 1 cell)'
    assert "--deidentify" in dates.help and "--drop dob" in dates.help
    assert story.message == 'column "story" seems to hold free text (its name)'


def test_a_refusal_of_nothing_is_none():
    with pytest.raises(ValueError, match="without a problem"):
        refuse([], "cohort.csv")


cell = st.one_of(
    st.text(min_size=1, max_size=60),
    st.sampled_from(
        ["{}@example.org", "Dr. {}", "MRN: {}123456", "https://{}.org", "{} was 97 years old", "{}, 1 May 1957"]
    ),
).map(lambda text: text.replace("{}", "Qzx") if "{}" in text else f"Qzx{text}")


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.one_of(st.none(), cell), min_size=1, max_size=30), st.sampled_from(["id", "c17", "age", "sex", "notes"])
)
def test_no_cell_is_ever_told(values, column):
    frame = pl.DataFrame({column: pl.Series(values, dtype=pl.String), "pain.began": pl.Series(values, dtype=pl.String)})
    findings = look(frame, rules(), "id")
    steps = plan(findings, frame.schema, rules(), date(2026, 3, 2), id_column="id", hash_ids=column == "id")
    _, done = apply(frame, steps, rules(), KEY)
    said = repr((findings, steps, done)) + "".join(step.told() for step in done)
    if findings:
        said += str(refuse(findings, "cohort.csv", "id"))
    assert "Qzx" not in said
    assert KEY.decode() not in said


# ---- made safe ----


def safe(frame: pl.DataFrame, table: Table, **more: object) -> tuple[pl.DataFrame, list[Step]]:
    findings = look(frame, table, "id")
    return apply(frame, plan(findings, frame.schema, table, id_column="id", **more), table, KEY)  # type: ignore[arg-type]


def test_a_column_that_nobody_knows_is_dropped(table):
    frame, steps = safe(pl.DataFrame({"id": ["a"], "e-mail": ["ana@example.org"], "arm": ["A"]}), table)
    assert frame.columns == ["id", "arm"]
    assert [step.told() for step in steps] == ['dropped column "e-mail": e-mail addresses']


@pytest.mark.parametrize(("ages", "capped"), [([89, 90, 104, None], [89, 90, 90, None]), (["89", "104"], ["89", "90"])])
def test_ages_over_89_become_one_category(ages, capped, table):
    frame, (step,) = safe(pl.DataFrame({"age": ages}), table)
    assert frame["age"].to_list() == capped
    assert "over 89 became 90, which stands for 90+" in step.told()


def test_what_stands_in_a_known_column_is_taken_out_with_its_row(table):
    frame, (step,) = safe(pl.DataFrame({"sex": ["male", "ana@example.org", "woman", None]}), table)
    assert frame["sex"].to_list() == ["male", REMOVED, "woman", None]
    assert (step.does, step.cells) == ("remove", 1)
    numbers = pl.DataFrame({"pain.duration_days": [19570302 + i for i in range(9)] + [30]})
    frame, (step,) = safe(numbers, table)
    assert frame["pain.duration_days"].to_list() == [REFUSED] * 9 + [30]


def test_days_of_the_pain_become_a_duration(table):
    began = ["2026-03-01", "2025-03-02T10:00:00Z", None, " ", "02.03.2025", "2026-02-30", "2026-03-03"]
    frame, steps = safe(pl.DataFrame({"pain.began": began}), table, as_of=date(2026, 3, 2))
    assert frame.columns == ["pain.duration_days"]
    assert frame["pain.duration_days"].to_list() == [1, 365, None, None, REFUSED, REFUSED, REFUSED]
    assert [(step.does, step.cells, step.refused) for step in steps] == [("days", 5, 3), ("drop", 0, 0)]
    assert "2026" not in "".join(step.told() for step in steps)


def test_days_count_to_the_day_that_each_row_says(table):
    frame = pl.DataFrame(
        {
            "pain.began": [date(2025, 1, 1), date(2025, 1, 1), date(2025, 1, 1)],
            AS_OF: ["2025-01-11", "soon", None],
        }
    )
    made, _ = safe(frame, table)
    assert made.to_dict(as_series=False) == {"pain.duration_days": [10, REFUSED, REFUSED]}
    made, _ = safe(frame, table, as_of=date(2025, 1, 2))
    assert made.to_dict(as_series=False) == {"pain.duration_days": [1, 1, 1]}


def test_a_day_and_a_duration_that_differ_are_not_both_believed(table):
    frame = pl.DataFrame({"pain.began": ["2025-01-01"] * 3 + [None], "pain.duration_days": [10, 11, None, 7]})
    made, _ = safe(frame, table, as_of=date(2025, 1, 11))
    assert made["pain.duration_days"].to_list() == [10, REFUSED, 10, 7]
    text = frame.with_columns(pl.col("pain.duration_days").cast(pl.String)).with_columns(
        pl.Series("pain.duration_days", ["10", "3 months", None, "7 days"])
    )
    made, _ = safe(text, table, as_of=date(2025, 1, 11))
    assert made["pain.duration_days"].to_list() == ["10.0", "-1.0", "10.0", "7 days"]


def test_days_of_a_trial_become_its_duration_and_tell_that_it_ended(table):
    frame = pl.DataFrame(
        {
            "trials.massage.began": ["2025-01-01", "2025-01-01", "2025-01-01", "2025-03-01", None, "2025-01-01", "x"],
            "trials.massage.ended": ["2025-02-01", None, None, "2025-01-01", "2025-01-01", "2025-02-01", None],
            "trials.massage.state": [None, "running", None, None, None, "running", None],
        }
    )
    made, steps = safe(frame, table, as_of=date(2025, 4, 1))
    assert made["trials.massage.duration_days"].to_list() == [31, 90, None, REFUSED, None, REFUSED, REFUSED]
    assert made["trials.massage.state"].to_list() == ["ended", "running", None, "ended", "ended", "running", None]
    assert set(made.columns) == {"trials.massage.state", "trials.massage.duration_days"}
    assert len([step for step in steps if step.does == "days"]) == 1


def test_a_second_trial_and_an_end_alone_are_understood(table):
    frame = pl.DataFrame({"trials.massage.2.began": ["2025-01-01"], "trials.opioid.ended": ["2025-01-01"]})
    made, _ = safe(frame, table, as_of=date(2025, 4, 1))
    assert made.to_dict(as_series=False) == {
        "trials.massage.2.duration_days": [None],
        "trials.opioid.duration_days": [None],
        "trials.opioid.state": ["ended"],
    }


def test_days_without_a_day_to_count_to_are_a_problem(table):
    frame = pl.DataFrame({"pain.began": ["2025-01-01"]})
    with pytest.raises(Problems) as caught:
        plan(look(frame, table), frame.schema, table)
    assert [problem.kind for problem in caught.value.items] == ["date-without-as-of"]


def test_ids_are_hashed_only_on_request_and_what_is_left_is_told(table):
    frame = pl.DataFrame({"id": ["ana@example.org", "eva@example.org"], "arm": ["A", "B"]})
    findings = look(frame, table, "id")
    steps = plan(findings, frame.schema, table, id_column="id")
    assert steps == []
    assert remaining(findings, steps) == findings
    steps = plan(findings, frame.schema, table, id_column="id", hash_ids=True)
    assert remaining(findings, steps) == []
    made, done = apply(frame, steps, table, KEY)
    assert look(made, table, "id") == []
    assert [step.told() for step in done] == ['"id": 2 cells became a keyed hash']
    with pytest.raises(ValueError, match="no key"):
        apply(frame, steps, table)


def test_a_file_without_a_header_cannot_be_made_safe(table):
    frame = pl.DataFrame({"ana@example.org": ["eva@example.org"]})
    findings = look(frame, table)
    left = remaining(findings, plan(findings, frame.schema, table))
    assert [(finding.column, finding.told_by) for finding in left] == [("column 1", "header")]
    assert "header line" in refuse(left, "cohort.csv").items[0].help


def test_what_was_made_safe_bears_nothing_more(table):
    frame = pl.DataFrame(
        {
            "id": [f"p{i}" for i in range(50)],
            "name": ["Maria Garcia"] * 50,
            "sex": ["male", "tel. 5550123"] * 25,
            "pain.began": ["2025-01-01"] * 50,
            "c17": [f"1957-03-{i % 28 + 1:02}" for i in range(50)],
        }
    )
    made, _ = safe(frame, table, as_of=date(2026, 3, 2))
    assert look(made, table, "id") == []
    assert made.columns == ["id", "sex", "pain.duration_days"]


def test_the_steps_of_chunks_are_added_up(table):
    frame = pl.DataFrame({"age": [95, 30]})
    steps = plan(look(frame, table), frame.schema, table)
    done = [*apply(frame, steps, table)[1], *apply(frame, steps, table)[1]]
    assert [step.told() for step in summed(done)] == ['"age": 2 cells over 89 became 90, which stands for 90+']


# ---- ids ----


def test_a_hash_is_the_same_for_the_same_id_and_key_and_no_other():
    ids = pl.Series("id", ["a", "b", "a", None, "é"])
    hashed = hash_id(ids, KEY)
    assert hashed.name == "id" and hashed.dtype == pl.String
    a, b, again, blank, accented = hashed.to_list()
    assert a == again and blank is None and len({a, b, accented}) == 3
    assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in (a, b, accented))
    assert not set(hash_id(ids, KEY[::-1]).drop_nulls()) & set(hashed.drop_nulls())


def test_a_number_and_its_text_are_one_id():
    assert hash_id(pl.Series([7, None]), KEY).to_list() == hash_id(pl.Series(["7", None]), KEY).to_list()


def test_a_long_key_counts_whole():
    long = bytes(200)
    assert hash_id(pl.Series(["a"]), long).to_list() != hash_id(pl.Series(["a"]), long + b"x").to_list()


def test_a_short_key_is_not_taken():
    with pytest.raises(ValueError, match="16 or more") as caught:
        hash_id(pl.Series(["a"]), b"secret")
    assert "secret" not in str(caught.value)


@given(st.lists(st.text(), unique=True, max_size=50), st.binary(min_size=16, max_size=100))
def test_two_ids_never_share_a_hash(ids, key):
    hashed = hash_id(pl.Series(ids, dtype=pl.String), key).to_list()
    assert len(set(hashed)) == len(ids)
