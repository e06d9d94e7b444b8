"""SQL identifiers: plain where that is safe, otherwise in double quotes. Pure.

Redshift folds quoted names to lower case like others, unless it is configured to be case-sensitive: either way the name
is right. Source: "Names and identifiers" and "Reserved words" in the Amazon Redshift Database Developer Guide.
"""

import re

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)

_OF_REDSHIFT = """
aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
blanksasnull both bytedict bzip2 case cast check collate column constraint create credentials cross current_date
current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta delta32k desc
disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for foreign freeze
from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially inner intersect
interval into is isnull join leading left like limit localtime localtimestamp lun luns lzo lzop minus mostly16
mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or order outer overlaps
parallel partition percent permissions pivot placing primary raw readratio recover references rejectlog resort
respect restore right select session_user similar snapshot some sysdate system table tag tdes text255 text32k then
timestamp to top trailing true truncatecolumns union unique unnest unpivot user using verbose wallet when where with
without
"""

_OF_POSTGRESQL = """
array asymmetric bigint bit boolean char character coalesce collation concurrently current_catalog current_role
current_schema dec decimal exists extract fetch float greatest grouping inout int integer language lateral least
national nchar none normalize nullif numeric out overlay position precision real returning row setof smallint
substring symmetric tablesample time treat trim values varchar variadic window xmlattributes xmlconcat xmlelement
xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
"""
RESERVED = frozenset(_OF_REDSHIFT.split())
SYSTEM_COLUMNS = frozenset({"cmax", "cmin", "ctid", "deletexid", "insertxid", "tableoid", "xmax", "xmin"})
"""System columns that every table has: even a quoted name cannot be used twice."""
_QUOTED = RESERVED | frozenset(_OF_POSTGRESQL.split())


def identifier(name: str) -> str:
    """Return the name of a table, a column, a schema or a user as SQL."""
    if _PLAIN.fullmatch(name) and name not in _QUOTED:
        return name
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
