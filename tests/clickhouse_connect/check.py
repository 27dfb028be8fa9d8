"""Checks a ClickHouse server with clickhouse-connect: a select, an insert, a parameterised query and an
error. Usage: check.py URL DATABASE. Ends with status 1 and says what differs; silent otherwise.

Runs unchanged against a real server."""

import datetime
import decimal
import sys
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

failures = []


def check(what, found, expected):
    if found != expected:
        failures.append(f"{what}: found {found!r:.200}, expected {expected!r:.200}")


def select(client):
    result = client.query("SELECT number, toString(number) AS text FROM numbers(3)")
    check("columns", result.column_names, ("number", "text"))
    check("rows", result.result_rows, [(0, "0"), (1, "1"), (2, "2")])
    many = client.query("SELECT number FROM numbers(500000)")
    check("many rows", sum(row[0] for row in many.result_rows), 500_000 * 499_999 // 2)
    check("a command's value", client.command("SELECT 6 * 7"), 42)
    empty = client.query("SELECT 1 AS a WHERE 0")
    check("no rows", empty.result_rows, [])
    check("columns without rows", client.query("SELECT 1 AS a LIMIT 0").column_names, ("a",))


def insert(client):
    client.command(
        "CREATE TABLE usage (id UInt128, service LowCardinality(String), at DateTime64(6, 'UTC'),"
        " quantity Decimal(38, 9), tags Map(String, String), note Nullable(String))"
        " ENGINE = MergeTree ORDER BY id"
    )
    at = datetime.datetime(2021, 3, 28, 1, 0, 0, 123456, tzinfo=datetime.timezone.utc)
    rows = [
        (i + 0x0A0A0A0A << 64, f"service {i % 34}", at, decimal.Decimal("-1.000000001") * i, {"å": "\n\n"}, None if i % 2 else "x")
        for i in range(20_000)
    ]
    names = ["id", "service", "at", "quantity", "tags", "note"]
    summary = client.insert("usage", rows, column_names=names)
    check("written rows", summary.written_rows, len(rows))
    back = client.query("SELECT * FROM usage ORDER BY id").result_rows
    check("inserted rows", len(back), len(rows))
    for found, expected in zip(back, rows):
        if tuple(found) != expected:
            check("an inserted row", tuple(found), expected)
            break
    client.raw_insert("usage", ["id", "service"], b'1,"raw\n\n"\n', fmt="CSV")
    check("raw insert", client.command("SELECT service FROM usage WHERE id = 1 FORMAT TSVRaw"), "raw\n\n")


def parameters(client):
    hostile = "'; DROP TABLE usage; -- \\ \t \n\n {x:String} å"
    result = client.query("SELECT {text:String}, {number:UInt64}", parameters={"text": hostile, "number": 7})
    check("parameters", result.result_rows, [(hostile, 7)])
    found = client.query("SELECT count() FROM usage WHERE service = {service:String}", parameters={"service": "service 1"})
    check("parameter in WHERE", found.result_rows, [(589,)])
    setting = client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 1234})
    check("setting", setting.result_rows, [(1234,)])
    check("setting forgotten", client.query("SELECT getSetting('max_block_size')").result_rows == [(1234,)], False)


def error(client):
    for sql, code in [("SELECT * FROM nowhere", 60), ("SELECT throwIf(number = 400000) FROM numbers(500000)", 395)]:
        try:
            client.query(sql)
            failures.append(f"{sql}: no error")
        except DatabaseError as problem:
            if f"Code: {code}. DB::Exception: " not in str(problem):
                failures.append(f"{sql}: {problem}")


def session(client):
    client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.insert("mine", [[1], [2]], column_names=["a"])
    check("temporary table", client.command("SELECT sum(a) FROM mine"), 3)


def main(url, database):
    place = urlsplit(url)
    for compress in (True, False, "gzip", "zstd", "lz4"):
        client = clickhouse_connect.get_client(
            host=place.hostname, port=place.port, database=database, compress=compress, tz_mode="aware"
        )
        client.command("DROP TABLE IF EXISTS usage")
        for part in (select, insert, parameters, error, session):
            part(client)
        client.close()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
