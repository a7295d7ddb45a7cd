"""What hosts need beside the library holds together: the container's recipe and Binder's.

Neither is built here: that needs a container engine.
"""
import configparser, http.server, json, re, shlex, shutil, socketserver, subprocess, sys, threading, zipfile
from pathlib import Path

import pytest
import tornado.websocket
from click.testing import CliRunner
from emotion_nb.cli import main
from gate import project_files
from release import LEFT_OUT
from traitlets.config import Config

@pytest.fixture(scope='module')
def dockerfile():
    "The instructions of the Dockerfile, as (name, rest)"
    text = Path(__file__).parent.parent.joinpath('Dockerfile').read_text().replace('\\\n', ' ')
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line and not line.startswith('#')]

def options_of(command):
    "The options in the command line of a dashboard, all of which `emotion-nb dashboard` knows"
    assert command[:2] == ['emotion-nb', 'dashboard']
    known = CliRunner().invoke(main, ['dashboard', '--help']).output
    given = dict(zip(command[2::2], command[3::2], strict=True))
    assert [o for o in given if f'{o} ' not in known] == []
    return given

def test_what_the_image_is_made_from_is_enough_and_may_travel(dockerfile, repo, tmp_path):
    ignored = (repo/'.dockerignore').read_text().splitlines()
    assert '*' in ignored
    for sources in [shlex.split(rest)[:-1] for name, rest in dockerfile if name == 'COPY' and '--from' not in rest]:
        for source in sources:
            assert f'!{source}' in ignored
            if not (repo/source).is_dir(): shutil.copy(repo/source, tmp_path)
            else: shutil.copytree(repo/source, tmp_path/source, ignore=shutil.ignore_patterns('__pycache__'))
    line = [sys.executable, 'setup.py', '-q', 'bdist_wheel']
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [wheel] = (tmp_path/'dist').glob('*.whl')
    holds = set(zipfile.ZipFile(wheel).namelist())
    wanted = {n for n in project_files(repo) if n.startswith('emotion_nb/') and not any(map(Path(n).match, LEFT_OUT))}
    assert wanted - holds == set()
    assert 'emotion_nb/dashboards/voila.json' in holds

def test_the_container_serves_everybody_as_nobody(dockerfile):
    names = [name for name, _ in dockerfile]
    assert dict(dockerfile)['USER'].strip() not in ('0', 'root')
    assert names.index('USER') > max(i for i, n in enumerate(names) if n in ('RUN', 'COPY'))
    options = options_of(json.loads(dict(dockerfile)['ENTRYPOINT']))
    assert options['--host'] == '0.0.0.0' and options['--port'] == dict(dockerfile)['EXPOSE'].strip()

@pytest.mark.parametrize(['status', 'healthy'], [(200, True), (404, False), (500, False), (503, False), (None, False)])
def test_the_health_check_wants_pages(dockerfile, status, healthy):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self): self.send_response(status if self.path == '/healthz' else 404); self.end_headers()
        def log_message(self, *args): pass
    server = socketserver.TCPServer(('127.0.0.1', 0), Answer)
    port = server.server_address[1]
    if status: threading.Thread(target=server.serve_forever, daemon=True).start()
    else: server.server_close()
    check = json.loads(re.search(r'CMD (\[.*\])', dict(dockerfile)['HEALTHCHECK'])[1])
    line = [sys.executable, *(word.replace('8866', str(port)) for word in check[1:])]
    try: done = subprocess.run(line, capture_output=True)
    finally:
        if status: server.shutdown(); server.server_close()
    assert (done.returncode == 0) == healthy

def test_binder_finds_what_it_is_to_install_and_start(repo):
    binder, settings = repo/'.binder', configparser.ConfigParser()
    settings.read(repo/'settings.ini', encoding='utf-8')
    lines = [line for line in (binder/'requirements.txt').read_text().splitlines() if line and not line.startswith('#')]
    assert (binder/lines[0].removeprefix('--constraint ')).resolve() == repo/'constraints.txt'
    assert lines[1] == '.[dashboard]' and 'dashboard_requirements' in settings['DEFAULT']
    assert (binder/'runtime.txt').read_text().strip() == f"python-{settings['DEFAULT']['min_python']}"
    copied = re.search(r'^cp (\S+)', (binder/'postBuild').read_text(), re.M)[1]
    assert (repo/copied).is_file() and (binder/'postBuild').stat().st_mode & 0o100

def test_binder_lets_recordings_through_as_the_dashboard_does(repo, monkeypatch):
    default = '_default_max_message_size'
    monkeypatch.setattr(tornado.websocket, default, getattr(tornado.websocket, default))
    config = Config()
    exec((repo/'.binder'/'jupyter_server_config.py').read_text(), dict(get_config=lambda: config))
    settings = json.loads((repo/'dashboards'/'voila.json').read_text())['Voila']['tornado_settings']
    limit = settings['websocket_max_message_size']
    assert config.ServerApp.tornado_settings['websocket_max_message_size'] == limit
    assert getattr(tornado.websocket, default) == limit
    [(name, server)] = config.ServerProxy.servers.items()
    assert options_of(server['command'])['--base-url'] == '{base_url}' + f'{name}/' and server['absolute_url']
    assert f'urlpath={name}/' in (repo/'nbs'/'tutorials'/'03_host_it.ipynb').read_text()
