"""What a TAP service says of itself (IVOA's VOSI)."""

NAMESPACES = (
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1" '
    'xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0" xmlns:vosi="http://www.ivoa.net/xml/'
)


def availability():
    return f'<?xml version="1.0"?>\n<vosi:availability {NAMESPACES}VOSIAvailability/v1.0"><vosi:available>true' \
        "</vosi:available></vosi:availability>"


def capabilities(base):
    """Basic is the way in that clients know, so this is the one it names."""
    documents = "".join(
        f'<capability standardID="ivo://ivoa.net/std/VOSI#{name}"><interface xsi:type="vs:ParamHTTP" role="std">'
        f'<accessURL use="full">{base}/{name}</accessURL></interface></capability>\n'
        for name in ("availability", "capabilities")
    )
    return f"""<?xml version="1.0"?>
<vosi:capabilities {NAMESPACES}VOSICapabilities/v1.0">
{documents}<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
<interface xsi:type="vs:ParamHTTP" role="std" version="1.1"><accessURL use="base">{base}</accessURL>
<securityMethod standardID="ivo://ivoa.net/sso#BasicAA"/></interface>
<language><name>ADQL</name><version ivo-id="ivo://ivoa.net/std/ADQL#v2.0">2.0</version></language>
<outputFormat><mime>application/x-votable+xml</mime></outputFormat>
</capability></vosi:capabilities>"""


def tables(brief):
    """With `detail=min` the names only, as larger services answer; of one table all is told by its own document."""
    columns = "".join(
        f'<column><name>{name}</name><dataType xsi:type="vs:VOTableType"{more}>{kind}</dataType></column>'
        for name, kind, more in (("name", "char", ' arraysize="*"'), ("mag", "double", ""))
    )
    return f"""<?xml version="1.0"?>
<vosi:tableset {NAMESPACES}VOSITables/v1.0">
<schema><name>survey</name>
<table><name>survey.stars</name>{"" if brief else columns}</table></schema></vosi:tableset>"""
