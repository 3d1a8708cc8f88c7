"""VOTable, in which TAP answers."""

from xml.sax.saxutils import escape, quoteattr

FRAME = """<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
<INFO name="QUERY_STATUS" value="{status}">{message}</INFO>
{table}</RESOURCE></VOTABLE>
"""


def table(names, rows):
    fields = "".join(field(name, [row[at] for row in rows]) for at, name in enumerate(names))
    cells = "".join("<TR>" + "".join(f"<TD>{escape(str(value))}</TD>" for value in row) + "</TR>\n" for row in rows)
    whole = f"<TABLE>{fields}<DATA><TABLEDATA>\n{cells}</TABLEDATA></DATA></TABLE>"
    return FRAME.format(status="OK", message="", table=whole)


def field(name, values):
    if all(isinstance(value, int) for value in values):
        kind = 'datatype="long"'
    elif all(isinstance(value, (int, float)) for value in values):
        kind = 'datatype="double"'
    else:
        kind = 'datatype="char" arraysize="*"'
    return f"<FIELD name={quoteattr(name)} {kind}/>"


def failed(message):
    return FRAME.format(status="ERROR", message=escape(message), table="")
