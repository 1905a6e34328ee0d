"""Reads with other implementations what TestSamples wrote: openpyxl and Python's csv must find the same values.

    python3 read.py FOLDER
"""
import csv
import datetime
import json
import re
import sys
import unicodedata
import zipfile
from pathlib import Path

import openpyxl

folder = Path(sys.argv[1])
wanted = json.loads((folder / "expected.json").read_text("utf-8"))
wrong = []


def check(what, got, want):
    if got != want or type(got) is not type(want):
        wrong.append(f"{what}: {str(got)[:80]!r} ({type(got).__name__}), want {str(want)[:80]!r} ({type(want).__name__})")


def decoded(text):
    """ECMA-376's _xHHHH_, which openpyxl leaves to its callers."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), text)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)


def cut(text):
    """As the documentation says: 32,767 units of UTF-16, the last an ellipsis."""
    units = text.encode("utf-16-le")
    if len(units) // 2 <= 32767:
        return text
    return units[: 32766 * 2].decode("utf-16-le", "ignore") + "…"


def as_excel(text):
    """What a workbook can't say: halves of surrogates, and two escapes that share an underscore."""
    return cut(re.sub("_(?=xD[89A-F][0-9A-F]{2}_|x[0-9A-F]{4}_x[0-9A-F]{4}_)", "＿", text, flags=re.I))


def workbook():
    path = folder / "nasty.xlsx"
    for part in zipfile.ZipFile(path).namelist():
        if re.search("<f[ >/]", zipfile.ZipFile(path).read(part).decode("utf-8")):
            wrong.append(f"{part} has a formula")
    book = openpyxl.load_workbook(path)
    check("sheets", book.sheetnames, [wanted["name"], wanted["name"] + " (2)"])
    check("title", book.properties.title, "=1+1 <b>")
    check("description", book.properties.description, "@note")
    check("creator", book.properties.creator, "Cohort")
    check("created", book.properties.created, datetime.datetime(2026, 11, 21, 9, 30))
    for sheet in book:
        cells = 0
        check("frozen", sheet.freeze_panes, "A2")
        check("filter", sheet.auto_filter.ref.replace("$", ""), f"A1:E{len(wanted['rows']) + 1}")
        check("rows", sheet.max_row, len(wanted["rows"]) + 1)
        for i, (heading, width) in enumerate(zip(wanted["headings"], wanted["widths"])):
            cell = sheet.cell(1, i + 1)
            check("heading", decoded(cell.value), heading)
            check("bold", cell.font.b, True)
            check("width", sheet.column_dimensions[cell.column_letter].width, float(width))
        for i, row in enumerate(wanted["rows"]):
            for j, want in enumerate(row):
                cell = sheet.cell(i + 2, j + 1)
                where = f"{sheet.title} {cell.coordinate}"
                got, kind, value = cell.value, want["type"], want["value"]
                if kind == "text" and value != "":
                    check(where + " type", cell.data_type in ("s", "inlineStr"), True)
                    check(where + " format", cell.number_format, "@")
                    check(where, decoded(got), as_excel(value))
                elif kind == "number":
                    check(where + " type", cell.data_type, "n")
                    check(where, got, value)
                elif kind == "date":
                    check(where + " is a date", cell.is_date, True)
                    check(where + " format", cell.number_format, "dd.mm.yyyy hh:mm:ss")
                    check(where, abs(got - moment(value)) < datetime.timedelta(milliseconds=1), True)
                elif kind == "truth":
                    check(where + " type", cell.data_type, "b")
                    check(where, got, value)
                else:
                    check(where, got, None)
                cells += 1
        print(f"- openpyxl {openpyxl.__version__} finds {cells} cells in {sheet.title!r} as they were written, and no formula")


def skipped(c):
    return c in "'\"" or (c not in "\t\r\n" and (c.isspace() or unicodedata.category(c) == "Cf"))


def undone(text):
    """What export/csv.go says undoes the apostrophes."""
    out, begins = [], True
    for i, c in enumerate(text):
        if begins and c == "'":
            rest = next((d for d in text[i + 1 :] if not skipped(d)), "")
            if rest and (rest in "=+-@＝＋－＠" or i == 0 and rest in "\t\r\n"):
                begins = False
                continue
        begins = c in ";\t\r\n"
        out.append(c)
    return "".join(out)


def german(want):
    kind, value = want["type"], want["value"]
    if kind == "date":
        return moment(value).strftime("%d.%m.%Y %H:%M:%S")
    if kind == "truth":
        return "Ja" if value else "Nein"
    return "" if value is None else str(value)


def comma_separated():
    with open(folder / "nasty.csv", encoding="utf-8", newline="") as file:
        read = list(csv.reader(file, strict=True))
    check("rows of CSV", len(read), len(wanted["rows"]) + 1)
    check("headings of CSV", [undone(h) for h in read[0]], wanted["headings"])
    check("a defused heading", read[0][0], "'=Text")
    for i, (row, want) in enumerate(zip(read[1:], wanted["rows"])):
        check(f"row {i + 2} of CSV", len(row), len(want))
        for got, cell in zip(row, want):
            if cell["type"] == "text":
                begin = got.lstrip("'\"\ufeff\u200b \u00a0")[:1]
                if begin in ("=", "+", "-", "@") and got[0] != "'" or got[:1] in ("\t", "\r", "\n"):
                    wrong.append(f"row {i + 2} of CSV: {got[:40]!r} may be a formula")
                got = undone(got)
            check(f"row {i + 2} of CSV", got, german(cell))
    raw = (folder / "nasty.csv").read_bytes()
    check("no mark", raw[:3] == b"\xef\xbb\xbf", False)
    check("the end", raw[-2:], b"\r\n")
    marked = (folder / "bom.csv").read_bytes()
    check("the mark", marked[:3] == b"\xef\xbb\xbf" and marked[3:] == raw[: len(marked) - 3], True)
    print(f"- Python {sys.version.split()[0]} reads {len(read)} rows of CSV as they were written")


workbook()
comma_separated()
for line in wrong[:40]:
    print("wrong:", line, file=sys.stderr)
sys.exit(f"{len(wrong)} things are wrong" if wrong else 0)
