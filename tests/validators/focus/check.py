"""Checks a FOCUS 1.2 CostAndUsage file in CSV: prints `passed N`, then `failed RULE why` for each rule that fails."""

import csv
import json
import re
import subprocess
import sys
from decimal import Decimal, getcontext
from pathlib import Path

import focus_validator

VERSION = "1.2.0.1"
# What the export supports of what FOCUS makes optional; without them the rules about it are left out.
SUPPORTED = """
    ACCOUNT_NAMING_SUPPORTED MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED MULTIPLE_PRICING_CATEGORIES_SUPPORTED
    MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED NEGOTIATED_PRICING_SUPPORTED PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED
    PUBLIC_PRICE_LIST_SUPPORTED SUB_ACCOUNT_SUPPORTED UNIT_PRICING_SUPPORTED USAGE_MEASUREMENT_SUPPORTED
""".split()
# A product of two numbers of 38 digits is exact.
getcontext().prec = 80
PACKAGE = Path(focus_validator.__file__).parent


def validate(path):
    """The validator's own verdict. It opens a file relative to where it is installed, and ends well whatever it finds."""
    command = [
        Path(sys.executable).with_name("focus-validator"), "--validate-version", VERSION, "--block-download",
        "--focus-dataset", "CostAndUsage", "--data-file", path, "--applicability-criteria", ",".join(SUPPORTED),
    ]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True)
    total = re.search(r"^Total: (\d+) \| Pass: (\d+) \| Fail: (\d+) \| Skipped: (\d+)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or total is None:
        sys.exit(f"focus-validator gave no verdict (exit code {done.returncode}):\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    failed = re.findall(r"^\S+ (\S+): (?:FAIL|ERROR)\w*\s+(.*)$", done.stdout, re.MULTILINE)
    if len(failed) != int(total[3]):
        sys.exit(f"focus-validator counts {total[3]} failures and shows {len(failed)}:\n{done.stdout[-4000:]}")
    return int(total[2]), failed


def requirements():
    """Every rule's id and what it requires."""
    model = json.loads((PACKAGE / "rules" / f"model-{VERSION}.json").read_text())
    for rule, content in model["ModelRules"].items():
        yield rule, content.get("ValidationCriteria", {}).get("Requirement", {})


def closed_lists():
    """By rule, the columns that are looked at together and the values that they may have."""
    for rule, required in requirements():
        if required.get("CheckFunction") != "OR":
            continue
        choices = [item["Items"] if item["CheckFunction"] == "AND" else [item] for item in required["Items"]]
        if all(item["CheckFunction"] == "CheckValue" for items in choices for item in items):
            columns = [item["ColumnName"] for item in choices[0]]
            yield rule, columns, {tuple(item["Value"] for item in items) for items in choices}


def products():
    """By rule, two columns and the one that holds their product."""
    for rule, required in requirements():
        if required.get("CheckFunction") == "ColumnByColumnEqualsColumnValue":
            yield rule, required["ColumnAName"], required["ColumnBName"], required["ResultColumnName"]


def check_rows(path):
    """What must hold of every row by itself."""
    lists, multiplied = list(closed_lists()), list(products())
    if len(lists) < 5 or len(multiplied) < 2:
        sys.exit(f"the rules of {VERSION} are not as they were: {len(lists)} closed lists, {len(multiplied)} products")
    with open(path, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            for rule, columns, allowed in lists:
                values = tuple(row.get(column) or None for column in columns)
                if any(values) and values not in allowed:
                    yield rule, f"row {number}: {values} of {columns} is not in the closed list"
            for rule, one, other, result in multiplied:
                values = [row.get(column) for column in (one, other, result)]
                if row.get("ChargeClass") == "Correction" or not all(values):
                    continue
                if Decimal(values[0]) * Decimal(values[1]) != Decimal(values[2]):
                    yield rule, f"row {number}: {one} {values[0]} × {other} {values[1]} is not {result} {values[2]}"


def main():
    path = Path(sys.argv[1]).resolve()
    passed, failed = validate(path)
    print(f"passed {passed}")
    for rule, why in failed + list(check_rows(path)):
        print(f"failed {rule} {why}")


main()
