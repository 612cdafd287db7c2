"""Text that is nothing but a date: what spreadsheets make of names such as MARCH1 or 1-2-24."""

import re

_MONTHS = (
    # English, German, French, Spanish, Italian, Dutch and Portuguese, as spreadsheets write them.
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sep sept oct nov dec"
    " januar jänner februar märz mai juni juli oktober dezember jän mär mrz okt dez"
    " janvier février mars avril juin juillet août septembre octobre novembre décembre"
    " janv févr avr juil déc"
    " enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    " ene abr ago dic"
    " gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre"
    " gen mag giu lug set ott"
    " januari februari maart mei augustus mrt"
    " janeiro fevereiro março maio junho julho setembro outubro novembro dezembro fev out"
)
_MONTH = rf"(?:{'|'.join(_MONTHS.split())})\.?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:19|20)\d\d"
_BY = r"(?:[-/ ]|, |\. ?)"
_TIME = r"(?:[T ]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?"
_DATES = (
    rf"{_YEAR}([-/.]){_DAY}\1{_DAY}",
    # Which of the two is the month depends on the country, so it may be either.
    rf"{_DAY}([/.]){_DAY}\2(?:{_YEAR}|\d\d)",
    rf"{_DAY}-{_DAY}-{_YEAR}",
    rf"{_DAY}{_BY}{_MONTH}(?:{_BY}(?:{_YEAR}|\d\d))?",
    rf"{_MONTH}[-/ ](?:{_YEAR}|\d\d?)(?:,? {_YEAR})?",
    rf"{_YEAR}{_BY}{_MONTH}{_BY}{_DAY}",
    rf"(?:{_YEAR}年)?{_DAY}月{_DAY}日",
)
_DATE = re.compile(f"(?:{'|'.join(_DATES)}){_TIME}", re.IGNORECASE)


def is_date(text: str) -> bool:
    """Say whether a text is a date from its first character to its last, in whatever order.

    Numbers that could be something else are none: `2024-01`, `1/2`, `10-11-12`.

    >>> is_date("2024-01-02"), is_date("2.1.2024"), is_date("1-Mar"), is_date("Mar-01")
    (True, True, True, True)
    >>> is_date("10-11-12"), is_date("mar1"), is_date("Jan Maar"), is_date("ada-2024-01-02")
    (False, False, False, False)
    """
    at_an_end = text[:1].isdigit() or text[-1:].isdigit()
    return at_an_end and _DATE.fullmatch(text) is not None
