"""Identifiers: how the eighteen of HIPAA Safe Harbor show, in the name of a column and in its cells.

Two well-kept detectors that need no model do what tables and checksums can: phonenumbers (the telephone numbers of
the world) and python-stdnum (national, insurance and account numbers). Presidio, made for running text, brings a
language model and 400 MB, and reads cell by cell: a short cell gives such a model nothing to read. The rest are
patterns of our own. Some tell by one cell (an e-mail address), some only where most cells of a column are alike
(eight digits that are all days of the calendar): a Mark says which.

Nothing here keeps, tells or logs what stands in a cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from itertools import chain
from typing import Literal, NamedTuple

import polars as pl

CATEGORIES: Mapping[str, str] = {
    "name": "names of people",
    "place": "places smaller than a state",
    "date": "dates finer than a year",
    "age-over-89": "ages over 89",
    "phone": "phone numbers",
    "fax": "fax numbers",
    "e-mail": "e-mail addresses",
    "social-security": "social security or other national numbers",
    "record-number": "medical record numbers",
    "health-plan": "health insurance numbers",
    "account": "account or card numbers",
    "licence": "certificate or licence numbers",
    "vehicle": "vehicle numbers or plates",
    "device": "device numbers",
    "url": "web addresses",
    "ip-address": "internet (IP) addresses",
    "biometric": "biometric data",
    "picture": "pictures",
    "other": "other unique words, numbers or codes",
    "free-text": "free text",
}
"""The eighteen in the order of 45 CFR 164.514(b)(2)(i), its third in two; and free text, which may hold any of them."""

Place = Literal["unknown", "known", "id"]
"""Where cells stand: in a column that nobody knows, in one that the table knows, or in that of the case ids."""

_CATCH_ALL = ("record-number", "other")  # said of a cell only where nothing better can be
_SAMPLE = 2000
_HOLD = 0.9  # of numbers that look alike so many must have a valid check digit; of random ones a tenth have
_CODE_DIGITS = 3
_CHECKED = 200
_TRIED = 5000
_LONG, _MANY_WORDS = 120, 15  # one such cell is prose
_LONGISH, _SOME_WORDS, _PROSE, _FEW = 25, 5, 0.2, 5  # where a fifth of the cells are such and differ, the column is
_SHORTEST = 4  # characters; no identifier that one cell tells is shorter
_NEARLY = 0.8  # what a sample must show of a share before all cells are looked at
_OPAQUE = (
    r"(?i)^(?:\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?|[0-9a-f]{24,64})$"  # "dec", "dea" in these: chance
)
_ZEROS = "\u0660\u06f0\u0966"  # of the Arabic, Persian and Indian digits
_ENOUGH, _ODD = 50, 2  # cells of a column, and times that a word stands in it
_ENOUGH_OPEN, _OPEN, _OPEN_WORDS = 20, 0.5, 600  # cells of a column, and the different ones among a sample of it
_MEASURED = r"^[<>=~≤≥]{0,2} ?-?(?:[0-9]+(?:[.,][0-9]+)? ?[\p{L}°%/²³·]{0,12}(?: (?:a|per|/) ?\p{L}+)?,? ?){1,3}$"
_COUNTED = {"social-security": 20, "account": 20, "phone": 10_000}  # a clinic may have its telephones in a row
_NINE, _ALIKE = 0.6, 0.99  # of ids: so many have nine digits, and so many are as a social security number is
_GIVEN_OUT = 0.1  # of the numbers between the first and the last
_AT_ONCE = 8  # patterns
_NUMBER = (7, 15)  # characters
_READ = 1000  # characters of a cell; a longer one is prose or a picture whatever comes after
_LABELS = 0.1  # long cells of which fewer differ are the labels of a code


# ---- the name of a column ----

_SAID_BY_NAME: Mapping[str, str] = {
    # `*` before a phrase: it tells wherever it stands in the name; without, only at the end.
    "name": """first name, last name, full name, given name, middle name, maiden name, nick name, legal name, sur
        name, family name, fore name, birth name, christian name, initials, lastname firstname, next of kin, nom,
        prenom, nom de famille, nachname, vorname, familienname, apellido, apellidos, nombre, nombres, cognome,
        sobrenome, naam, voornaam, achternaam, fornavn, efternavn, etternavn, imie, nazwisko, contact person,
        emergency contact, employer""",
    "place": """address, addr, street, street name, house, city, town, village, county, parish, municipality, zip,
        zip code, post code, postal, postal code, plz, =ort, wohnort, strasse, hausnummer, adresse, anschrift, rue,
        ville, code postal, direccion, calle, ciudad, codigo postal, indirizzo, citta, endereco, cidade, =cep, adres,
        straat, gemeente, woonplaats, hometown, birth place, place of birth, geocode, geohash, gps,
        latitude, longitude, lng, lat lon, lat long, coordinates, census tract, census block, neighbourhood,
        neighborhood, precinct, suburb, apartment, po box, district, pin code, =lat, =lon""",
    "date": """*date, *dates, *datetime, *timestamp, *dob, *dod, birthday, birthdate, date of birth, date of death,
        date of admission, date of visit, day of birth, month of birth, birth day, birth month, *geburtsdatum, *datum,
        *fecha, *naissance, data nascita, data di nascita, *geboortedatum, began, ended, as of, admitted on,
        discharged on, seen on, created at, updated at, admitted at, discharged at, died on, died at, born,
        appointment time, admission time, discharge time, visit time, *cumpleanos""",
    "phone": """phone, telephone, tel, mobile, =cell, cell phone, mobile phone, cellphone, phone number, contact
        number, telefon, telefonnummer, handy, handynummer, telefono, telephone portable, telefone, celular, movil,
        telefoon, whats app, pager, =sms""",
    "fax": "fax, fax number, telefax, faxnummer, facsimile",
    "e-mail": """email, e mail, mail, mail address, email address, e mail address, emailadresse, correo, courriel,
        correo electronico""",
    "social-security": """ssn, social security, social security number, social insurance number, national insurance,
        national id, national identity, identity card, id card, nino, tax id, tax number, itin, tin, =nin, =sin,
        bsn, cpr, cpr nr, personnummer, fodselsnummer, pesel, codice fiscale, cpf, aadhaar, aadhar, curp, =dni,
        =nif, =nie, =nir, insee, numero de securite sociale, steuer id, sozialversicherungsnummer, svnr, sv nummer,
        ahv, ahv nummer, citizen id, egn, cnp, hetu, rodne cislo, citizenship number, cedula""",
    "record-number": """mrn, medical record, medical record number, med rec, =chart, chart number, hospital number,
        hospital id, patient id, patient identifier, patient number, pat id, pat nr, pat no, patienten id,
        patientennummer, fallnummer, krankenaktennummer, nhs, nhs number, chi number, uhid, hospital no,
        numero de dossier, historia clinica, pt id, emr id, ehr id, epic id, empi, mpi, mrn id,
        hospitalnumber""",
    "health-plan": """insurance number, insurance id, insurance no, insurance policy, policy number, =policy, member
        id, member number, subscriber, subscriber id, beneficiary, beneficiary number, medicare, medicare number,
        medicaid, medicaid number, mbi, hicn, hic, insurance group, health plan, health card, health insurance number,
        versicherungsnummer, versichertennummer, krankenversicherungsnummer, kvnr, numero de assure, medicare
        beneficiary, health plan beneficiary, insurance member, medical card""",
    "account": """account, acct, account number, bank account, iban, bic, credit card, card number, debit card,
        routing number, sort code, billing account, billing number, invoice, invoice number, kontonummer, numero de
        compte, guarantor""",
    "licence": """licence, license, licence number, license number, drivers licence, drivers license, driver
        licence, driver license, driving licence, certificate number, cert number, dea, npi, dea number, npi number,
        gmc number, registration number, fuhrerschein, permis de conduire, =certificate""",
    "vehicle": """=vehicle, vin, vehicle id, vehicle identification, vehicle number, vehicle registration, vehicle
        plate, licence plate, license plate, number plate, plate number, car plate, registration plate, car
        registration, kennzeichen, immatriculation, matricula, =plate""",
    "device": """serial, serial number, device id, device serial, device number, device identifier, udi, imei,
        implant id, implant serial, implant number, mac address, =mac, lot number, seriennummer, geratenummer,
        numero de serie, pacemaker id, stimulator id, pump id, meid""",
    "url": "url, uri, website, web site, webpage, web page, homepage, home page, =link, web address, hyperlink",
    "ip-address": "=ip, ip address, ip addr, ipv, client ip, user ip, remote ip, remote addr, ipaddr",
    "biometric": """fingerprint, finger print, fingerprints, thumb print, biometric, biometrics, iris scan, iris
        code, retina scan, retinal scan, voice print, voice recording, voice sample, face id, face embedding, face
        template, faceprint, face print, palm print, hand print, handprint, footprint, gait signature, signature,
        dna, dna sequence, genome, genotype file""",
    "picture": """photo, photos, photograph, picture, selfie, portrait, headshot, head shot, image, images, face
        image, facial image, photo file, image file, thumbnail, foto, bild, imagen, avatar, video""",
    "other": """username, user name, user id, login, passport, passport number, reisepass, pasaporte, student id,
        employee id, staff id, badge, badge number, accession number, encounter id, encounter number, visit id,
        specimen id, sample barcode, barcode, guid, uuid, =pid, twitter, facebook, instagram, linkedin, social
        media, =handle, device fingerprint, cookie, session id""",
    "free-text": """note, notes, comment, comments, remark, remarks, narrative, free text, freetext, story,
        verbatim, memo, transcript, letter, clinical note, description, other specify, bemerkung, bemerkungen,
        notiz, notizen, anmerkung, kommentar, commentaire, commentaires, comentario, comentarios, observaciones,
        note libere, further details, additional information, elaborate""",
}
_PERSONS = """patient, patients, pat, pt, person, subject, participant, client, mother, mothers, father, fathers,
    parent, spouse, wife, husband, partner, child, son, daughter, carer, caregiver, relative, doctor, dr, physician,
    surgeon, clinician, provider, nurse, gp, referrer, therapist, guardian, contact, emergency contact, insured,
    employer, employers, user, kin, member"""
_PLACES = "street, hospital, city, town, county, practice, clinic, village, district, suburb"
_TAIL = """number, numbers, no, nr, num, nummer, numero, id, ids, code, value, values, text, string, str, field, raw,
    line, full, primary, secondary, other, home, work, mobile, private, business, emergency, contact, mother, father,
    last, patient, spouse, person, x, y, of, birth, hash, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 01, 02, 03"""
_TELLING_IDS = frozenset(
    (who, what) for who in ("patient", "pat", "pt") for what in ("id", "identifier", "number", "nr", "no")
)
"""What the column of the case ids may well be called."""
_BETWEEN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|[^0-9A-Za-z]+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, however it is spelt.

    >>> words_of("dateOfBirth"), words_of("Prénom du-patient"), words_of("ZIP5")
    (('date', 'of', 'birth'), ('prenom', 'du', 'patient'), ('zip', '5'))
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return tuple(word.casefold() for word in _BETWEEN.split(plain.replace("ß", "ss")) if word)


def by_name(name: str, place: Place = "unknown") -> str | None:
    """The category that a column's name speaks of; None where it speaks of none.

    Args:    place: "id" for the column of the case ids, which may well be called patient_id.

    >>> by_name("patientFirstName"), by_name("drug_name"), by_name("fingerprint_2"), by_name("ip_joint")
    ('name', None, 'biometric', None)
    """
    words = words_of(name)
    if not words or _harmless(words):
        return None
    if words[-1] in ("name", "names") and (category := _named(words[:-1])):
        return category
    return max(_said(words, place), default=(0, None))[1]


def _said(words: tuple[str, ...], place: Place) -> Iterator[tuple[int, str]]:
    """Each category that the words speak of, with how many of them do."""
    known = _phrases()
    yield from ((1, known.anywhere[word]) for word in words if word in known.anywhere)
    for end in _ends_of(words):
        if end in known.alone:
            yield len(end), known.alone[end]
        for last in (end[-length:] for length in range(1, len(end) + 1)):
            if last in known.at_the_end and not (place == "id" and last in _TELLING_IDS):
                yield len(last), known.at_the_end[last]
        if not (place == "id" and end in _TELLING_IDS):
            yield from ((1, category) for category in _written_together("".join(end)))


def _harmless(words: tuple[str, ...]) -> bool:
    """Counts, yes-or-no flags and the years that Safe Harbor allows."""
    counted = words[0] in ("has", "had", "is", "n", "number", "count", "num") and len(words) > 1 and words[1] != "plate"
    return counted or words[-1] in ("count", "flag", "yn", "type", "status", "year", "years", "known", "days", "weeks")


def _named(before: tuple[str, ...]) -> str | None:
    """The category of a "… name" by whom or what it names; a medicine has a name, too."""
    if all(word in _list(_PERSONS) or word in ("s", "full", "the", "of") for word in before):
        return "name"
    return "place" if before[-1] in _list(_PLACES) else None


def _ends_of(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    """The words, and what is left of them when what says no more ("number", "1", "home") is taken from the end."""
    ends = {words}
    while len(words) > 1 and words[-1] in _list(_TAIL):
        words = words[:-1]
        ends.add(words)
    return ends


def _written_together(joined: str) -> Iterator[str]:
    """The category of "homephone" and "patientfirstname": nothing but a person or a place of it goes before."""
    together = _phrases().together
    for before in ("", *_BEFORE):
        if joined.startswith(before) and (said := together.get(joined[len(before) :])):
            yield said


@cache
def _list(text: str) -> frozenset[str]:
    return frozenset(" ".join(word.split()) for word in text.split(","))


_BEFORE = frozenset(
    {*_list(_PERSONS), *_list(_PLACES), "home", "work", "mobile", "private", "visit", "admission", "discharge"}
)


class _Phrases(NamedTuple):
    """What names say: in one word anywhere, in all their words, in their last words, in words written as one."""

    anywhere: Mapping[str, str]
    alone: Mapping[tuple[str, ...], str]
    at_the_end: Mapping[tuple[str, ...], str]
    together: Mapping[str, str]


@cache
def _phrases() -> _Phrases:
    said = {phrase: category for category, text in _SAID_BY_NAME.items() for phrase in _list(text)}
    plain = {phrase: category for phrase, category in said.items() if phrase[0] not in "*="}
    return _Phrases(
        {phrase[1:]: category for phrase, category in said.items() if phrase.startswith("*")},
        {tuple(phrase[1:].split()): category for phrase, category in said.items() if phrase.startswith("=")},
        {tuple(phrase.split()): category for phrase, category in plain.items()},
        {phrase.lstrip("*").replace(" ", ""): category for phrase, category in said.items() if phrase[0] != "="},
    )


# ---- the words that marks are made of ----

_GIVEN = """aaron abdul abdullah abigail adam adrian agnes ahmed aisha alan albert alejandro aleksandra alessandro
    alex alexander alexandra alexandre ali alice alicia alison amanda amelia amina amy ana andrea andreas andrei
    andrew angela anita anjali ann anna anne annette anthony antonio arjun arthur ashley aylin barbara beatrice ben
    benjamin bernard bernd beth betty beverly bianca birgit bjorn bogdan brenda brian bridget bruce bruno bryan
    camille carla carlos carmen carol caroline carolyn catherine cecilia charles charlotte cheryl chiara chloe chris
    christina christine christopher claire clara claudia colin connor craig cristina cynthia daniel daniela danielle
    david deborah debra denise dennis derek diana diane diego dieter dmitri dominic donald donna dorothy douglas
    duncan dylan edith eduardo edward eileen elena eleanor elif elisabeth elizabeth ella ellen emil emily emma
    enrique eric erik erika esther ethan eugene eva evelyn fatima fatma felix fernanda fernando fiona florian
    frances francesca francesco francis francisco franz fred frederic friedrich gabriel gabriela gareth gary george
    gerald gerhard gertrude giovanni giulia giuseppe gloria gordon graham greg gregory guillaume gunter gustav
    hannah hans harold harry hassan heather heidi heinrich helen helena helga helmut henri henry herbert hilda
    hiroshi howard hugh hugo ian ibrahim igor ilse ines ingrid irene irina isaac isabel isabella ivan jack jackson
    jacob jacqueline jake james jamie jane janet janice jason javier jean jeff jeffrey jennifer jeremy jessica jesus
    joachim joan joanna joao joe joel johann johannes john johnny jon jonas jonathan jorge jose josef joseph joshua
    joyce juan judith judy julia julian julie jurgen justin karen karin karl kate katarzyna katharina katherine
    kathleen kathryn keith kelly kenneth kevin khadija kimberly klaus kristin krzysztof kumar kurt kyle lars laura
    lauren laurent layla leah leon leonard leslie liam lilian linda lisa lorenzo louis louise luca lucas lucia lucy
    luis luisa lukas lukasz magdalena mahmoud malgorzata manfred manuel marco marcel marcus margaret maria marie
    marija marilyn mario marion marta martha martin martina mary maryam mateusz matteo matthew matthias maurice
    maximilian megan mehmet mei melanie melissa mia michael michel michelle miguel mikhail mohamed mohammad mohammed
    monica monika muhammad mustafa nadia nancy naomi natalia natalie natasha nathan neha neil nicholas nicola
    nicolas nicole nikolai nina nora norma olga oliver olivia omar oscar otto pablo pamela paola patricia patrick
    paul paula pauline pedro peter petra philip philippe pierre piotr priya rachel rahul rajesh ralf ramon raymond
    rebecca regina renate rene ricardo richard rita robert roberto robin rodrigo roger roland rolf ronald rosa
    rosemary roy russell ruth ryan sabine sally salma samantha samuel sandra sanjay sara sarah satoshi scott sean
    sebastian sergei sergio shannon sharon sheila shirley silvia simon simone sofia sonia sophia sophie stefan
    stefanie stephanie stephen steven stuart sunita susan susanne suzanne sven svetlana sylvia tamara tanya tatiana
    teresa terry theodore theresa thomas tiffany timothy tobias tom tomasz tony tracy ulrich ursula valentina
    valerie vanessa vera veronica victor victoria vijay vincent vladimir walter wanda wayne wei wendy werner wilhelm
    william wolfgang xavier xin yan yasmin ying yolanda yuki yusuf yvonne zachary zainab zoe"""
_SURNAMES = """adams ahmed ali allen alvarez andersen anderson andersson bailey baker bakker bauer becker bennett
    bernard bianchi brooks bryant butler campbell carter castillo castro chan chavez chen choi clark clarke cohen
    collins colombo cooper costa cruz davies davis diaz dubois dupont durand edwards esposito evans fernandez
    ferrari ferreira fischer flores foster fournier garcia gomez gonzales gonzalez gruber gupta gutierrez hansen
    hansson harris harrison hassan hernandez hoffmann howard huang huber hughes hussain ibrahim ivanov ivanova
    jackson jansen janssen jenkins jensen jimenez johansson johnson jones jung kaiser kaur keller kelly khan kim
    kovac kowalski kowalska kumar lambert larsen laurent lee lefebvre leroy lewis lin liu lopez madsen maier martin
    martinez martins mayer mcdonald mendoza meyer miller mitchell moller moore morales moreau moreno morgan morris
    muller murphy murray myers nelson nguyen nielsen novak nowak ochoa oconnor oliveira olsen olsson ortiz owen
    papadopoulos parker patel pedersen pereira perez perry peters petersen petrov petrova pham phillips pichler
    powell ramirez ramos reyes reynolds ricci richardson richter rivera roberts robinson rodrigues rodriguez rogers
    romano romero ross rossi rousseau ruiz russo ryan sanchez sanders santos sato schmid schmidt schneider schroder
    schulz schwarz scott sharma silva singh smirnov smith steiner stewart sullivan suzuki svensson tanaka taylor
    thomas thompson torres tran turner vargas vasquez visser wagner walker wang watanabe watson weber wilson wong
    wright wu yamamoto yang yilmaz zhang zhao zimmermann murray obrien mcarthur"""
_CITIES = """amsterdam|antwerp|athens|atlanta|auckland|austin|baltimore|bangkok|barcelona|basel|beijing|belfast
    |berlin|bern|birmingham|bogota|bologna|bordeaux|boston|bremen|brisbane|bristol|brussels|bucharest|budapest
    |buenos aires|cairo|calgary|cape town|cardiff|chennai|chicago|cleveland|cologne|copenhagen|dallas|delhi|denver
    |detroit|dresden|dublin|edinburgh|florence|frankfurt|geneva|genoa|ghent|glasgow|graz|hamburg|hannover|helsinki
    |hong kong|houston|hyderabad|indianapolis|innsbruck|istanbul|jacksonville|jakarta|johannesburg|karachi|koln
    |krakow|kyiv|lagos|leeds|leicester|leipzig|lille|lima|linz|lisbon|liverpool|london|los angeles|lyon|madrid
    |malaga|malmo|manchester|manila|marseille|melbourne|memphis|mexico city|miami|milan|milano|minneapolis|montreal
    |moscow|mumbai|munich|munchen|nairobi|nantes|naples|napoli|nashville|newcastle|new orleans|new york|nottingham
    |nurnberg|oklahoma city|osaka|oslo|ottawa|oxford|paris|perth|philadelphia|phoenix|pittsburgh|porto|portland
    |prague|rome|roma|rotterdam|sacramento|salzburg|san antonio|san diego|san francisco|san jose|santiago|sao paulo
    |seattle|seoul|seville|shanghai|sheffield|singapore|sofia|southampton|stockholm|stuttgart|sydney|taipei|tampa
    |tel aviv|the hague|tokyo|torino|toronto|toulouse|tucson|turin|utrecht|valencia|vancouver|venice|vienna|vilnius
    |warsaw|wellington|wien|winnipeg|zagreb|zurich"""
_MONTHS = """jan|january|feb|february|mar|march|apr|april|may|jun|june|jul|july|aug|august|sept?|september|oct
    |october|nov|november|dec|december|januar|janner|februar|feber|marz|mai|juni|juli|oktober|dezember|janvier
    |fevrier|mars|avril|juin|juillet|aout|septembre|octobre|novembre|decembre|enero|febrero|marzo|abril|mayo|junio
    |julio|agosto|septiembre|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre
    |ottobre|dicembre|januari|februari|maart|mei|augustus|janeiro|fevereiro|marco|maio|junho|julho|setembro|outubro
    |novembro|dezembro"""
_WHOLE_MONTHS = """january|february|april|june|july|august|september|october|november|december|januar|februar
    |juni|juli|oktober|dezember|janvier|fevrier|avril|juillet|octobre|novembre|enero|febrero|abril|junio|julio
    |octubre|noviembre"""


def _one_of(words: str) -> str:
    return "(?:" + "|".join(sorted((word.strip() for word in words.split("|")), key=len, reverse=True)) + ")"


_MON, _FULL_MON = _one_of(_MONTHS), _one_of(_WHOLE_MONTHS)
_GIVEN_NAME, _SURNAME = _one_of("|".join(_GIVEN.split())), _one_of("|".join(_SURNAMES.split()))
_Y, _M, _D = "(?:1[89]|20)[0-9]{2}", "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
_YY, _MM, _DD = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_L, _R = r"(?:^|[^0-9A-Za-z])", r"(?:$|[^0-9A-Za-z])"  # the edges of a word; this regex engine has no lookaround
_LL, _RR = r"(?:^|[^\p{L}])", r"(?:$|[^\p{L}])"
_CAP = r"\p{Lu}[\p{L}'’\-]+"
_AREA = "(?:00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])"
_GROUP, _SERIAL = "(?:0[1-9]|[1-9][0-9])", "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_HEX = "[0-9a-f]{1,4}"
_NHEX, _NMAC = "[^0-9a-z:]", "[^0-9a-f:.\\-]"
_TITLE = "(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Herr|Frau|Mme|Mlle|Monsieur|Madame|Sra|Senora?|Signora?|Dhr|Mevr)"
_LOW_STREET = "street|st|avenue|ave|road|rd|lane|drive|boulevard|blvd|highway|hwy|parkway|terrace|square|crescent"
_CAP_STREET = "Ln|Dr|Court|Ct|Way|Sq|Close|Cres|Pkwy|Circle|Cir|Place|Pl|Row|Walk|Grove|Gardens|Mews|Quay|Trail|Loop"
_DOMAIN = "com|org|net|edu|gov|info|io|health|app|co\\.uk|ac\\.uk|nhs\\.uk|de|at|ch|fr|eu"
_POSTCODE = "[0-9][ABD-HJLNP-UW-Z]{2}"
_PLUS = "[23456789CFGHJMPQRVWX]"
_M_B_I = "[AC-HJKMNP-RT-Y]"
_SAID_NUMBER = r"\s?(?:no|nr|number|#)?[.:#\s]*[+(0-9][0-9\s().\-/]{5,}[0-9]"


def _labelled(words: str, least: int = 4) -> str:
    """A number or code behind its own name: "MRN: 00-1234", "acct no. 5567"."""
    told = r"(?:\s?(?:number|numbers|num|no|nr|id|code))?[\s.:#=\-]+"
    digits = rf"[a-z]{{0,4}}[\s\-]?[0-9](?:[\-/ ]?[0-9]){{{least - 1},}}"
    mixed = rf"[0-9a-z]*[0-9][0-9a-z]*[0-9][0-9a-z]{{{least - 2},}}"
    return rf"(?i)(?:^|[^0-9a-z])(?:{words}){told}(?:{digits}|{mixed})"


def _digits(count: int) -> str:
    """So many digits and nothing else, however they are set apart."""
    return rf"^[0-9](?:[ .\-/]?[0-9]){{{count - 1}}}$"


# ---- marks ----


@dataclass(frozen=True, slots=True)
class Mark:
    """One way in which an identifier shows in cells.

    Args:    pattern: of a cell that bears it. share: the least share of a column's cells that must bear it; 0 where
             one cell tells. distinct: the least share of those that must differ. least: so many must differ. ids:
             whether it tells of case ids, too. odd: whether a cell tells by it that is odd in a column of few words.
             check: what a cell that bears it must pass besides.
    """

    category: str
    pattern: str
    share: float = 0.0
    distinct: float = 0.0
    least: int = 1
    ids: bool = True
    odd: bool = True
    check: Callable[[str], bool] | None = None


_ONE_CELL: Mapping[str, Sequence[str]] = {
    "e-mail": (
        r"[^\s@,;:<>()\"]+@[^\s@,;:<>()\"]+\.\p{L}{2,}",
        r"(?i)[a-z0-9._\-]+\s?[\[({]\s?at\s?[\])}]\s?[a-z0-9\-]+",
        r"(?i)^[a-z][a-z0-9._]+@[a-z][a-z0-9\-]{2,}$",
        r"(?i)[a-z0-9._\-]+ at [a-z0-9\-]+\s?(?:\sdot\s|[\[({]\s?dot\s?[\])}])\s?[a-z]{2,}",
    ),
    "url": (
        r"(?i)(?:https?|ftps?|sftp|file)://\S",
        r"(?i)(?:^|[^a-z0-9@])www\.[a-z0-9\-]+\.",
        rf"(?i)(?:^|[^a-z0-9@._\-])(?:[a-z0-9\-]{{2,}}\.)+(?:{_DOMAIN})(?:[/:?#]\S*)?(?:$|[\s,;)])",
        r"(?i)(?:^|[^a-z0-9@._\-])[a-z0-9\-]{2,}\.(?:ly|me|co|us|uk|ca|it|es|nl|be|se|no|dk|pl|ie|in|jp|tv|gl|ai)/\S{3,}",
    ),
    "ip-address": (
        rf"(?:^|[^0-9.])(?:{_OCTET}\.){{3}}{_OCTET}(?:$|[^0-9.]|\.(?:$|[^0-9]))",
        rf"(?i)(?:^|{_NHEX})(?:{_HEX}:){{7}}{_HEX}(?:$|{_NHEX})",
        rf"(?i)(?:^|{_NHEX})(?:{_HEX}(?::{_HEX})*)?::(?:{_HEX}:)*{_HEX}(?:$|{_NHEX})",
    ),
    "device": (
        rf"(?i)(?:^|{_NMAC})[0-9a-f]{{2}}(?:(?::[0-9a-f]{{2}}){{5}}|(?:-[0-9a-f]{{2}}){{5}})(?:$|{_NMAC})",
        rf"(?i)(?:^|{_NMAC})[0-9a-f]{{4}}\.[0-9a-f]{{4}}\.[0-9a-f]{{4}}(?:$|{_NMAC})",
        r"\(01\)\s?[0-9]{14}",
        _labelled("serial|s/n|sn|imei|meid|udi|device|lot|batch|seriennummer|implant"),
    ),
    "date": (
        rf"{_L}{_Y}(?:-{_M}-|/{_M}/|\.\s?{_M}\.\s?){_D}(?:$|[^0-9A-Za-z]|T[0-9])",
        rf"{_L}{_D}(?:-{_D}-|/\s?{_D}/\s?|\.\s?{_D}\.\s?){_Y}{_R}",
        rf"(?:^|[^0-9A-Za-z/]){_D}/{_D}/[0-9]{{2}}(?:$|[^0-9A-Za-z/])",
        rf"(?i){_L}{_D}(?:st|nd|rd|th|er)?[\s\-./,]*(?:of\s|de\s)?{_MON}[.,\s\-/'’]*(?:de\s|del\s)?"
        rf"(?:{_Y}|[0-9]{{2}}){_R}",
        rf"(?i){_LL}{_MON}[.\s\-/]*{_D}(?:st|nd|rd|th)?[\s,\-/]+{_Y}{_R}",
        rf"(?i){_LL}{_MON}[.,\s\-/]{{0,2}}(?:de\s|del\s)?{_Y}{_R}",
        rf"(?i)^{_MON}[\-'’][0-9]{{2}}$",
        rf"(?i){_L}{_Y}[\s\-/.]{_MON}(?:[\s\-/.]{_D})?{_R}",
        rf"(?i){_L}{_D}(?:st|nd|rd|th|\.)?\s(?:of\s)?{_FULL_MON}{_RR}",
        rf"(?i){_L}{_D}(?:(?:st|nd|rd|th)\s(?:of\s)?|\sof\s){_MON}{_RR}",
        rf"(?i){_LL}{_FULL_MON}\s{_D}(?:st|nd|rd|th)?{_R}",
        rf"{_Y}\s?[年년]\s?{_M}\s?[月월]",
        rf"^{_MM}/{_YY}$|^{_YY} {_MM} {_DD}$",
        rf"(?i)^{_YY}-?W[0-5][0-9](?:-?[1-7])?$",
        rf"(?i)^(?:{_YY}[\s\-/]?Q[1-4]|Q[1-4][\s\-/]?{_YY})$",
        rf"(?:^|[^0-9]){_YY}{_MM}{_DD}(?:T|[\s_])[0-2][0-9]:?[0-5][0-9]",
    ),
    "age-over-89": (
        r"(?i)(?:^|[^0-9])(?:9[0-9]|1[01][0-9])[\s\-]?(?:years?|yrs?)[\s\-]old(?:$|[^a-z])",
        r"(?i)(?:^|[^0-9])(?:9[0-9]|1[01][0-9])\s?(?:y/o|yo|j\.)(?:$|[^a-z])",
        r"(?i)(?:^|[^a-z])ninety(?:[\-\s]?(?:one|two|three|four|five|six|seven|eight|nine))?[\-\s]years?[\-\s]old",
        r"(?i)(?:^|[^a-z])aged?\s?:?\s?(?:9[0-9]|1[01][0-9])(?:$|[^0-9+])",
    ),
    "fax": (rf"(?i)(?:^|[^a-z])(?:fax|telefax|facsimile){_SAID_NUMBER}",),
    "phone": (
        rf"(?i)(?:^|[^a-z])(?:tel|telephone|phone|mobile|mob|cell|call|ph|whatsapp|telefon|handy|pager){_SAID_NUMBER}",
        r"(?:^|[^0-9A-Za-z+])\+\s?[1-9](?:[\s().\-/]{0,3}[0-9]){6,14}(?:$|[^0-9])",
        r"(?:^|[^0-9A-Za-z.\-])(?:\+?1[\s.\-]?)?(?:\([2-9][0-9]{2}\)\s?-?|[2-9][0-9]{2}[\s.\-/])"
        r"[2-9][0-9]{2}[\s.\-][0-9]{4}(?:$|[^0-9A-Za-z\-])",
        r"\([2-9][0-9]{2}\)\s?[0-9]{7}(?:$|[^0-9])",
        r"(?:^|[^0-9A-Za-z./\-])0[1-9][0-9]{1,4}[\s/]\s?[0-9]{3,4}[\s\-]?[0-9]{3,5}(?:$|[^0-9A-Za-z])",
        r"(?:^|[^0-9A-Za-z./\-])0[1-9](?:[\s.\-][0-9]{2}){4}(?:$|[^0-9A-Za-z])",
        r"\(0[0-9]{1,5}\)[\s/\-]?[0-9][0-9\s\-]{4,}",
    ),
    "social-security": (
        rf"(?:^|[^0-9A-Za-z\-]){_AREA}(?:-{_GROUP}-| {_GROUP} ){_SERIAL}(?:$|[^0-9A-Za-z\-])",
        r"(?i)(?:^|[^0-9a-z])[x*•]{3}[\- ]?[x*•]{2}[\- ]?[0-9]{4}(?:$|[^0-9])",
        r"(?i)(?:^|[^a-z])ssn[0-9]{9}(?:$|[^0-9])",
        _labelled(r"ssn|soc\.? ?sec|social security|national insurance|nino|itin"),
        rf"{_L}[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\s[0-9]{{2}}\s[0-9]{{2}}\s[0-9]{{2}}\s[A-D]{_R}",
    ),
    "record-number": (
        r"(?i)(?:^|[^a-z])(?:mrn|uhid)[0-9]{4,}",
        _labelled(r"mrn|mr ?#|med(?:ical)?\.? ?rec(?:ord)?|record|chart|hosp(?:ital)?|nhs|uhid|chi"),
        _labelled(r"(?:patient|pat|pt|unit|file|patienten|dossier|akte)[\s\-]?(?:number|no|nr|id|#|:)"),
    ),
    "health-plan": (
        rf"{_L}[1-9]{_M_B_I}(?:[0-9]|{_M_B_I})[0-9]-?{_M_B_I}(?:[0-9]|{_M_B_I})[0-9]-?{_M_B_I}{{2}}[0-9]{{2}}{_R}",
        _labelled("member|policy|subscriber|beneficiary|insurance|medicare|medicaid|hicn|mbi|health plan"),
        _labelled(r"(?:ins|group|plan)\s?(?:number|no|nr|id|#|:)"),
    ),
    "account": (_labelled("acct|account|a/c|acc|iban|card|invoice|billing|konto"),),
    "licence": (
        _labelled("licen[cs]e|lic|dl|driver'?s?|dea|npi|cert(?:ificate)?|gmc|registration"),
        rf"{_L}[A-Z9]{{5}}[0-9]{{6}}[A-Z9]{{2}}[0-9][A-Z]{{2}}{_R}",
    ),
    "vehicle": (
        _labelled("vin|vehicle", 6),
        r"(?i)(?:^|[^a-z])(?:plate|reg(?:istration)?(?: no)?|kennzeichen)[.:#\s]+[a-z]{0,3}[\-\s]?[0-9]{2}",
    ),
    "other": (
        _labelled("passport|reisepass|accession|encounter|badge|employee|student"),
        r"(?:^|\s)@[A-Za-z_][A-Za-z0-9_.]{2,}",
    ),
    "picture": (
        r"(?i)[^\s]\.(?:jpe?g|png|gif|bmp|tiff?|heic|heif|webp|dcm|dicom|mp4|mov|avi)(?:$|[^a-z0-9])",
        r"(?i)data:(?:image|video)/",
        r"^(?:/9j/|iVBORw0KGgo|R0lGOD|UklGR|Qk[0-3])[A-Za-z0-9+/]{8,}",
        r"(?i)^(?:0x|\\x)?(?:ffd8ff|89504e47)[0-9a-f]{8,}",
        r"^[A-Za-z0-9+/=_\-]{200,}$",
    ),
    "biometric": (
        r"(?i)[^\s]\.(?:wsq|wav|mp3|m4a|flac|fmr|fastq|fasta|vcf|bam)(?:$|[^a-z0-9])",
        r"(?i)data:audio/",
        r"^(?:Rk1S|RklS|SUlS)[A-Za-z0-9+/]{8,}",
        r"(?i)^[acgtn]{20,}$",
        r"^[\[(]?(?:\s*-?[0-9]*\.[0-9]+(?:e-?[0-9]+)?\s*[,;\s]){15,}",
    ),
    "place": (
        rf"{_L}[0-9]{{1,5}}[A-Za-z]?,?\s+(?:[\p{{L}}0-9'’.\-]+\s+){{1,4}}(?i:{_LOW_STREET})(?:$|[\s.,#])",
        rf"{_L}[0-9]{{1,5}}[A-Za-z]?,?\s+(?:[\p{{Lu}}0-9][\p{{L}}0-9'’.\-]*\s+){{1,4}}(?:{_CAP_STREET})(?:$|[\s.,#])",
        r"(?i)(?:straße|strasse|gasse|platz|allee|laan|straat|gatan|vej|veien|weg|str\.)\s+[0-9]{1,4}\s?[a-z]?"
        r"(?:$|[\s,./\-])",
        rf"{_LL}(?:(?i:rue|avenue|boulevard|chemin|impasse|quai|calle|avenida|rua|travessa|ulica|ul\.)|Plaza|Paseo|Via|Viale"
        r"|Piazza)\s(?:[\p{L}'’.\-]+\s?){1,5},?\s?(?:n[o.]\s?)?[0-9]{1,4}(?:$|[^0-9])",
        r"(?i)(?:^|[^0-9])[0-9]{1,4}\s?(?:bis|ter)?,?\s(?:rue|avenue|boulevard|chemin|impasse|quai)\s\p{L}",
        r"(?i)(?:^|[^a-z])(?:p\.?\s?o\.?\s?box|postfach|apartado|boite postale)\s?[0-9]",
        r"(?i)(?:^|[^a-z])(?:apt|suite|unit|flat)\.?\s?#?[0-9]+[a-z]?,",
        r"(?:^|[^0-9A-Za-z\-])[0-9]{5}-[0-9]{4}(?:$|[^0-9A-Za-z\-])",
        r"\p{L},?\s[A-Z]{2},?\s+[0-9]{5}(?:$|[^0-9])",
        r"(?i)(?:^|[^0-9a-z])zip\s?(?:code)?[:\s]*[0-9]{5}",
        rf"(?:^|,\s?)(?:[A-Z]{{1,2}}[0-9][A-Z0-9]?|GIR)\s{_POSTCODE}(?:$|[^0-9A-Za-z])",
        r"^[ABCEGHJ-NPRSTVXY][0-9][A-Z]\s[0-9][A-Z][0-9]$",
        r"^[(\[]?-?[0-9]{1,2}\.[0-9]{4,}\s?°?\s?[NS]?[,;\s]\s?-?[0-9]{1,3}\.[0-9]{4,}\s?°?\s?[EWO]?[)\]]?$",
        rf"(?:^|\s){_PLUS}{{4,8}}\+{_PLUS}{{2,3}}(?:$|[\s,])",
        r"(?i)(?:POINT|geo:)\s?\(?\s?-?[0-9]+\.[0-9]",
        r"[0-9]{1,3}\s?°\s?[0-9]{1,2}\s?['\u2032’]",
        rf"\p{{Lu}}\p{{L}}+\s(?:County|Parish|Borough|Township){_RR}|{_LL}(?:Landkreis|Bezirk)\s\p{{Lu}}",
    ),
    "name": (
        rf"{_LL}{_TITLE}\.?\s(?:\p{{Lu}}\.\s?)*{_CAP}",
        rf"{_LL}(?:MR|MRS|MISS|DR|PROF|HERR|FRAU)\.?\s\p{{Lu}}{{3,}}{_RR}",
        rf"(?:Name|NAME|Patient|Signed|Signed by|Contact)\s?:\s?{_CAP}\s{_CAP}",
        rf"(?i){_LL}{_GIVEN_NAME}[\s\-]+(?:\p{{L}}\.?\s+)?{_SURNAME}{_RR}",
        rf"(?i){_LL}{_SURNAME},\s*{_GIVEN_NAME}{_RR}",
    ),
}


@cache
def one_cell() -> tuple[Mark, ...]:
    """The marks that tell by one cell."""
    iban = rf"{_L}[A-Z]{{2}}[0-9]{{2}}(?:\s?[0-9A-Z]{{4}}){{3,7}}(?:\s?[0-9A-Z]{{1,3}})?{_R}"
    return (
        *(Mark(category, pattern) for category, patterns in _ONE_CELL.items() for pattern in patterns),
        Mark("account", iban, check=_iban),
        Mark("account", rf"{_L}[3-6][0-9]{{3}}(?:[ \-][0-9]{{4}}){{3}}{_R}", check=_card),
        Mark("account", rf"{_L}3[47][0-9]{{2}}[ \-][0-9]{{6}}[ \-][0-9]{{5}}{_R}", check=_card),
        Mark("vehicle", r"(?i)(?:^|[^0-9a-z])[a-hj-npr-z0-9]{13}[0-9]{4}(?:$|[^0-9a-z])", ids=False, check=_vin),
    )


_TOGETHER: Sequence[Sequence[str]] = (
    # More in one pattern, or these mixed otherwise, and the automaton no longer fits its cache: it is 100 times slower.
    ("url", "ip-address", "device", "phone", "fax", "age-over-89", "social-security"),
    ("record-number", "health-plan", "account", "licence", "vehicle", "other"),
    ("picture", "biometric"),
    ("e-mail", "place"),
    ("date",),
    ("name",),
)


@cache
def _groups() -> Mapping[str, Sequence[Mark]]:
    """The marks that one cell tells by, some together under one pattern: most columns bear none, and are read fast."""
    together = [[mark for mark in one_cell() if mark.category in categories] for categories in _TOGETHER]
    return {"|".join(f"(?:{mark.pattern})" for mark in marks): marks for marks in together}


@cache
def most_cells() -> tuple[Mark, ...]:
    """The marks that tell only where most cells of a column bear them."""
    fixed = ("US", "GB", "FR", "AU", "NL", "BE", "CH", "ES", "IE", "NZ")  # where a number has so many digits, no more
    anywhere = partial(_phone, (*fixed, "DE", "AT", "IT", "SE", "NO", "DK", "PL", "IN"))
    plate = partial(Mark, "vehicle", share=0.6, distinct=0.5, least=5, ids=False)
    names = r"[\p{L}'’.\- ]"
    particle = "de|van|von|der|la|di|da|bin|al"
    return (
        *(Mark(category, pattern, 0.8, 0.02, 8, check=partial(_valid, kind)) for kind, category, pattern in _NUMBERS),
        Mark("date", rf"^{_YY}{_MM}{_DD}(?:\.0)?$", 0.5),
        Mark("date", rf"^{_YY}{_MM}{_DD}[0-2][0-9][0-5][0-9](?:[0-5][0-9])?$", 0.5),
        Mark("date", rf"^(?:{_DD}{_MM}|{_MM}{_DD}){_YY}$", 0.8),
        Mark("date", rf"^(?:{_DD}{_MM}|{_MM}{_DD})[0-9]{{2}}$|^[0-9]{{2}}{_MM}{_DD}$", 0.95, least=10, odd=False),
        Mark("date", rf"^{_D}[\-.]{_D}[\-.][0-9]{{2}}\.?$|^[0-9]{{2}}[\-./]{_M}[\-./]{_D}$", 0.5),
        Mark("date", rf"^{_YY}[\-/]{_MM}$|^{_MM}[.\-]{_YY}$", 0.8),
        Mark("date", rf"(?i)^{_MON}\.?$", 0.8, odd=False),
        Mark("date", rf"(?i)^{_D}[\s\-.]{{1,2}}{_MON}\.?$|^{_MON}[\s\-.]{{1,2}}{_D}$", 0.5),
        Mark("date", r"^1[1-9][0-9]{8}(?:\.0|[0-9]{3})?$", 0.95, 0.5, least=10, ids=False, odd=False),
        Mark("social-security", rf"^{_AREA}{_GROUP}{_SERIAL}$", 0.99, 0.9, least=50, odd=False),
        Mark("social-security", r"^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]$", 0.8, 0.5),
        Mark("phone", r"^(?:1[\s.\-]?)?[2-9][0-9]{2} ?[0-9]{7}(?:\.0)?$", 0.8, 0.02, 5, check=partial(_phone, ("US",))),
        Mark("phone", r"^0[0-9]{8,10}$", 0.8, 0.02, 5, check=partial(_phone, fixed)),
        Mark("phone", r"^00[1-9][0-9 \-]{7,16}$", 0.5, 0.02, check=partial(_phone, fixed)),
        Mark("phone", r"^\(?0[0-9]{1,5}\)?[\s/.\-][0-9](?:[\s/.\-]?[0-9]){4,10}$", 0.5, 0.02, 3, check=anywhere),
        Mark("phone", r"^[0-9]{2,3}(?:[\s.][0-9]{2,3}){2,4}$", 0.5, 0.02, 3, ids=False, check=anywhere),
        Mark("phone", r"^[2-9][0-9]{2}[\- ][0-9]{4}$", 0.8, 0.3, 5, ids=False),
        Mark("account", r"^[3-6][0-9]{12,18}$", 0.8, 0.3, 5, check=_card),
        Mark("account", r"^[0-9]{2}-[0-9]{2}-[0-9]{2}\s[0-9]{8}$", 0.5),
        Mark("licence", r"^[12][0-9]{9}$", 0.8, least=5, check=_npi),
        Mark("licence", r"^[ABFGMPRX][A-Z9][0-9]{7}$", 0.5, least=3, check=_dea),
        Mark("licence", r"(?i)^[a-z][0-9]{3}[\- ][0-9]{4}[\- ][0-9]{4,5}$", 0.5, 0.5),
        Mark("health-plan", r"^[A-Z][0-9]{9}$", 0.8, 0.5, 5, check=_kvnr),
        Mark("health-plan", r"^[2-6][0-9]{3}\s[0-9]{5}\s[0-9]$", 0.5, 0.5),
        Mark("vehicle", r"^[A-HJ-NPR-Z0-9]{17}$", 0.8, 0.5, 3, ids=False),
        plate(r"^(?:[A-Z]{3}[\- ][0-9]{3,4}|[0-9][A-Z]{3}[0-9]{3}|[A-Z]{2}[0-9]{2} ?[A-Z]{3})$"),
        plate(r"^(?:\p{Lu}{1,3}[\- ][A-Z]{1,2}[\- ][0-9]{1,4}[EH]?|[A-Z]{2}-[0-9]{3}-[A-Z]{2})$"),
        plate(r"^[A-Z]{1,2}[\- ][0-9]{1,5} ?[A-Z]{1,3}$"),
        Mark("device", r"^[0-9]{2}[ \-]?[0-9]{6}[ \-]?[0-9]{6}[ \-]?[0-9]$", 0.8, least=5, check=_imei),
        Mark("device", r"(?i)^(?:sn|ser)[\-: ]?[0-9a-z]{4,}$", 0.5),
        Mark("record-number", r"(?i)^(?:mrn|mr|hn|uhid|nhs|chi)[\-_ #:]*[0-9]{4,}$", 0.5),
        Mark("place", r"^[0-9]{2}-[0-9]{3}$", 0.95, 0.3, 20, ids=False, odd=False),
        Mark("place", r"^[0-9]{5}$", 0.95, 0.3, 20, ids=False, odd=False),
        Mark("place", rf"^[A-Z]{{1,2}}[0-9][A-Z0-9]? ?{_POSTCODE}$", 0.5, 0.1, ids=False),
        Mark("place", r"^[ABCEGHJ-NPRSTVXY][0-9][A-Z][ \-]?[0-9][A-Z][0-9]$", 0.5, 0.1, ids=False),
        Mark("place", r"^[1-9][0-9]{3} ?[A-Z]{2}$", 0.8, 0.1, ids=False),
        Mark("place", rf"(?i)^(?:\p{{L}}{{0,2}}[\- ]?[0-9]{{4,6}}\s)?{_one_of(_CITIES)}(?:,.*)?$", 0.3),
        Mark("place", r"^(?:[A-Z]{1,2}-)?[0-9]{4,5}\s\p{Lu}[\p{L}\- ]+$", 0.5, 0.1),
        Mark("name", rf"(?i)^{_GIVEN_NAME}(?:$|[\s\-.]{names}*$)", 0.2),
        Mark("name", rf"(?i)^{names}+,\s*{_GIVEN_NAME}{_RR}", 0.2),
        Mark("name", rf"(?i)^(?:[\p{{L}}'’.\-]+\s){{0,3}}{_SURNAME}(?:$|[\s,\-]{names}*$)", 0.2, odd=False),
        Mark("name", rf"^(?:{_CAP}|\p{{Lu}}\.)(?:\s(?:{_CAP}|\p{{Lu}}\.|{particle})){{1,4}}$", 0.8, 0.3, 10, odd=False),
        Mark("name", rf"^\p{{Lu}}{names}+,\s?\p{{Lu}}{names}*$", 0.6, 0.5, 5, odd=False),
        Mark(
            "name",
            r"^(?:\p{Han}{1,4} ?[\p{Han}\p{Hiragana}]{1,4}|\p{Hangul}{2,4}|\p{Arabic}+\s[\p{Arabic}\s]+)$",
            0.6,
            0.5,
            5,
            odd=False,
        ),
        Mark("other", r"(?i)^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$", 0.5, 0.9, 2, ids=False),
        Mark("other", r"^[0-9A-Fa-f]{16,128}$", 0.8, 0.9, 10, ids=False),
        Mark("other", r"^[A-Za-z0-9_+/=\-]{20,128}$", 0.8, 0.9, 10, ids=False, odd=False),
        Mark("record-number", r"^[0-9]{6,}(?:\.0)?$", 0.95, 0.95, 20, ids=False, odd=False, check=_a_code),
        Mark(
            "record-number",
            r"(?i)^[a-z]{0,6}(?:[\-_/. ]?[0-9]){5,}[a-z]{0,3}$",
            0.8,
            0.95,
            10,
            ids=False,
            check=_a_code,
        ),
        Mark("record-number", r"(?i)^[a-z0-9][a-z0-9\-_/.]{5,}$", 0.8, 0.95, 20, ids=False, odd=False, check=_a_code),
    )


_NUMBERS: Sequence[tuple[str, str, str]] = (
    # What python-stdnum can check, each by its own digits: a column of one kind is told from one of any digits.
    ("gb.nhs", "record-number", _digits(10)),
    ("ca.sin", "social-security", _digits(9)),
    ("nl.bsn", "social-security", _digits(9)),
    ("at.vnr", "social-security", _digits(10)),
    ("de.idnr", "social-security", _digits(11)),
    ("pl.pesel", "social-security", _digits(11)),
    ("be.nn", "social-security", _digits(11)),
    ("no.fodselsnummer", "social-security", _digits(11)),
    ("hr.oib", "social-security", _digits(11)),
    ("br.cpf", "social-security", _digits(11)),
    ("tr.tckimlik", "social-security", _digits(11)),
    ("ee.ik", "social-security", _digits(11)),
    ("gr.amka", "social-security", _digits(11)),
    ("se.personnummer", "social-security", r"^[0-9]{6,8}[\-+]?[0-9]{4}$"),
    ("dk.cpr", "social-security", r"^[0-9]{6}-?[0-9]{4}$"),
    ("fi.hetu", "social-security", r"(?i)^[0-9]{6}[\-+abcdefyxwvu][0-9]{3}[0-9a-z]$"),
    ("cz.rc", "social-security", r"^[0-9]{6}/?[0-9]{3,4}$"),
    ("bg.egn", "social-security", _digits(10)),
    ("ro.cnp", "social-security", _digits(13)),
    ("za.idnr", "social-security", _digits(13)),
    ("kr.rrn", "social-security", r"^[0-9]{6}-?[0-9]{7}$"),
    ("ch.ssn", "social-security", r"^756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}$"),
    ("fr.nir", "social-security", r"^[12378][ ]?(?:[0-9A-B][ ]?){14}$"),
    ("it.codicefiscale", "social-security", r"(?i)^[a-z]{6}[0-9]{2}[a-z][0-9]{2}[a-z][0-9]{3}[a-z]$"),
    ("es.dni", "social-security", r"(?i)^[0-9]{8}[ \-]?[a-z]$"),
    ("es.nie", "social-security", r"(?i)^[xyz][ \-]?[0-9]{7}[ \-]?[a-z]$"),
    ("ie.pps", "social-security", r"(?i)^[0-9]{7}[a-z]{1,2}$"),
    ("in_.aadhaar", "social-security", _digits(12)),
    ("cn.ric", "social-security", r"(?i)^[0-9]{17}[0-9x]$"),
    ("mx.curp", "social-security", r"(?i)^[a-z]{4}[0-9]{6}[a-z]{6}[0-9a-z][0-9]$"),
    ("cl.rut", "social-security", r"(?i)^[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}-?[0-9k]$"),
    ("my.nric", "social-security", r"^[0-9]{6}-[0-9]{2}-[0-9]{4}$"),
    ("au.tfn", "social-security", _digits(9)),
    ("us.rtn", "account", r"^[0-9]{9}$"),
)


# ---- what a cell must pass besides ----

_DRUG_CODE = "[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}"  # the American NDC: some would ring in Germany


def _valid(module: str, text: str) -> bool:
    return bool(import_module(f"stdnum.{module}").is_valid(text))


def _phone(regions: Iterable[str], text: str) -> bool:
    import phonenumbers

    if re.fullmatch(_DRUG_CODE, text):
        return False
    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text.removesuffix(".0"), region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _iban(text: str) -> bool:
    found = re.search(r"[A-Z]{2}[0-9]{2}(?:\s?[0-9A-Z]){11,30}", text)
    return found is not None and _valid("iban", found[0])


def _card(text: str) -> bool:
    return _valid("luhn", re.sub("[^0-9]", "", text))


def _npi(text: str) -> bool:
    return _valid("luhn", "80840" + text)  # the prefix that its check digit is counted with


def _dea(text: str) -> bool:
    digits = [int(c) for c in text[2:]]
    return (sum(digits[0:5:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def _kvnr(text: str) -> bool:
    """The German health insurance number: the letter counts as two digits."""
    digits = [int(c) for c in f"{ord(text[0]) - ord('A') + 1:02}{text[1:]}"]
    return sum(sum(divmod(d * (1 + i % 2), 10)) for i, d in enumerate(digits[:-1])) % 10 == digits[-1]


_VIN_DIGITS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def _vin(text: str) -> bool:
    """A vehicle number whose check digit is right, with digits and letters both."""
    for found in re.findall(r"(?i)(?<![0-9a-z])[a-hj-npr-z0-9]{17}(?![0-9a-z])", text):
        vin = found.upper()
        total = sum(int(_VIN_DIGITS.get(c, c)) * weight for c, weight in zip(vin, _VIN_WEIGHTS, strict=True))
        if not vin.isdigit() and not vin.isalpha() and vin[8] == "0123456789X"[total % 11]:
            return True
    return False


def _imei(text: str) -> bool:
    return _valid("imei", text)


def _a_code(text: str) -> bool:
    """Whether digits, three at least, are no measurement: not round, no decimals, no range and no blood pressure."""
    measured = r"[0-9]+00(?:\.0)?|-?[0-9]*\.[0-9]*(?:e-?[0-9]+)?|[0-9]{1,3} ?[\-/] ?[0-9]{1,3}"
    return re.fullmatch(measured, text) is None and sum(c.isdigit() for c in text) >= _CODE_DIGITS


# ---- the cells of a column ----


def marked(cells: pl.Series, place: Place) -> dict[str, pl.Series]:
    """For each category that shows, which cells bear it: Boolean, as long as the column; a blank bears none.

    Args:    cells: text. place: "known" looks only for what one cell tells.
    """
    plain = place == "id" and bool(_numbered(cells).all())
    text = cells if plain else plain_text(cells)
    found: dict[str, pl.Series] = {}
    if text.null_count() == text.len():
        return found
    told = [] if plain else [_one(text, place), _prose(text, place)]
    told += [_most(text, place), _without_zeros(text)] if place != "known" else []
    told += [_odd(text)] if place == "unknown" else []
    for category, mask in chain.from_iterable(told):
        if category in _CATCH_ALL:
            for other in found.keys() - {category}:
                mask &= ~found[other]  # noqa: PLW2901
        if mask.any():
            found[category] = found[category] | mask if category in found else mask
    if place == "unknown" and not any(mask.mean() > _OPEN for mask in found.values()):  # type: ignore[operator]
        found |= _open(text)
    return found


def plain_text(cells: pl.Series) -> pl.Series:
    """Text without outer spaces, accents, odd digits and dashes, invisible characters; null where nothing is left."""
    text = cells.str.strip_chars()
    if (text.str.len_bytes() > _READ).any():
        text = text.str.slice(0, _READ)
    if not (text.str.len_bytes() == text.str.len_chars()).all():
        text = text.str.normalize("NFKD").str.replace_all(r"[\p{Mn}\p{Cf}]", "").str.normalize("NFKC")
        text = text.str.replace_all(r"[\p{Pd}−]", "-").str.replace_all(r"\s", " ").str.strip_chars()
        for zero in _ZEROS:
            text = text.str.replace_many([chr(ord(zero) + n) for n in range(10)], list("0123456789"))
    return pl.select(pl.when(text != "").then(text)).to_series()


def _bears(text: pl.Series, pattern: str) -> pl.Series:
    return text.str.contains(pattern).fill_null(value=False)


def _one(text: pl.Series, place: Place) -> Iterator[tuple[str, pl.Series]]:
    """The cells that tell by themselves."""
    values = text.unique(maintain_order=True) if _says_few_things(text) else text
    values = values.filter(~_numbered(values))
    values = values.filter((values.str.len_chars() >= _SHORTEST).fill_null(value=False))
    values = values.filter(~values.str.contains(_OPAQUE)).alias("text")
    if values.is_empty():
        return
    any_of = [pl.col("text").str.contains(pattern).alias(pattern) for pattern in _groups()]
    for maybe, marks in zip(values.to_frame().select(any_of), _groups().values(), strict=True):
        if not maybe.any():
            continue
        for mark in marks:
            if place == "id" and not mark.ids:
                continue
            mask = _bears(text, mark.pattern)
            if mark.check is not None and mask.any():
                mask = text.is_in(_passing(text.filter(mask).unique(maintain_order=True), mark.check).implode())
            yield mark.category, mask.fill_null(value=False) & ~text.str.contains(_OPAQUE).fill_null(value=False)


def _numbered(values: pl.Series) -> pl.Series:
    """The texts of a figure or letter and digits, which no mark of one cell bears: nearly all ids, and cheap to tell.

    Not those of six characters, since "Q12026" is a quarter of a year, nor those as long as the number of a vehicle.
    """
    digits = values.str.slice(1).cast(pl.Int64, strict=False).is_not_null()
    return digits & (values >= "0") & (values < "{") & values.str.len_bytes().is_between(*_NUMBER)


def _passing(values: pl.Series, check: Callable[[str], bool]) -> pl.Series:
    """The values that pass. Of very many only thousands are tried: where any of them passes, the rest count as well."""
    tried = values.head(_TRIED)
    passed = tried.filter(pl.Series([check(value) for value in tried], dtype=pl.Boolean))
    return pl.concat([passed, values.slice(_TRIED)]) if passed.len() else passed


def _most(text: pl.Series, place: Place) -> Iterator[tuple[str, pl.Series]]:
    """The cells that tell because most of their column are like them: judged by a sample, then by all."""
    marks = [mark for mark in most_cells() if place != "id" or mark.ids]
    filled, shares = text.len() - text.null_count(), _shares(_sample(text), marks)
    for mark in marks:
        if shares[mark.pattern] < mark.share * _NEARLY:
            continue
        mask = _bears(text, mark.pattern)
        bearing = text.filter(mask)
        differ = max(mark.least, mark.distinct * bearing.len())
        if bearing.len() < mark.share * filled or bearing.n_unique() < differ or not _holds(bearing, mark.check):
            continue
        if place == "id" and _counts_up(bearing, _COUNTED.get(mark.category)):
            continue
        yield mark.category, mask


def _without_zeros(text: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    """National numbers that a spreadsheet took for numbers: some have lost the zeros that they began with."""
    sample = _sample(text)
    nine, fewer = (sample.str.contains(f"^[0-9]{{{count}}}$") for count in ("9", "7,8"))
    if sample.len() < _ENOUGH or not fewer.any() or nine.sum() < _NINE * sample.len():
        return
    like = rf"^(?:{_AREA}|[1-9][0-9]?){_GROUP}{_SERIAL}$"
    if (nine | fewer).all() and sample.str.contains(like).sum() >= _ALIKE * sample.len():
        mask = _bears(text, like)
        if not _counts_up(text.filter(mask), _COUNTED["social-security"]):
            yield "social-security", mask


def _counts_up(ids: pl.Series, least: int | None) -> bool:
    """Whether ids are numbers given out one after the other, so many at least; those of people lie far apart."""
    numbers = ids.cast(pl.Int64, strict=False).drop_nulls().unique()
    if least is None or numbers.len() < max(least, _HOLD * ids.len()):
        return False
    span = int(numbers.max() or 0) - int(numbers.min() or 0) + 1  # type: ignore[arg-type]
    return numbers.len() >= _GIVEN_OUT * span


def _shares(sample: pl.Series, marks: Iterable[Mark]) -> Mapping[str, float]:
    """For the pattern of each mark, the share of a sample that bears it.

    Some are looked for together first. Polars keeps the last 32 patterns compiled; to compile all of them for every
    chunk takes longer than to look for them.
    """
    words = sample.alias("word").value_counts(name="cells")
    patterns = list(dict.fromkeys(mark.pattern for mark in marks))
    shares = dict.fromkeys(patterns, 0.0)
    for first in range(0, len(patterns), _AT_ONCE):
        some = patterns[first : first + _AT_ONCE]
        bearing = words.filter(pl.col("word").str.contains("|".join(f"(?:{pattern})" for pattern in some)))
        if bearing.height:
            each = [pl.col("cells").filter(pl.col("word").str.contains(p)).sum().alias(p) for p in some]
            shares |= {p: count / sample.len() for p, count in bearing.select(each).row(0, named=True).items()}
    return shares


def _open(text: pl.Series) -> dict[str, pl.Series]:
    """The cells of a column of words that hardly ever come again: a code has few words, people have their own."""
    sample = _sample(text)
    if sample.len() < _ENOUGH_OPEN or sample.n_unique() < min(_OPEN * sample.len(), _OPEN_WORDS):
        return {}
    wordy = sample.str.contains(r"\p{L}") & ~sample.str.contains(_MEASURED)
    if wordy.sum() < _NEARLY * sample.len():
        return {}
    return {"other": _bears(text, r"\p{L}") & ~_bears(text, _MEASURED)}


def _odd(text: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    """The few cells that are unlike the rest of a column of few words, and like an identifier."""
    if text.len() - text.null_count() < _ENOUGH or not _says_few_things(text):
        return
    counts = text.drop_nulls().value_counts(name="cells")
    seldom, often = (counts.filter(test).to_series(0) for test in (pl.col("cells") <= _ODD, pl.col("cells") > _ODD))
    if not seldom.len() or seldom.len() > counts["cells"].sum() / 2:
        return
    for mark in most_cells():
        bearing = seldom.filter(seldom.str.contains(mark.pattern)) if mark.odd else seldom.head(0)
        if bearing.len() and mark.check is not None:
            bearing = _passing(bearing, mark.check)
        if bearing.len() and not often.str.contains(mark.pattern).any():
            yield mark.category, text.is_in(bearing.implode()).fill_null(value=False)


def _says_few_things(text: pl.Series) -> bool:
    sample = _sample(text)
    return sample.n_unique() < sample.len() / 4


def _sample(text: pl.Series) -> pl.Series:
    filled = text.drop_nulls()
    return filled.gather_every(max(1, filled.len() // _SAMPLE))


def _holds(bearing: pl.Series, check: Callable[[str], bool] | None) -> bool:
    """Whether nearly all of a few hundred of the cells pass the check."""
    if check is None:
        return True
    tried = bearing.gather_every(max(1, bearing.len() // _CHECKED)).unique()
    return sum(map(check, tried)) >= _HOLD * tried.len()


def _prose(text: pl.Series, place: Place) -> Iterator[tuple[str, pl.Series]]:
    """Cells of many words that are not the few labels of a coded column."""
    length = text.str.len_chars()
    longish = (length >= _LONGISH).fill_null(value=False)
    if not longish.any():
        return
    words = pl.select(pl.when(longish).then(text)).to_series().str.count_matches(r"\S+")
    long = ((length >= _LONG) | (words >= _MANY_WORDS)).fill_null(value=False)
    if long.any() and (place == "known" or text.filter(long).n_unique() > _LABELS * int(long.sum())):
        yield "free-text", long
    some = (words >= _SOME_WORDS).fill_null(value=False)
    filled, count = text.len() - text.null_count(), int(some.sum())
    if place != "known" and count >= _PROSE * filled and text.filter(some).n_unique() >= max(_FEW, count / 2):
        yield "free-text", some
