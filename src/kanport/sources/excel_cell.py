"""From a cell of a sheet to text, with what is odd about it: nothing is guessed or made to fit."""

import datetime
import re
from decimal import Decimal, InvalidOperation

from kanport.sources.cells import error_cell
from kanport.sources.excel_sheet import RawCell
from kanport.table import Odd

MAX_DIGITS = 15
"""Excel keeps no more digits of a number; all after them are zeros."""

_AS_TEXT = "set the cells to Text before writing into them"
_PADDED = re.compile(r"0{2,}")


def cell_text(cell: RawCell) -> tuple[str, Odd | None]:
    """Give a cell's value as text, and why it is not plain text, if so.

    Text is given as it stands; error texts and control characters are found on cleaning.
    """
    if cell.stale:
        return "", Odd(
            "cell-formula",
            "the formula in the cell was saved without its value",
            "open the file in Excel or LibreOffice, save it there, and try again",
        )
    match cell.type:
        case "e":
            return str(cell.value), error_cell(str(cell.value))
        case "b":
            text = "TRUE" if cell.value else "FALSE"
            hint = f"it stands as {text} in the file, whatever the sheet shows; {_AS_TEXT}"
            return text, Odd("cell-boolean", "the cell holds a truth value, not text", hint, text)
        case "d":
            text = _date_text(cell)
            return text, Odd(
                "cell-date",
                f"the cell holds a date ({text}), not text",
                "if a name was taken for a date, " + _AS_TEXT + "; a date cannot be read as a name",
                text,
            )
        case "n":
            return _number(cell)
        case "?":
            return cell.raw, Odd(
                "cell-unreadable",
                "the cell says that it holds a number or a truth value, and this cannot be read as"
                " one",
                "write the value anew, and save the file in Excel or LibreOffice",
                cell.raw,
            )
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
        why = f"more than {MAX_DIGITS} digits; the last are lost" if whole else "a fraction"
        return cell.raw, Odd(
            "cell-number-inexact", f"the cell holds a number with {why}", _AS_TEXT, cell.raw
        )
    text = str(int(number))
    padded = text.zfill(len(cell.format)) if _PADDED.fullmatch(cell.format) else text
    if padded != text:
        hint = f"the sheet shows {padded}, but the cell holds {text}; {_AS_TEXT}"
    elif cell.format in ("General", "0", "@", "#,##0"):
        hint = f"zeros at its beginning would be lost; {_AS_TEXT}"
    else:
        hint = f"the sheet may show it in another way ({cell.format}); {_AS_TEXT}"
    return text, Odd("cell-number", "the cell holds a number, not text", hint, text)
