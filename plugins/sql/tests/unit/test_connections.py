"""From a name in the configuration to a URL, without ever showing a password."""

import pickle
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from dovetail.config import Settings, load_settings, redact
from dovetail.errors import ConfigError, DefinitionError, DovetailError, EngineUnavailable, UsageError
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.spec import SecretProviderSpec, hookimpl
from dovetail_sql._connections import check_reference, resolve_connection

PASSWORD = "pass/word@with:colon"


def settings(tmp_path, **connections) -> Settings:
    return Settings(project_root=tmp_path, connections=connections)


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
def test_relative_paths_start_from_the_project_root(tmp_path, engine: str) -> None:
    (tmp_path / "data").mkdir()
    found = resolve_connection("it", settings(tmp_path, it={"url": f"{engine}:///data/x.db"}))
    assert found.path == tmp_path / "data" / "x.db" and found.dialect == engine
    assert resolve_connection(f"{engine}:////{tmp_path}/y.db", settings(tmp_path)).path == tmp_path / "y.db"
    assert resolve_connection(f"{engine}:///:memory:", settings(tmp_path)).path is None


def test_parts_and_secrets(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    table = {
        "drivername": "postgresql+psycopg",
        "username": "me",
        "password": {"env": "PGPASSWORD"},
        "host": "db.example",
        "port": 5433,
        "database": "flights",
        "query": {"sslmode": "require"},
        "read_only": True,
    }
    found = resolve_connection("it", settings(tmp_path, it=table))
    assert found.url.password == PASSWORD and found.url.port == 5433 and found.read_only
    assert found.shown == "postgresql+psycopg://me:***@db.example:5433/flights?sslmode=require"
    for text in (repr(found), str(found), found.described):
        assert PASSWORD not in text and "pass%2F" not in text


def test_a_whole_url_may_be_a_secret(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("URL", "postgresql://me:topsecret@host/db")
    found = resolve_connection("it", settings(tmp_path, it={"url": {"env": "URL"}}))
    assert found.url.password == "topsecret" and "topsecret" not in repr(found)


def test_a_secret_that_is_not_set_names_its_variable(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(ConfigError, match="NOT_THERE"):
        resolve_connection("it", settings(tmp_path, it={"url": {"env": "NOT_THERE"}}))


class Vault:
    """A plugin that brings a source of secrets."""

    DOVETAIL_API = 1

    @hookimpl
    def dovetail_secrets(self) -> list[SecretProviderSpec]:
        return [SecretProviderSpec("vault", f"{__name__}:ask")]


def ask(key: str) -> str | None:
    return {"pg/me": PASSWORD}.get(key)


@pytest.fixture
def vault(tmp_path, monkeypatch) -> Iterator[None]:
    module = ModuleType(__name__)
    module.ask = ask  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, __name__, module)
    catalogue = build_catalogue(Settings(project_root=tmp_path / "another", disable_plugins=True), [Vault()])
    with use_catalogue(catalogue):
        yield


def test_a_secret_of_a_provider_that_a_plugin_brings(tmp_path, vault: None) -> None:
    table = {"drivername": "postgresql", "username": "me", "password": {"vault": "pg/me"}, "host": "h"}
    found = resolve_connection("it", settings(tmp_path, it=table))
    assert found.url.password == PASSWORD
    assert PASSWORD not in repr(found) and PASSWORD not in redact(f"it was {PASSWORD}")
    with pytest.raises(ConfigError, match="no secret 'pg/you'") as caught:
        resolve_connection("it", settings(tmp_path, it={**table, "password": {"vault": "pg/you"}}))
    assert caught.value.who and "connection 'it'" in caught.value.who


def test_a_secret_in_a_file_lies_in_the_project_of_the_settings(tmp_path, vault: None) -> None:
    (tmp_path / "word").write_text("from a file\n")
    table = {"drivername": "postgresql", "password": {"file": "word"}}
    assert resolve_connection("it", settings(tmp_path, it=table)).url.password == "from a file"


@pytest.mark.parametrize("key", ["password", "url"])
def test_a_source_that_nobody_brings_names_those_that_are_here(tmp_path, vault: None, key: str) -> None:
    table = {"drivername": "postgresql", "password": {"valt": "x"}} if key == "password" else {"url": {"valt": "x"}}
    with pytest.raises(ConfigError, match=f"{key} is a text, or a secret from one source, not 'valt'") as caught:
        resolve_connection("it", settings(tmp_path, it=table))
    assert "env, file, vault" in str(caught.value) and "write 'vault'" in str(caught.value)


def test_an_unknown_name_tells_the_nearest_and_the_lines_to_add(tmp_path) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_connection("warehose", settings(tmp_path, warehouse={"url": "sqlite:///x.db"}))
    assert "'warehouse'" in str(caught.value) and "[connections.warehose]" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "table"),
    [
        ("dovetail.toml", "", "[connections.nope]"),
        ("pyproject.toml", "[tool.dovetail]\n", "[tool.dovetail.connections.nope]"),
    ],
)
def test_the_lines_to_add_are_those_of_the_file_that_is_there(tmp_path, file: str, content: str, table: str) -> None:
    """Pasted into the file, they make the connection known."""
    path = tmp_path / file
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        resolve_connection("nope", load_settings(tmp_path, environ={}))
    says, _, lines = (caught.value.fix or "").partition(":\n")
    assert says == f"add to {file}" and lines.startswith(table + "\n")
    path.write_text(f"{content}{lines}\n")
    assert resolve_connection("nope", load_settings(tmp_path, environ={})).dialect == "duckdb"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"ulr": "sqlite:///x.db"}, "url"),
        ({}, "url or a drivername"),
        ({"url": "sqlite:///x.db", "drivername": "sqlite"}, "either"),
        ({"url": "no url at all"}, "cannot be read"),
        ({"url": 5}, "cannot be read"),
        ({"url": "sqlite:///x.db", "read_only": "yes"}, "true or false"),
        ({"drivername": "postgresql", "port": "many"}, "port"),
        ({"drivername": 7}, "drivername"),
        ({"drivername": "postgresql", "query": "a=b"}, "query"),
    ],
)
def test_a_malformed_connection_says_what_is_wrong(tmp_path, table, said) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_connection("it", settings(tmp_path, it=table))
    assert said in str(caught.value) and "connection 'it'" in str(caught.value)


def test_a_url_that_cannot_be_read_is_not_repeated(tmp_path) -> None:
    with pytest.raises(DovetailError) as caught:
        resolve_connection("it", settings(tmp_path, it={"url": "postgresql://me:topsecret@host:port/db"}))
    assert "topsecret" not in str(caught.value)


def test_read_only_needs_the_file(tmp_path) -> None:
    with pytest.raises(EngineUnavailable, match="does not exist"):
        resolve_connection("it", settings(tmp_path, it={"url": "duckdb:///x.db", "read_only": True}))


@pytest.mark.parametrize("name", ["warehouse", "sqlite:///x.db", "duckdb:///:memory:", "postgresql://me@host/db"])
def test_names_and_urls_without_a_password_may_stand_in_code(name: str) -> None:
    check_reference(name, "task 'x'")


@pytest.mark.parametrize("name", ["postgresql://me:topsecret@host/db", "x://h/d?sslpassword=topsecret", "", None])
def test_passwords_may_not(name) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_reference(name, "task 'x'")
    assert "topsecret" not in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).what == caught.value.what
