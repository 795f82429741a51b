"""Texts that mean harm, for every test that puts texts into statements."""

import pytest

HOSTILE = [
    "'; drop table victim; --",
    '"; drop table victim; --',
    "x' or '1'='1",
    "') or 1=1 --",
    "1; delete from victim",
    "victim; delete from victim",
    "a' union select name from victim --",
    "/* */ drop table victim",
    "-- drop table victim",
    "\\'; drop table victim; --",
    "`; drop table victim; --",
    "]; drop table victim; --",
    "$$; drop table victim; $$",
    ":name",
    ":p0",
    "::int",
    "\\:name",
    "?",
    "$p0",
    "%s %(p0)s %%",
    "{0} {name.__class__} {{7*7}}",
    "main.victim",
    "victim.name",
    "sqlite_master",
    "select",
    "a\nb; drop table victim",
    "read_csv('/etc/passwd')",
    "ünï\u202ecode\u200b",
    'q"u""o"""te',
    "it''s",
    " ",
    "' || (select name from victim) || '",
    "'; select pg_sleep(60); --",
    "1) union all select name from victim -- ",
    "'; attach database '/tmp/evil.db' as evil; --",
    "'; copy victim to '/tmp/evil.csv'; --",
    "'; load_extension('evil'); --",
    "0x27; drop table victim",
    "%27%3B drop table victim",
    "\u02bc; drop table victim; --",
    "\uff07; drop table victim; --",
    "victim'/*",
    "*/; drop table victim; /*",
    "# drop table victim",
    "'' or ''=''",
    "sleep(60) --",
    "@@version",
    "a" * 300,
]


@pytest.fixture
def hostile() -> list[str]:
    """Values and names that would do harm if they became code."""
    return HOSTILE
