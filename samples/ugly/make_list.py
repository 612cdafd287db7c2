"""Make staff.xlsx: a staff list as HR keeps it, for the guide in this folder.

It has titles, merged cells, a second header line, a total, notes in the margin, colored rows, dates
in several forms, several projects in one cell, and a sheet of codes. With --projects, create the
projects of the guide on the server of KANPORT_URL instead.
"""

import os
import sys
from datetime import date
from pathlib import Path
from typing import Any, cast

import httpx
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

LIST = Path(__file__).with_name("staff.xlsx")
HEADERS = ("No.", "Login", "First name", "Surname", "Mail", "Status", "Since", "Projects", "Role")
UNITS = ("", "(Windows)", "", "", "(office)", "(see Codes)", "(date)", "(comma)", "(R/W/M)")
ROWS: tuple[tuple[Any, ...], ...] = (
    (1, "ada.l", "Ada", "Lovelace", "ada.l@example.org", "A", date(2019, 3, 1), "WEB, OPS", "M"),
    (2, "grace.h", "Grace", "Hopper", "grace.h@example.org", "A", "1.4.2021", "WEB", "W"),
    (3, "alan.t", "Alan", "Turing", "alan.t@example.org", "P", "2020-07-15", "OPS", "R"),
    (4, "noor.k", "Noor", "Khan", "noor.k(at)example.org", "A", "March 2022", "WEB,OPS", "W"),
    (
        5,
        "edsger.d",
        "Edsger",
        "Dijkstra",
        "edsger.d@example.org",
        "A",
        date(2018, 1, 8),
        "OPS",
        "W",
    ),
    (6, "barbara.l", "Barbara", "Liskov", "barbara.l@example.org", "A", "", "WEB, OPS", "W?"),
    (7, "dennis.r", "Dennis", "Ritchie", "dennis.r@example.org", "L", "12/2017", "WEB", "R"),
)
CODES = {
    "A": "active",
    "P": "parental leave",
    "L": "left",
    "R": "reads",
    "W": "writes",
    "M": "manages",
}
GRAY, YELLOW, RED = (PatternFill("solid", start_color=c) for c in ("DDDDDD", "FFF2CC", "F8CBAD"))
WIDTHS = (6, 14, 12, 12, 24, 12, 12, 16, 10, 3, 28)


def workbook() -> Workbook:
    """Return the list."""
    book = Workbook()
    sheet = cast("Worksheet", book.active)
    sheet.title = "Staff 2026"
    sheet.append(["Staff of the Web and Operations departments"])
    sheet.append(["As of 2 November 2026. Please do not sort!"])
    sheet["A1"].font, sheet["A1"].alignment = Font(bold=True, size=16), Alignment("center")
    sheet.merge_cells("A1:I1")
    sheet.merge_cells("A2:I2")
    for row in ((), HEADERS, UNITS, *ROWS, (), ("Total", "=COUNTA(B6:B12)", *[""] * 4, "7 people")):
        sheet.append(row)
    sheet.merge_cells("G14:I14")
    sheet["K7"], sheet["K10"] = "Grace moves to OPS in spring", "ask Ms Weber!"
    for number, fill in ((4, GRAY), (5, GRAY), (8, YELLOW), (12, RED)):
        for cell in sheet[number][:9]:
            cell.fill = fill
    for number in (4, 14):
        for cell in sheet[number][:9]:
            cell.font = Font(bold=True)
    for letter, width in zip("ABCDEFGHIJK", WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    codes = book.create_sheet("Codes")
    for row in (("Code", "Meaning"), *CODES.items()):
        codes.append(row)
    return book


def create_projects() -> None:
    """Create the projects WEB and OPS, where access is to be given."""
    url = f"{os.environ['KANPORT_URL']}/jsonrpc.php"
    for name, identifier in (("Website", "WEB"), ("Operations", "OPS")):
        params = {"name": name, "identifier": identifier}
        call = {"jsonrpc": "2.0", "id": 1, "method": "createProject", "params": params}
        httpx.post(url, json=call, auth=("jsonrpc", os.environ["KANPORT_TOKEN"])).raise_for_status()


if __name__ == "__main__":
    if "--projects" in sys.argv:
        create_projects()
    else:
        workbook().save(LIST)
