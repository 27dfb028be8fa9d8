"""Compares every cell of a month's workbooks with its charges. Prints what differs; ends with 1 when anything does.

    check.py CHARGES.json workbook FILE…   workbooks with all sheets, as they were written
    check.py CHARGES.json opened FILE…     the same after LibreOffice, which without a window keeps no frozen rows
    check.py CHARGES.json lines FILE…      workbooks made of CSV: one sheet, the fields of the API
"""

import json
import sys
from decimal import Decimal

from openpyxl import load_workbook

NUMBERS = {"quantity", "unit_price", "gross", "joint", "net", "surcharge"}
AMOUNTS = ["gross", "joint", "net", "surcharge"]
AMOUNT_TITLES = ["Brutto, kr", "Gemensamt, kr", "Netto, kr", "Påslag, kr", "Summa, kr"]
# The columns of the sheet of lines, by what the API calls them; that of corrections has one more.
LINES = {
    "Rad-id": "id",
    "Månad": "month",
    "Betalare": "customer",
    "Kostnadsställe": "costcentre",
    "Tjänst": "service",
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

differences = []


def differ(where, cell, said):
    differences.append(f"{where}: cell {cell!r}, ledger {said!r}")


def same(where, field, cell, said):
    """A cell is a number where the ledger has one, and else the same text."""
    if field in NUMBERS and said is not None:
        if isinstance(cell, bool) or not isinstance(cell, (int, float)):
            differ(f"{where} is no number", cell, said)
        elif Decimal(repr(cell)).quantize(Decimal("0.000001")) != Decimal(said):
            differ(where, cell, said)
    elif (cell or "") != (said or ""):
        differ(where, cell, said)


def rows(sheet):
    """Each row as title → cell."""
    titles, *rest = sheet.iter_rows(values_only=True)
    return [dict(zip(titles, row)) for row in rest if any(cell is not None for cell in row)]


def compare_lines(where, found, charges, names):
    missing = [title for title in names if found and title not in found[0]]
    if missing:
        differ(f"{where}: columns", None, missing)
    if len(found) != len(charges):
        differ(f"{where}: number of rows", len(found), len(charges))
    for number, (row, charge) in enumerate(zip(found, charges), start=2):
        for title, field in names.items():
            same(f"{where} row {number} {title}", field, row.get(title), charge[field])


def sums(charges, key):
    totals = {}
    for charge in charges:
        of = totals.setdefault(charge[key], [Decimal(0)] * 4)
        totals[charge[key]] = [have + Decimal(charge[name]) for have, name in zip(of, AMOUNTS)]
    return {code: amounts + [amounts[2] + amounts[3]] for code, amounts in totals.items()}


def compare_sums(where, sheet, title, charges, key):
    want = sums(charges, key)
    total = [sum(amounts[n] for amounts in want.values()) for n in range(5)]
    found = {row[title]: row for row in rows(sheet)}
    if set(found) != set(want) | {"Summa"}:
        differ(f"{where}: which {title}", sorted(found), sorted(want))
    for code, amounts in [*want.items(), ("Summa", total)]:
        for name, amount in zip(AMOUNT_TITLES, amounts):
            cell = found.get(code, {}).get(name)
            if cell is None or Decimal(repr(cell)).quantize(Decimal("0.01")) != amount:
                differ(f"{where} {code} {name}", cell, str(amount))


def opened(path, charges):
    book = load_workbook(path)
    own = [charge for charge in charges if charge["corrects"] is None]
    corrections = [charge for charge in charges if charge["corrects"] is not None]
    compare_lines(f"{path} Rader", rows(book["Rader"]), own, LINES)
    compare_lines(f"{path} Rättelser", rows(book["Rättelser"]), corrections, LINES | {"Rättar": "corrects"})
    compare_sums(f"{path} Per betalare", book["Per betalare"], "Betalare", charges, "customer")
    compare_sums(f"{path} Per tjänst", book["Per tjänst"], "Tjänst", charges, "service")
    for row in rows(book["Kontroll"]):
        if row["Stämmer"] != "ja":
            differ(f"{path} Kontroll", row["Kontroll"], "ja")
    return book


def workbook(path, charges):
    book = opened(path, charges)
    for sheet in book.worksheets:
        where = f"{path} {sheet.title}"
        if sheet.freeze_panes != "A2":
            differ(f"{where}: frozen at", sheet.freeze_panes, "A2")
        if not sheet.auto_filter.ref:
            differ(f"{where}: filter", None, "one")
        if str(sheet.page_setup.paperSize) != "9":
            differ(f"{where}: paper", sheet.page_setup.paperSize, "9 (A4)")


def lines(path, charges):
    book = load_workbook(path)
    names = {name: name for name in charges[0]}
    compare_lines(path, rows(book.worksheets[0]), charges, names)


def main(ledger, kind, *files):
    with open(ledger, encoding="utf-8") as file:
        charges = json.load(file)
    if not charges or not files:
        sys.exit("nothing to compare")
    for path in files:
        {"workbook": workbook, "opened": opened, "lines": lines}[kind](path, charges)
    for difference in differences[:50]:
        print(difference)
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
