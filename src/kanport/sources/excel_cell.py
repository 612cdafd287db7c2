"""From a cell of a sheet to text, with what is odd about it: nothing is guessed or made to fit."""

import datetime
import re
from decimal import Decimal, InvalidOperation

from kanport.facts import fact
from kanport.sources.cells import error_cell
from kanport.sources.excel_sheet import RawCell
from kanport.table import Odd

MAX_DIGITS = 15
"""Excel keeps no more digits of a number; all after them are zeros."""

_PADDED = re.compile(r"0{2,}")


def cell_text(cell: RawCell) -> tuple[str, Odd | None]:
    """Give a cell's value as text, and why it is not plain text, if so.

    Text is given as it stands; error texts and control characters are found on cleaning.
    """
    if cell.stale:
        return "", Odd(fact("cell-formula"))
    match cell.type:
        case "e":
            return str(cell.value), error_cell(str(cell.value))
        case "b":
            text = "TRUE" if cell.value else "FALSE"
            return text, Odd(fact("cell-boolean", text=text), text)
        case "d":
            text = _date_text(cell)
            return text, Odd(fact("cell-date", date=text), text)
        case "n":
            return _number(cell)
        case "?":
            return cell.raw, Odd(fact("cell-unreadable"), cell.raw)
    return str(cell.value), None


def _date_text(cell: RawCell) -> str:
    match cell.value:
        case datetime.datetime() as moment if moment.time() == datetime.time():
            return moment.date().isoformat()
        case datetime.datetime() | datetime.date() | datetime.time() as moment:
            return moment.isoformat()
    return str(cell.value)


def _number(cell: RawCell) -> tuple[str, Odd | None]:
    try:
        number = Decimal(cell.raw)
        whole = number == number.to_integral_value()
    except InvalidOperation:
        number, whole = Decimal(0), False
    if not whole or abs(number) >= 10**MAX_DIGITS:
        case = "digits" if whole else "fraction"
        return cell.raw, Odd(fact("cell-number-inexact", case=case, digits=MAX_DIGITS), cell.raw)
    text = str(int(number))
    padded = text.zfill(len(cell.format)) if _PADDED.fullmatch(cell.format) else text
    if padded != text:
        why = fact("cell-number", case="padded", shown=padded, text=text)
    elif cell.format in ("General", "0", "@", "#,##0"):
        why = fact("cell-number")
    else:
        why = fact("cell-number", case="formatted", format=cell.format)
    return text, Odd(why, text)
