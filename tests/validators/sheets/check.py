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
from openpyxl.utils import get_column_letter

NUMBERS = {"quantity", "unit_price", "gross", "joint", "net", "surcharge"}
AMOUNTS = ["gross", "joint", "net", "surcharge"]
AMOUNT_TITLES = ["Brutto, kr", "Gemensamt, kr", "Netto, kr", "Påslag, kr", "Summa, kr"]
# The columns of the sheet of lines, by what the ledger calls them.
LINES = {
    "Betalare": "customer",
    "Kostnadsställe": "costcentre",
    "Tjänst": "service",
    "Tjänstens namn": "service_name",
    "Mätare": "meter_name",
    "Klass": "class_name",
    "Enhet": "unit_name",
    "Prismodell": "model",
    "Kvantitet": "quantity",
    "Pris, kr": "unit_price",
    "Brutto, kr": "gross",
    "Gemensamt, kr": "joint",
    "Netto, kr": "net",
    "Påslag, kr": "surcharge",
    "Rad-id": "id",
}
CORRECTIONS = {}
for title, field in LINES.items():
    if title == "Prismodell":
        CORRECTIONS |= {"Rättar": "corrects", "Orsak": "reason"}
    if title == "Kvantitet":
        CORRECTIONS |= {"Kvantitet före": "before", "Kvantitet efter": "after"}
    if title == "Rad-id":
        CORRECTIONS["Sats"] = "rate"
    CORRECTIONS[title] = field
# The fields of the API and of CSV, in their order.
FIELDS = [
    "id", "month", "corrects", "customer", "costcentre", "service", "meter", "class", "unit",
    "quantity", "unit_price", "gross", "joint", "net", "surcharge",
]
KINDS = {"forvaltning": "förvaltning", "bolag": "bolag", "objekt": "objekt"}
REASONS = {
    None: None,
    "usage": "användningen har ändrats",
    "payer": "kostnadsstället har bytt betalare",
    "spread": "fördelningen mellan kostnadsställen har ändrats",
    "terms": "villkoren har ändrats",
}
ABOUT_MODELS = (
    "gäller allt som en betalare använder av klassen i månaden; "
    "beloppet fördelas på betalarens kostnadsställen efter kvantitet"
)
# What is sorted and filtered ends above the sum of these.
WITH_TOTAL = ["Per betalare", "Per tjänst", "Per kostnadsställe"]


def number(text):
    """As people write it: 1 234,5 with spaces that do not break."""
    return f"{Decimal(text):,f}".replace(",", "\u00a0").replace(".", ",")


def kronor(text):
    return number(text if "." in text else text + ".00") + "\u00a0kr"


def words(price, model):
    """A price model, `trappa 100:0.4 fritt 10`, for people; none where it is quantity × price."""
    steps, options, shape, left = [], {}, None, model.split()
    while left:
        word = left.pop(0)
        if ":" in word:
            steps.append(word.split(":"))
        elif word in ("fritt", "minst", "paket"):
            options[word] = left.pop(0)
        shape = word if word in ("trappa", "volym", "paket", "fast") else shape
    if shape is None and not options:
        return None
    text = f"à {kronor(price)}"
    if shape == "trappa":
        prices = [price, *(cost for _, cost in steps)]
        parts = [f"till {number(above)} à {kronor(cost)}" for (above, _), cost in zip(steps, prices)]
        text = f"trappa: {', '.join(parts)}, därefter à {kronor(prices[-1])}"
    elif shape == "volym":
        text = f"volym: till {number(steps[0][0])} alla à {kronor(price)}"
        text += "".join(f", över {number(above)} alla à {kronor(cost)}" for above, cost in steps)
    elif shape == "paket":
        text = f"paket: {kronor(price)} för varje påbörjat paket om {number(options['paket'])}"
    elif shape == "fast":
        text = f"fast: {kronor(price)} för månaden"
    if "fritt" in options:
        text = f"de första {number(options['fritt'])} fria, sedan {text}"
    if "minst" in options:
        text += f"; minst {kronor(options['minst'])} i en månad med användning"
    return text


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
        self.said, self.payer = said, payer
        self.month, self.payers, self.services = said["month"], said["payers"], said["services"]
        if payer is not None:
            # Why gaps were accepted may name others.
            self.month = self.month | {"gaps": None}
        billed = {}
        for charge in said["earlier"]:
            usage = self.usage(charge, charge["corrects"] or charge["month"])
            billed[usage] = billed.get(usage, 0) + Decimal(charge["quantity"])
        chosen = [charge for charge in said["charges"] if payer in (None, charge["customer"])]
        self.charges = [self.named(charge, billed) for charge in chosen]
        self.own = [charge for charge in self.charges if charge["corrects"] is None]
        self.corrections = [charge for charge in self.charges if charge["corrects"] is not None]

    @staticmethod
    def usage(charge, month):
        return (month, *(charge[name] for name in ["customer", "costcentre", "service", "meter", "class"]))

    def named(self, charge, billed):
        numbers = {name: Decimal(charge[name]) for name in NUMBERS if charge[name] is not None}
        before = billed.get(self.usage(charge, charge["corrects"]), Decimal(0))
        service = self.services[charge["service"]]
        meter = service["meters"][charge["meter"]]
        why = self.said["corrections"].get(charge["id"], {"reason": None, "rate": None})
        bears = (service["established"] or "9") <= (charge["corrects"] or charge["month"])
        rated = why["rate"] is not None and (bears or numbers["surcharge"] != 0)
        values = (meter["values"].get(value, value) for value in charge["class"].split("/"))
        return charge | numbers | {
            "service_name": service["name"],
            "meter_name": meter["name"],
            "class_name": ", ".join(values),
            "unit_name": self.said["units"][charge["unit"]],
            "model": self.model(charge),
            "reason": REASONS[why["reason"]],
            "rate": Decimal(why["rate"]) if rated else None,
            "before": before,
            "after": before + numbers["quantity"],
        }

    def model(self, charge):
        month = charge["corrects"] or charge["month"]
        key = [charge["service"], charge["meter"], charge["class"]]
        [row] = [
            row for row in self.said["prices"]
            if row["key"] == key and row["from"] <= month <= (row["to"] or month)
        ]
        return words(row["price"], row["model"])

    @staticmethod
    def amounts(charges):
        gross, joint, net, surcharge = (sum((c[name] for c in charges), Decimal(0)) for name in AMOUNTS)
        return [gross, joint, net, surcharge, net + surcharge]

    def sheets(self):
        """Title and rows of each sheet, in their order."""
        payers = {code: [payer["name"], KINDS[payer["kind"]]] for code, payer in self.payers.items()}
        services = {slug: [service["name"], service["product"]] for slug, service in self.services.items()}
        centres = ["Betalare", "Betalarens namn", "Kostnadsställe", "Namn", "Rader", *AMOUNT_TITLES]
        lines, corrections = dict(LINES), dict(CORRECTIONS)
        if self.payer is not None:
            del centres[:2], lines["Betalare"], corrections["Betalare"]
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
            "Per kostnadsställe": (centres, self.costcentres()),
            "Rader": (list(lines), self.lines(lines, self.own)),
            "Rättelser": (list(corrections), self.lines(corrections, self.corrections)),
            "Kontroll": (["Kontroll", "Värde", "Jämförs med", "Stämmer"], self.checks()),
        }

    def title(self):
        """What the workbook is."""
        if self.payer is None:
            return "Debiteringsunderlag"
        return f"Specifikation för {self.payer} {self.payers[self.payer]['name']}"

    def summary(self):
        gross, joint, net, surcharge, billed = self.amounts(self.charges)
        year, number = map(int, self.month["month"].split("-"))
        last = date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)
        whose, due = [], "Att debitera"
        if self.payer is not None:
            payer = self.payers[self.payer]
            whose = [["Betalare", f"{self.payer} {payer['name']}"]]
            due = "Att fakturera" if payer["kind"] == "bolag" else due
        models = [["Prismodell", ABOUT_MODELS]] * any(charge["model"] for charge in self.charges)
        rows = [
            *whose,
            ["Leverantör", self.said["supplier"]],
            ["Månad", self.month["month"]],
            ["Första dag", last.replace(day=1)],
            ["Sista dag", last],
            ["Läge", "stängd"],
            ["Brutto, kr", gross],
            ["Gemensamt finansierat, kr", joint],
            ["Netto, kr (exkl. påslag och moms)", net],
            ["Påslag, kr", surcharge],
            [f"{due}, kr (exkl. moms)", billed],
            ["Påslagets sats", Decimal(self.month["rate"])],
            ["Beslut om påslaget", self.month["rate_decision"]],
            ["Rader", len(self.own)],
            ["Rättelserader", len(self.corrections)],
            *models,
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

    def costcentres(self):
        of = {}
        for charge in self.charges:
            of.setdefault((charge["customer"], charge["costcentre"]), []).append(charge)
        rows = [
            [payer, self.payers[payer]["name"], code, self.said["costcentres"][code], len(lines),
             *self.amounts(lines)]
            for (payer, code), lines in sorted(of.items())
        ]
        total = ["Summa", "", "", "", len(self.charges), *self.amounts(self.charges)]
        if self.payer is not None:
            rows, total = [row[2:] for row in rows], ["Summa", *total[3:]]
        return [*rows, total]

    @staticmethod
    def lines(columns, charges):
        return [[charge[field] for field in columns.values()] for charge in charges]

    def checks(self):
        gross, joint, net, surcharge, _ = self.amounts(self.charges)
        rows = [
            [f"{name}: Rader + Rättelser mot {against}", amount, amount, "ja"]
            for against in [*WITH_TOTAL, "Sammanfattning"]
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
    ledger = Ledger(said, payer)
    sheets, supplier = ledger.sheets(), said["supplier"]
    book = opened(path, said, payer)
    title = f"{ledger.title()} {said['month']['month']} – stängd"
    # Above a printed page "&" begins a command, so that it is doubled.
    above = tuple(text.replace("&", "&&") for text in (ledger.title(), supplier))
    if book.properties.title != title:
        differ(f"{path}: title", book.properties.title, title)
    for sheet in book.worksheets:
        where = f"{path} {sheet.title}"
        titles, rows = sheets[sheet.title]
        last = len(rows) + 1 - (sheet.title in WITH_TOTAL)
        wanted = {
            "frozen at": (sheet.freeze_panes, "A2"),
            "filter": (sheet.auto_filter.ref, f"A1:{get_column_letter(len(titles))}{last}"),
            "paper": (str(sheet.page_setup.paperSize), "9"),
            "landscape": (sheet.page_setup.orientation, "landscape"),
            "header": ((sheet.oddHeader.left.text, sheet.oddHeader.right.text), above),
            "rows on every page": (sheet.print_title_rows, "$1:$1"),
        }
        for what, (cell, said_of_it) in wanted.items():
            if cell != said_of_it:
                differ(f"{where}: {what}", cell, said_of_it)
        shown(where, sheet, titles)


def shown(where, sheet, titles):
    """Rates in per cent, and no decimal comma behind a whole quantity."""
    for row in sheet.iter_rows(min_row=2):
        for title, cell in zip(titles, row):
            if not isinstance(cell.value, (int, float)):
                continue
            whole = title.startswith("Kvantitet") and cell.value == int(cell.value)
            if whole and cell.number_format != "#,##0":
                differ(f"{where} {cell.coordinate}: format", cell.number_format, "#,##0")
            if title == "Sats" and not cell.number_format.endswith("%"):
                differ(f"{where} {cell.coordinate}: format", cell.number_format, "%")


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
