"""Compares every cell of a month's workbooks with the ledger. Prints what differs; ends with 1 when anything does.

    check.py LEDGER.json workbook FILE…       workbooks with all sheets, as they were written
    check.py LEDGER.json opened FILE…         the same after LibreOffice, which without a window keeps no frozen rows
    check.py LEDGER.json specification FILE…  workbooks of one payer each, called CODE-MONTH.xlsx
    check.py LEDGER.json lines FILE…          workbooks made of CSV: one sheet, the fields of the API
    check.py LEDGER.json noticed FILE…        whether a change of one cell of each column of each sheet is noticed
"""

import json
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

from openpyxl import load_workbook

NUMBERS = {"quantity", "unit_price", "gross", "joint", "net", "surcharge"}
AMOUNTS = ["gross", "joint", "net", "surcharge"]
AMOUNT_TITLES = ["Brutto, kr", "Gemensamt, kr", "Netto, kr", "Påslag, kr", "Summa, kr"]
# The columns of the sheet of lines, by what the ledger calls them; that of corrections has three more.
LINES = {
    "Rad-id": "id",
    "Månad": "month",
    "Betalare": "customer",
    "Kostnadsställe": "costcentre",
    "Tjänst": "service",
    "Tjänstens namn": "service_name",
    "Mätare": "meter",
    "Klass": "class",
    "Enhet": "unit",
    "Kvantitet": "quantity",
    "Pris, kr": "unit_price",
    "Brutto, kr": "gross",
    "Gemensamt, kr": "joint",
    "Netto, kr": "net",
    "Påslag, kr": "surcharge",
}
CORRECTIONS = {}
for title, field in LINES.items():
    if title == "Kvantitet":
        CORRECTIONS |= {"Kvantitet före": "before", "Kvantitet efter": "after"}
    CORRECTIONS[title] = field
    if title == "Månad":
        CORRECTIONS["Rättar"] = "corrects"
# The fields of the API and of CSV, in their order.
FIELDS = [field for field in CORRECTIONS.values() if field not in ("service_name", "before", "after")]

differences = []


def differ(where, cell, said):
    differences.append(f"{where}: cell {cell!r}, ledger {said!r}")


def same(cell, said):
    """A cell is a number, a day or an instant where the ledger has one, and else the same text."""
    if said is None or said == "":
        return cell in (None, "")
    if isinstance(said, datetime):
        return isinstance(cell, datetime) and abs(cell - said) < timedelta(seconds=0.5)
    if isinstance(said, date):
        return cell == datetime(said.year, said.month, said.day)
    if isinstance(said, (int, Decimal)):
        number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
        return number and Decimal(repr(cell)).quantize(Decimal("0.000001")) == said
    return cell == said


def compare(where, sheet, titles, rows):
    """Cell by cell, with its titles; what is there too much differs as well."""
    found = [list(row) for row in sheet.iter_rows(values_only=True)]
    while found and all(cell is None for cell in found[-1]):
        found.pop()
    for number, (row, said) in enumerate(zip_longest(found, [titles, *rows], fillvalue=[]), start=1):
        for column, (cell, value) in enumerate(zip_longest(row, said)):
            if not same(cell, value):
                title = titles[column] if column < len(titles) else f"column {column + 1}"
                differ(f"{where} row {number} {title}", cell, value)


class Ledger:
    """What the program says of a month, and every sheet that follows from it."""

    def __init__(self, said, payer=None):
        self.month, self.payers, self.services = said["month"], said["payers"], said["services"]
        if payer is not None:
            # Why gaps were accepted may name others.
            self.month = self.month | {"gaps": None}
        billed = {}
        for charge in said["earlier"]:
            usage = self.usage(charge, charge["corrects"] or charge["month"])
            billed[usage] = billed.get(usage, 0) + Decimal(charge["quantity"])
        chosen = [charge for charge in said["charges"] if payer in (None, charge["customer"])]
        self.charges = [self.numbers(charge, billed) for charge in chosen]
        self.own = [charge for charge in self.charges if charge["corrects"] is None]
        self.corrections = [charge for charge in self.charges if charge["corrects"] is not None]

    @staticmethod
    def usage(charge, month):
        return (month, *(charge[name] for name in ["customer", "costcentre", "service", "meter", "class"]))

    def numbers(self, charge, billed):
        numbers = {name: Decimal(charge[name]) for name in NUMBERS if charge[name] is not None}
        before = billed.get(self.usage(charge, charge["corrects"]), Decimal(0))
        return charge | numbers | {
            "service_name": self.services[charge["service"]]["name"],
            "before": before,
            "after": before + numbers["quantity"],
        }

    @staticmethod
    def amounts(charges):
        gross, joint, net, surcharge = (sum((c[name] for c in charges), Decimal(0)) for name in AMOUNTS)
        return [gross, joint, net, surcharge, net + surcharge]

    def sheets(self):
        """Title and rows of each sheet, in their order."""
        payers = {code: [payer["name"], payer["kind"]] for code, payer in self.payers.items()}
        services = {slug: [service["name"], service["product"]] for slug, service in self.services.items()}
        return {
            "Sammanfattning": (["Uppgift", "Värde"], self.summary()),
            "Per betalare": (
                ["Betalare", "Namn", "Slag", "Rader", *AMOUNT_TITLES],
                self.sums("customer", payers),
            ),
            "Per tjänst": (
                ["Tjänst", "Namn", "Objektprodukt", "Rader", *AMOUNT_TITLES],
                self.sums("service", services),
            ),
            "Rader": (list(LINES), self.lines(LINES, self.own)),
            "Rättelser": (list(CORRECTIONS), self.lines(CORRECTIONS, self.corrections)),
            "Kontroll": (["Kontroll", "Värde", "Jämförs med", "Stämmer"], self.checks()),
        }

    def summary(self):
        gross, joint, net, surcharge, billed = self.amounts(self.charges)
        year, number = map(int, self.month["month"].split("-"))
        last = date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)
        rows = [
            ["Månad", self.month["month"]],
            ["Första dag", last.replace(day=1)],
            ["Sista dag", last],
            ["Läge", "stängd"],
            ["Brutto, kr", gross],
            ["Gemensamt finansierat, kr", joint],
            ["Netto, kr (exkl. påslag och moms)", net],
            ["Påslag, kr", surcharge],
            ["Att fakturera, kr (exkl. moms)", billed],
            ["Påslagets sats", Decimal(self.month["rate"])],
            ["Beslut om påslaget", self.month["rate_decision"]],
            ["Rader", len(self.own)],
            ["Rättelserader", len(self.corrections)],
            ["Katalogversion", self.month["catalogue"]],
            ["Stängd (UTC)", datetime.fromisoformat(self.month["closed"][:19])],
            ["Kontrollsumma (SHA-256)", self.month["hash"]],
            ["Stängd av", self.month["by"] or "–"],
            ["Beslut i styrloggen (ankare)", self.month["anchor"]],
        ]
        return rows + [["Godtagna luckor", self.month["gaps"]]] * bool(self.month["gaps"])

    def sums(self, key, names):
        of = {}
        for charge in self.charges:
            of.setdefault(charge[key], []).append(charge)
        rows = [[code, *names[code], len(of[code]), *self.amounts(of[code])] for code in sorted(of)]
        return [*rows, ["Summa", "", "", len(self.charges), *self.amounts(self.charges)]]

    @staticmethod
    def lines(columns, charges):
        return [[charge[field] for field in columns.values()] for charge in charges]

    def checks(self):
        gross, joint, net, surcharge, _ = self.amounts(self.charges)
        rows = [
            [f"{name}: Rader + Rättelser mot {against}", amount, amount, "ja"]
            for against in ["Per betalare", "Per tjänst", "Sammanfattning"]
            for name, amount in
            [("Brutto", gross), ("Gemensamt", joint), ("Netto", net), ("Påslag", surcharge)]
        ]
        ids = len({charge["id"] for charge in self.charges})
        return [
            *rows,
            ["Brutto − gemensamt mot netto", gross - joint, net, "ja"],
            ["Antal rader mot antal olika rad-id", len(self.charges), ids, "ja"],
        ]


def opened(path, said, payer=None):
    book = load_workbook(path)
    sheets = Ledger(said, payer).sheets()
    if book.sheetnames != list(sheets):
        differ(f"{path}: sheets", book.sheetnames, list(sheets))
    for name in filter(sheets.get, book.sheetnames):
        compare(f"{path} {name}", book[name], *sheets[name])
    return book


def workbook(path, said, payer=None):
    for sheet in opened(path, said, payer).worksheets:
        where = f"{path} {sheet.title}"
        if sheet.freeze_panes != "A2":
            differ(f"{where}: frozen at", sheet.freeze_panes, "A2")
        if not sheet.auto_filter.ref:
            differ(f"{where}: filter", None, "one")
        if str(sheet.page_setup.paperSize) != "9":
            differ(f"{where}: paper", sheet.page_setup.paperSize, "9 (A4)")


def specification(path, said):
    workbook(path, said, Path(path).stem[: -len("-" + said["month"]["month"])])


def lines(path, said):
    rows = [[charge[field] for field in FIELDS] for charge in Ledger(said).charges]
    compare(path, load_workbook(path).worksheets[0], FIELDS, rows)


def noticed(path, said):
    book, sheets = load_workbook(path), Ledger(said).sheets()
    for name, (titles, rows) in sheets.items():
        row = len(rows) // 2 + 2
        for column, title in enumerate(titles, start=1):
            cell = book[name].cell(row, column)
            was, before = cell.value, len(differences)
            cell.value = was + 0.01 if isinstance(was, (int, float)) else f"{was or ''}x"
            compare(path, book[name], titles, rows)
            cell.value = was
            if len(differences) == before:
                differ(f"{path} {name} row {row} {title}: changed", was, "unnoticed")
            else:
                del differences[before:]


def main(ledger, kind, *files):
    with open(ledger, encoding="utf-8") as file:
        said = json.load(file)
    if not said["charges"] or not files:
        sys.exit("nothing to compare")
    kinds = [workbook, opened, specification, lines, noticed]
    for path in files:
        {known.__name__: known for known in kinds}[kind](path, said)
    for difference in differences[:50]:
        print(difference)
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
