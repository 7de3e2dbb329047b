"""What `lab` opens, and how."""

import json
import socket
from types import SimpleNamespace

import pytest

from tools import lab


def test_jupyterlab_listens_on_this_computer_only_and_keeps_its_token(tmp_path):
    command = lab.jupyter_command(tmp_path / "02_x.ipynb", None, True)

    assert "--ServerApp.ip=localhost" in command and f"--ServerApp.root_dir={tmp_path}" in command
    assert "--LabApp.default_url=/lab/tree/02_x.ipynb" in command
    assert not any("token" in word or "password" in word for word in command)
    assert "--no-browser" not in command


def test_port_and_no_browser_pass_through(tmp_path):
    command = lab.jupyter_command(tmp_path / "02_x.ipynb", 9123, False)

    assert "--ServerApp.port=9123" in command and "--no-browser" in command


def test_the_news_prompt_is_off():
    settings = json.loads((lab.SETTINGS / "overrides.json").read_text(encoding="utf-8"))

    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


@pytest.mark.parametrize("text", ["0", "65536", "-1", "x", "8.5"])
def test_what_is_no_port_is_refused_in_words(text, capsys):
    with pytest.raises(SystemExit):
        lab.options([f"--port={text}"])
    assert "a port is a whole number from 1 to 65535" in capsys.readouterr().err


def test_the_first_ctrl_c_leaves_the_server_time_to_ask(monkeypatch):
    answers = [KeyboardInterrupt, KeyboardInterrupt, 0]
    server = SimpleNamespace(wait=lambda: _give(answers.pop(0)))
    monkeypatch.setattr(lab, "prepare", lambda *_: lab.ROOT / "my_course" / "00_start_here.ipynb")
    monkeypatch.setattr(lab, "damaged_data", list)
    monkeypatch.setattr(lab.subprocess, "Popen", lambda *_, **__: server)

    assert lab.main(["--no-browser"]) == 0 and not answers


def _give(answer):
    if answer is KeyboardInterrupt:
        raise KeyboardInterrupt
    return answer


def test_a_port_in_use_is_noticed():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not lab.is_free(port)
    assert lab.is_free(port)


def test_an_unknown_chapter_is_one_clear_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lab, "MINE", tmp_path / "my_course")

    assert lab.main(["77", "--no-browser"]) == 1
    assert capsys.readouterr().err.startswith("course: ")


@pytest.mark.parametrize("port", ["abc", "1.5"])
def test_a_port_that_is_no_number_is_refused(port):
    with pytest.raises(SystemExit):
        lab.options(["--port", port])
