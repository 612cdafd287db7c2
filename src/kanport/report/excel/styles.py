"""The looks of the cells, in the order of `cells.Style`.

Those that texts from outside can have say `quotePrefix`: as after an apostrophe, such a cell stays
text even when somebody edits it.
"""

from typing import Final

_FONTS = (
    '<font><sz val="11"/><name val="Calibri"/><family val="2"/></font>',
    '<font><b/><sz val="16"/><name val="Calibri"/><family val="2"/></font>',
    '<font><b/><sz val="12"/><color rgb="FF1F4E79"/><name val="Calibri"/><family val="2"/></font>',
    '<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/><family val="2"/></font>',
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font>',
    '<font><sz val="11"/><color rgb="FF595959"/><name val="Calibri"/><family val="2"/></font>',
)
_FILLS = (
    '<fill><patternFill patternType="none"/></fill>',
    '<fill><patternFill patternType="gray125"/></fill>',
    '<fill><patternFill patternType="solid"><fgColor rgb="FF1F4E79"/></patternFill></fill>',
    '<fill><patternFill patternType="solid"><fgColor rgb="FFFFF9E5"/></patternFill></fill>',
)
_FORMATS = (
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>',
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd"/>',
)
_CELLS = (
    "<xf/>",
    '<xf quotePrefix="1"/>',
    '<xf numFmtId="164" applyNumberFormat="1" applyAlignment="1">'
    '<alignment horizontal="left"/></xf>',
    '<xf fontId="1" applyFont="1"/>',
    '<xf fontId="2" applyFont="1"/>',
    '<xf quotePrefix="1" fontId="3" fillId="2" applyFont="1" applyFill="1" applyAlignment="1">'
    '<alignment vertical="center"/></xf>',
    '<xf numFmtId="165" fillId="3" applyNumberFormat="1" applyFill="1"/>',
    '<xf fillId="3" applyFill="1"/>',
    '<xf fontId="4" applyFont="1"/>',
    '<xf fontId="5" applyFont="1"/>',
    '<xf fontId="5" applyFont="1" applyAlignment="1"><alignment horizontal="right"/></xf>',
    '<xf fontId="5" applyFont="1" applyAlignment="1">'
    '<alignment horizontal="left" indent="1"/></xf>',
    '<xf quotePrefix="1" applyAlignment="1"><alignment horizontal="left" indent="1"/></xf>',
)
# What asks to be looked at; the words in the cell say it as well.
_ALARM = (
    '<dxf><font><b/><color rgb="FF9C2A00"/></font>'
    '<fill><patternFill><bgColor rgb="FFFCE8DC"/></patternFill></fill></dxf>'
)


def _with_ids(cell: str) -> str:
    defaults = {"numFmtId": 0, "fontId": 0, "fillId": 0, "borderId": 0, "xfId": 0}
    missing = "".join(f' {name}="{at}"' for name, at in defaults.items() if f"{name}=" not in cell)
    return f"<xf{missing}{cell.removeprefix('<xf')}"


def _all(name: str, parts: tuple[str, ...]) -> str:
    return f'<{name} count="{len(parts)}">{"".join(parts)}</{name}>'


STYLES: Final = (
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    + _all("numFmts", _FORMATS)
    + _all("fonts", _FONTS)
    + _all("fills", _FILLS)
    + _all("borders", ("<border><left/><right/><top/><bottom/><diagonal/></border>",))
    + _all("cellStyleXfs", ('<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>',))
    + _all("cellXfs", tuple(_with_ids(cell) for cell in _CELLS))
    + _all("cellStyles", ('<cellStyle name="Normal" xfId="0" builtinId="0"/>',))
    + _all("dxfs", (_ALARM,))
    + "</styleSheet>"
)
