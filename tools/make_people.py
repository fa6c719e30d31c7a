"""Make people up, each with one record or several, to measure duplicate suggestions by: `python tools/make_people.py`.

Written anew is tests/data/people.csv.xz; --households and --to make a larger file elsewhere. The same seed gives the same
file. `tools/people.toml` holds the names, and the rates of what differs between the records of one person. Nothing here
knows how crmcore compares: it imports nothing of it, and changes letters, not codes or tokens.

Columns: id; person (equal for the records of one); household; half ("tune" or "test", whole households at a time); name, email, phone,
birth_date, street, postcode, city.
"""

from __future__ import annotations

import argparse
import csv
import io
import lzma
import random
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from slips import mistyped, other_day, other_digit

TARGET = Path(__file__).parents[1] / "tests" / "data" / "people.csv.xz"
MADE_OF: dict[str, Any] = tomllib.loads(Path(__file__).with_name("people.toml").read_text(encoding="utf-8"))
RATES, DOMAINS, CULTURES = MADE_OF["rates"], MADE_OF["domains"], MADE_OF["cultures"]
COLUMNS = ("id", "person", "household", "half", "name", "email", "phone", "birth_date", "street", "postcode", "city")
#: How many households have each number of people, and people each number of records.
PEOPLE = {2: 55, 3: 28, 4: 17}
RECORDS = {1: 62, 2: 24, 3: 10, 4: 4}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PLAIN = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "đ": "d", "ø": "o"})
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
CYRILLIC = dict(zip("абвгдеёзийклмнопрстуфхцы", "abvgdeeziyklmnoprstufhcy", strict=True)) | {
    "ж": "zh",
    "ш": "sh",
    "ь": "",
}


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person as they are."""

    culture: str
    given: str
    surname: str
    email: str
    phone: str
    birth_date: date
    street: str
    postcode: str
    city: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """One person as they were written down once."""

    name: str
    email: str
    phone: str
    birth_date: str
    street: str
    postcode: str
    city: str


class People:
    """People made up by a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self._given_out: set[str] = set()

    def happens(self, rate: float) -> bool:
        """Tell whether something of that rate happens this time."""
        return self.draw.random() < rate

    def households(self, number: int) -> Iterator[list[Person]]:
        """Yield households: a person alone, or several under one surname and address."""
        for _ in range(number):
            yield self._household() if self.happens(RATES["others"]["household"]) else [self.person()]

    def person(self) -> Person:
        """Return somebody new."""
        names = list(CULTURES)
        culture = self.draw.choices(names, [CULTURES[name]["weight"] for name in names])[0]
        given, surname = self.given(culture), self.surname(culture)
        street, postcode, city = self.address(culture)
        return Person(
            culture=culture,
            given=given,
            surname=surname,
            email=self.email(given, surname),
            phone=self.phone(culture),
            birth_date=date(1935, 1, 1) + timedelta(days=self.draw.randrange(365 * 72)),
            street=street,
            postcode=postcode,
            city=city,
        )

    def _household(self) -> list[Person]:
        first = self.person()
        size = self.draw.choices(list(PEOPLE), list(PEOPLE.values()))[0]
        return [first, *(self._relative(first) for _ in range(size - 1))]

    def _relative(self, first: Person) -> Person:
        rates, other = RATES["others"], self.person()
        given = first.given if self.happens(rates["junior"]) else self._another(first)
        return replace(
            first,
            given=given,
            email=first.email if self.happens(rates["shared_email"]) else self.email(given, first.surname),
            phone=first.phone if self.happens(rates["shared_phone"]) else self.phone(first.culture),
            birth_date=first.birth_date if self.happens(rates["twin"]) else other.birth_date,
        )

    def _another(self, first: Person) -> str:
        """Return a given name; nobody calls two children alike."""
        while (given := self.given(first.culture)).split()[0] == first.given.split()[0]:
            continue
        return given

    # -- what people have -----------------------------------------------------------------------------------------------

    def common(self, entries: Sequence[str]) -> str:
        """Return one entry, the first ones far more often than the last (Zipf's law)."""
        return self.draw.choices(entries, [1 / (rank + 4) for rank in range(len(entries))])[0]

    def given(self, culture: str) -> str:
        """Return a given name, sometimes two."""
        names: list[str] = CULTURES[culture]["given"]
        return f"{self.common(names)} {self.common(names)}" if self.happens(0.1) else self.common(names)

    def surname(self, culture: str) -> str:
        """Return a surname: one of the common ones, or one of the many rare ones; in Spain often two."""
        made = CULTURES[culture]
        if self.happens(made.get("two_surnames", 0)):
            return f"{self._one_surname(made)} {self._one_surname(made)}"
        return self._one_surname(made)

    def _one_surname(self, made: dict[str, Any]) -> str:
        if self.happens(0.4):
            return self.common(made["surnames"])
        return self.draw.choice(made["surname_starts"]) + self.draw.choice(made["surname_ends"])

    def address(self, culture: str) -> tuple[str, str, str]:
        """Return street with number, postcode and city."""
        made = CULTURES[culture]
        number, city = self.draw.randint(1, 180), self.common(list(made["cities"]))
        street = self.common(made["streets"])
        placed = f"{number} {street}" if made["number_first"] else f"{street} {number}"
        return placed, self._digits(made["cities"][city] + made["postcode"]), city

    def phone(self, culture: str) -> str:
        """Return a number in its international form."""
        return CULTURES[culture]["country"] + self._digits("7########")

    def email(self, given: str, surname: str) -> str:
        """Return an address that is mostly made of the name, and nobody else's."""
        while (address := self._address_by(given, surname)) in self._given_out:
            continue
        self._given_out.add(address)
        return address

    def _address_by(self, given: str, surname: str) -> str:
        first, last = (latin(one).split() or ["" for _ in "1"] for one in (given, surname or given))
        forms = [
            f"{first[0]}.{last[0]}",
            f"{first[0]}{last[0]}{self.draw.randrange(100)}",
            f"{first[0][:1]}{last[0]}",
            f"{first[0]}{last[0][:1]}{self.draw.randrange(10_000)}",
            f"{first[0]}{self.draw.randrange(1950, 2010)}",
            f"{self.draw.choice(DOMAINS['words'])}{self.draw.choice(DOMAINS['words'])}{self.draw.randrange(1000)}",
        ]
        return f"{self.draw.choice(forms)}@{self.domain()}"

    def domain(self) -> str:
        """Return a provider's domain, or a company's."""
        if self.happens(0.75):
            return self.common(DOMAINS["common"])
        return self.draw.choice(DOMAINS["words"]) + self.draw.choice(DOMAINS["ends"])

    def _digits(self, form: str) -> str:
        """Fill in a form: # is any digit, L in its last part any letter of a postcode."""
        head, mark, tail = form.partition(" ")
        letters = {"L": "ABDEFGHJLNPQRSTUWXYZ"}
        return self._filled(head, {}) + mark + self._filled(tail, letters)

    def _filled(self, form: str, choices: dict[str, str]) -> str:
        known = choices | {"#": "0123456789"}
        return "".join(self.draw.choice(known[one]) if one in known else one for one in form)

    # -- how they are written down --------------------------------------------------------------------------------------

    def records(self, person: Person) -> Iterator[Record]:
        """Yield a person's records, each made of the person anew."""
        for number in range(self.draw.choices(list(RECORDS), list(RECORDS.values()))[0]):
            yield self._first(person) if number == 0 else self._further(person)

    def _first(self, person: Person) -> Record:
        born = person.birth_date.isoformat()
        plain = Record(
            name=self._full(person.given, person.surname, person.culture),
            email=person.email,
            phone=person.phone,
            birth_date=self._placeholder(person) if self.happens(RATES["others"]["placeholder"]) else born,
            street=person.street,
            postcode=person.postcode,
            city=person.city,
        )
        return self._incomplete(self._of_a_company(plain) if self.happens(RATES["others"]["colleagues"]) else plain)

    def _further(self, person: Person) -> Record:
        street, postcode, city = self._address(person)
        record = Record(
            name=self._name(person),
            email=self._email(person),
            phone=self._phone(person),
            birth_date=self._birth_date(person),
            street=street,
            postcode=postcode,
            city=city,
        )
        return self._incomplete(record)

    def _of_a_company(self, record: Record) -> Record:
        domain = self.draw.choice(DOMAINS["words"]) + self.draw.choice(DOMAINS["ends"])
        return replace(record, email=f"info@{domain}", phone=f"+44{sum(map(ord, domain)) * 7919 % 10**9 + 10**9}")

    def _incomplete(self, record: Record) -> Record:
        blank = {name: "" for name in ("email", "phone", "birth_date") if self.happens(RATES[name]["missing"])}
        if self.happens(RATES["address"]["missing"]):
            blank |= dict.fromkeys(("street", "postcode", "city"), "")
        elif self.happens(RATES["address"]["without_street"]):
            blank |= dict.fromkeys(self.draw.choice([("street",), ("street", "postcode")]), "")
        return replace(record, **blank)

    def _full(self, given: str, surname: str, culture: str) -> str:
        whole = (surname, given) if culture == "japanese" else (given, surname)
        return " ".join(part for part in whole if part)

    def _name(self, person: Person) -> str:
        rates, given, surname = RATES["name"], person.given, person.surname
        nicknames = CULTURES[person.culture]["nicknames"]
        if self.happens(rates["nickname"]):
            given = " ".join(nicknames.get(one, one) for one in given.split())
        elif self.happens(rates["initial_only"]):
            given = f"{given[0]}."
        elif self.happens(rates["middle_name"]):
            given = f"{given} {self.given(person.culture)[0]}."
        if self.happens(rates["married"]):
            surname = self.surname(person.culture)
        if surname and self.happens(rates["surname_only"]):
            given = ""
        if self.happens(rates["typing_error"]):
            given, surname = (
                (mistyped(self.draw, given), surname) if self.happens(0.5) else (given, mistyped(self.draw, surname))
            )
        name = self._full(given, surname, person.culture)
        if given and surname and self.happens(rates["swapped"]):
            name = self.draw.choice([f"{surname}, {given}", f"{surname} {given}", f"{surname} {given}".upper()])
        return self._plain(name) if self.happens(rates["without_accents"]) else name

    def _plain(self, name: str) -> str:
        return unaccented(name.translate(UMLAUTS) if self.happens(0.5) else name)

    def _email(self, person: Person) -> str:
        rates = RATES["email"]
        if self.happens(rates["other_address"]):
            return self.email(person.given, person.surname)
        name, _, domain = person.email.partition("@")
        if self.happens(rates["tagged"]):
            name += f"+{self.draw.choice(['shop', 'news', 'orders'])}"
        if self.happens(rates["typing_error"]):
            name, domain = (
                (mistyped(self.draw, name), domain) if self.happens(0.7) else (name, mistyped(self.draw, domain))
            )
        return (
            f"{name}@{domain}".replace(" ", "").upper() if self.happens(0.05) else f"{name}@{domain}".replace(" ", "")
        )

    def _phone(self, person: Person) -> str:
        rates = RATES["phone"]
        if self.happens(rates["other_number"]):
            return self.phone(person.culture)
        country = CULTURES[person.culture]["country"]
        digits = person.phone.removeprefix(country)
        if self.happens(rates["typing_error"]):
            digits = other_digit(self.draw, digits)
        forms = [f"{country}{digits}", f"0{digits}", f"{country} {digits[:3]} {digits[3:]}", f"00{country[1:]}{digits}"]
        return self.draw.choice(forms)

    def _birth_date(self, person: Person) -> str:
        rates, born = RATES["birth_date"], person.birth_date
        if self.happens(rates["placeholder"]):
            return self._placeholder(person)
        if born.day <= 12 and self.happens(rates["day_and_month_swapped"]):  # noqa: PLR2004 - months
            return born.replace(month=born.day, day=born.month).isoformat()
        return other_day(self.draw, born) if self.happens(rates["typing_error"]) else born.isoformat()

    def _placeholder(self, person: Person) -> str:
        return self.draw.choice(["1970-01-01", "1900-01-01", person.birth_date.replace(month=1, day=1).isoformat()])

    def _address(self, person: Person) -> tuple[str, str, str]:
        rates, made = RATES["address"], CULTURES[person.culture]
        if self.happens(rates["moved"]):
            return self.address(person.culture)
        street, postcode, city = person.street, person.postcode, person.city
        if self.happens(rates["abbreviated"]):
            for long, short in made["abbreviations"].items():
                street = street.replace(long, short)
        if self.happens(rates["typing_error"]):
            mistaken = self.draw.randrange(3)
            street = mistyped(self.draw, street) if mistaken == 0 else street
            postcode = other_digit(self.draw, postcode) if mistaken == 1 else postcode
            city = mistyped(self.draw, city) if mistaken == 2 else city  # noqa: PLR2004 - the third of three
        return street, postcode, city


def latin(name: str) -> str:
    """Return a name in small letters from a to z; other scripts become a word of their own."""
    spelt = "".join(CYRILLIC.get(letter, letter) for letter in unaccented(name).lower())
    plain = "".join(letter for letter in spelt if letter in LETTERS or letter == " ").strip()
    return plain or f"user{sum(map(ord, name)) % 997}"


def unaccented(name: str) -> str:
    """Return a name without its accents."""
    apart = unicodedata.normalize("NFD", name.translate(PLAIN))
    return unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))


def rows(seed: int, households: int) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a file."""
    people, numbers = People(seed), count()
    for place, household in enumerate(people.households(households)):
        half = "tune" if people.happens(0.5) else "test"
        for person in household:
            name = f"p{next(numbers)}"
            for number, record in enumerate(people.records(person)):
                yield (f"{name}-{number}", name, f"h{place}", half, *vars(record).values())


def file_of(seed: int, households: int) -> bytes:
    """Return a file of so many households, shuffled: who is one person must not show by where they stand."""
    made = list(rows(seed, households))
    random.Random(seed).shuffle(made)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(made)
    return text.getvalue().encode()


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--households", type=int, default=4000, help="how many (default 4000)")
    parser.add_argument("--to", type=Path, default=TARGET, help="where; .xz is compressed")
    given = parser.parse_args()
    made = file_of(given.seed, given.households)
    records = made.count(b"\n") - 1
    given.to.parent.mkdir(parents=True, exist_ok=True)
    given.to.write_bytes(lzma.compress(made, preset=9) if given.to.suffix == ".xz" else made)
    print(f"{records:,} records, {given.to.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
