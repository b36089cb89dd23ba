import ipaddress
import re
from dataclasses import fields, replace
from pathlib import Path
from unittest.mock import ANY

import pytest

from footfall.config import SETTINGS, Config, load
from footfall.errors import ConfigError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_setting_has_its_attribute_and_a_default_it_allows():
    assert {setting.key for setting in SETTINGS} == {field.name for field in fields(Config)} - {"sources", "texts"}
    config = load(environ={})
    assert (config.port, config.host, config.ip) == (8000, "127.0.0.1", "truncated")
    assert ipaddress.ip_network("::1") in config.trusted_proxies


def test_a_flag_wins_over_the_environment_and_that_over_the_file(folder):
    (folder / "footfall.toml").write_text('port = 1\nip = "full"\nworkers = 3\n')
    config = load({"port": "3", "workers": None}, {"FOOTFALL_PORT": "2", "FOOTFALL_IP": "none"})
    assert (config.port, config.ip, config.workers) == (3, "none", 3)
    assert load(environ=config.environment) == replace(config, sources=ANY)
    assert config.sources == {"port": "--port", "ip": "FOOTFALL_IP", "workers": "footfall.toml"}


@pytest.mark.parametrize("environ, message", [
    ({"FOOTFALL_STORE": "casandra://x"},
     "FOOTFALL_STORE='casandra://x': unknown store; use sqlite://, cassandra:// or memory://"),
    ({"FOOTFALL_IP": "some"}, "FOOTFALL_IP='some': must be truncated, full or none"),
    ({"FOOTFALL_ROLE": "beacon"}, "FOOTFALL_ROLE='beacon': must be collect, web or all"),
    ({"FOOTFALL_PORT": "http"}, "FOOTFALL_PORT='http': must be a whole number from 1 to 65535"),
    ({"FOOTFALL_PORT": "0"}, "FOOTFALL_PORT='0': must be a whole number"),
    ({"FOOTFALL_PORT": "٣"}, "FOOTFALL_PORT='٣': must be a whole number"),
    ({"FOOTFALL_HOST": ""}, "FOOTFALL_HOST='': must be an address"),
    ({"FOOTFALL_TRUSTED_PROXIES": "10.0.0.0/99"}, "FOOTFALL_TRUSTED_PROXIES='10.0.0.0/99': must be addresses"),
    ({"FOOTFALL_PUBLIC_URL": "a.example"}, "FOOTFALL_PUBLIC_URL='a.example': must be an address such as"),
    ({"FOOTFALL_SMTP_URL": "mail.example.com"}, "FOOTFALL_SMTP_URL='mail.example.com': must be smtp://HOST:PORT"),
    ({"FOOTFALL_SMTP_URL": "smtp://mail.example.com:x"}, "must be smtp://HOST:PORT"),
    ({"FOOTFALL_SMTP_URL": "smtps://mail.example.com/?tls=no"}, "must be smtp://HOST:PORT"),
    ({"FOOTFALL_SMTP_URL": "smtp://anna:secret@mail.example.com"},
     "FOOTFALL_SMTP_URL=…: must be without a login: put it into FOOTFALL_SMTP_USERNAME and FOOTFALL_SMTP_PASSWORD"),
    ({"FOOTFALL_MAIL_FROM": "stats"}, "FOOTFALL_MAIL_FROM='stats': must be an address such as anna@example.com"),
    ({"FOOTFALL_MAIL_FROM": "Anna <a@example.com>, b@example.com"}, "FOOTFALL_MAIL_FROM='Anna <a@example.com>, b"),
    ({"FOOTFALL_MAIL_FROM": "a@example.com\r\nBcc: b@example.com"}, "FOOTFALL_MAIL_FROM='a@example.com"),
    ({"FOOTFALL_PROT": "8000"}, "FOOTFALL_PROT: unknown setting; the settings are FOOTFALL_DATA, "),
    ({"FOOTFALL_port": "8000"}, "FOOTFALL_port: unknown setting"),
    ({"FOOTFALL_CONFIG": "none.toml"}, "none.toml: no such file"),
])
def test_a_bad_setting_is_named_with_its_value_and_what_it_may_be(environ, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(environ=environ)


@pytest.mark.parametrize("text, shown", [
    ("smtp://mail.example.com", "smtp://mail.example.com:587"), ("smtps://mail.example.com", "smtps://mail.example.com:465"),
    ("smtp+plain://localhost", "smtp+plain://localhost:25"), ("smtp://[::1]:2525/", "smtp://[::1]:2525"),
])
def test_a_mail_server_has_the_port_of_its_way_unless_it_says_another(text, shown):
    assert str(load(environ={"FOOTFALL_SMTP_URL": text}).smtp_url) == shown


@pytest.mark.parametrize("content, message", [
    ("colour = 1", "footfall.toml: colour: unknown setting; the settings are data, store"),
    ('port = "x"', "footfall.toml: port='x': must be a whole number"),
    ("port = true", "footfall.toml: port=True: must be a string or a whole number"),
    ("port = ", "footfall.toml: cannot be read as TOML"),
])
def test_a_bad_file_is_named(folder, content, message):
    (folder / "footfall.toml").write_text(content)
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(environ={})


def test_a_flag_with_a_bad_value_is_named_as_the_flag():
    with pytest.raises(ConfigError, match=re.escape("--port='x': must be")):
        load({"port": "x"}, {})


def test_the_store_lies_in_the_data_folder_unless_its_path_is_absolute(folder):
    assert load({"data": "d"}, {}).store_url == f"sqlite:///{folder}/d/footfall.db"
    assert load({"store": "sqlite:////srv/x.db"}, {}).store_url == "sqlite:////srv/x.db"
    assert load({"store": "memory://"}, {}).store_url == "memory://"


def test_a_path_in_a_file_is_meant_from_that_file(folder):
    (folder / "etc").mkdir()
    (folder / "etc" / "f.toml").write_text('data = "events"\ntrusted_proxies = ["10.0.0.0/8"]\n')
    config = load({"config": "etc/f.toml"}, {})
    assert config.data == Path(folder / "etc" / "events")
    assert config.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"),)


def test_no_password_is_shown_in_an_error(folder):
    (folder / "footfall.toml").write_text("cassandra_password = 7\n")
    assert load(environ={}).cassandra_password == "7"
