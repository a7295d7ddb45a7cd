"The wheel is built, installed in an empty environment and used there; and the modules keep to their layers."
import ast, configparser, contextlib, csv, graphlib, io, json, os, re, signal
import socket, subprocess, sys, time, urllib.request, zipfile
from pathlib import Path

import nbformat
import pytest
from gate import copy_tree, project_files
from packaging.metadata import Metadata
from release import LEFT_OUT, check_archive, check_wheel

REPO = Path(__file__).resolve().parent.parent
HEAVY = set('tensorflow keras librosa sklearn matplotlib seaborn pandas numba onnx tf2onnx joblib av'.split())
DEVELOPMENT = {'fastcore', 'nbdev', 'execnb', 'pytest'}
LIGHT = ('core', 'audio', 'features', 'bundle', 'classifier', 'timeline', 'explanation', 'cli', 'dashboard')

# --- The wheel

class Environment:
    "An empty virtual environment and a folder to work in, both away from the checkout"
    def __init__(self, folder):
        self.folder, self.bin, self.work = folder, folder/'venv'/'bin', folder/'work'
        subprocess.run([sys.executable, '-m', 'venv', folder/'venv'], check=True)
        self.work.mkdir()

    def env(self):
        gone = ('PYTHONPATH', 'PYTHONHOME', 'EMOTION_NB_DATA', 'VIRTUAL_ENV')
        env = {k: v for k, v in os.environ.items() if k not in gone and not k.startswith('JUPYTER')}
        return env | dict(PATH=f"{self.bin}{os.pathsep}{os.environ['PATH']}", EMOTION_NB_CACHE=str(self.folder/'cache'))

    def install(self, what):
        done = self.run('python', '-m', 'pip', 'install', '--quiet', '--constraint', REPO/'constraints.txt', what)
        assert done.returncode == 0, done.stderr

    def run(self, command, *args):
        return subprocess.run([self.bin/command, *args], cwd=self.work, env=self.env(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

@pytest.fixture(scope='session')
def wheel(tmp_path_factory):
    "The wheel, built from the source archive of what a fresh clone would hold"
    tree, out = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheel')
    copy_tree(REPO, tree)
    command = [sys.executable, '-m', 'build', '--no-isolation', '--outdir', out, tree]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob('*.whl'))

@pytest.fixture(scope='session')
def plain(wheel, tmp_path_factory):
    "An environment with the plain install"
    env = Environment(tmp_path_factory.mktemp('plain'))
    env.install(wheel)
    return env

@pytest.fixture(scope='session')
def with_dashboard(wheel, tmp_path_factory):
    "An environment with the `dashboard` extra"
    env = Environment(tmp_path_factory.mktemp('dashboard'))
    env.install(f'{wheel}[dashboard]')
    return env

@pytest.fixture
def bad_file(tmp_path):
    path = tmp_path/'bad.wav'
    path.write_bytes(b'this is no recording')
    return path

def test_the_wheel_holds_the_library_the_dashboard_the_model_and_the_clips(wheel):
    holds = set(zipfile.ZipFile(wheel).namelist())
    ours = project_files(REPO)
    wanted = {name for name in ours if name.startswith('emotion_nb/') and not any(map(Path(name).match, LEFT_OUT))}
    wanted |= {f'emotion_nb/{name}' for name in ours if name.startswith('dashboards/')}
    assert {'emotion_nb/dashboards/emotion.ipynb', 'emotion_nb/dashboards/voila.json'} <= wanted
    assert wanted - holds == set()
    assert not [name for name in holds if name.startswith(('tests/', 'nbs/', 'tools/'))]

def test_the_wheel_and_the_archive_hold_what_they_must(wheel):
    check_wheel(wheel)
    check_archive(next(wheel.parent.glob('*.tar.gz')))

def test_twine_has_no_complaint(wheel):
    command = [sys.executable, '-m', 'twine', 'check', '--strict', *wheel.parent.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

@pytest.fixture(scope='session')
def metadata(wheel):
    archive = zipfile.ZipFile(wheel)
    [name] = [n for n in archive.namelist() if n.endswith('.dist-info/METADATA')]
    return Metadata.from_email(archive.read(name))  # which validates each field

def test_the_metadata_are_complete(metadata):
    assert str(metadata.license_expression) == 'Apache-2.0 AND CC-BY-NC-SA-4.0'
    licences = {name for name in project_files(REPO) if Path(name).match('emotion_nb/*/LICENSE*')} | {'LICENSE'}
    assert licences <= {*metadata.license_files}
    assert {'homepage', 'documentation', 'source', 'issues', 'changelog'} <= {k.lower() for k in metadata.project_urls}
    assert not metadata.author_email, "an address that nobody reads"
    versions = {c.split(' :: ')[-1] for c in metadata.classifiers if re.fullmatch(r'.*Python :: 3\.\d+', c)}
    assert versions == {'3.11', '3.12', '3.13'} and all(v in metadata.requires_python for v in versions)

def test_the_links_of_the_page_on_pypi_work_from_there(metadata):
    text = re.sub(r'```.*?```|`[^`\n]*`', '', metadata.description, flags=re.S)
    links = re.findall(r'\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"', text)
    assert links and all(re.match(r'https://|#', a or b) for a, b in links)
    paths = [re.search(rf'/(?:blob|tree|raw)/v{re.escape(str(metadata.version))}/([^#]+)', a or b) for a, b in links]
    assert [p[1] for p in paths if p and not (REPO/p[1]).exists()] == [] and any(paths)

def test_the_wheel_brings_its_licences(wheel):
    archive = zipfile.ZipFile(wheel)
    notices = [name for name in archive.namelist() if Path(name).name.upper().startswith(('LICENSE', 'NOTICE'))]
    texts = {name: archive.read(name).decode() for name in notices}
    assert any('.dist-info/' in name and 'Apache License' in text for name, text in texts.items())
    for folder in ('bundled', 'examples'):
        ours = [text for name, text in texts.items() if name.startswith(f'emotion_nb/{folder}/')]
        assert any('BY-NC-SA' in text for text in ours), f"no notice in {folder}"

def test_the_installed_version_is_the_one_in_settings(plain):
    settings = configparser.ConfigParser()
    settings.read(REPO/'settings.ini', encoding='utf-8')
    done = plain.run('python', '-c', "import emotion_nb, importlib.metadata as m;"
                     "print(emotion_nb.__version__, m.version('emotion_nb'), emotion_nb.__file__)")
    assert done.returncode == 0, done.stderr
    version, metadata, path = done.stdout.split()
    assert version == metadata == settings['DEFAULT']['version']
    assert Path(path).is_relative_to(plain.folder), "the checkout was imported, not the wheel"

def test_the_plain_install_brings_nothing_heavy(plain):
    done = plain.run('python', '-m', 'pip', 'list', '--format=json')
    assert done.returncode == 0, done.stderr
    names = {row['name'].lower().replace('_', '-') for row in json.loads(done.stdout)}
    assert 'emotion-nb' in names
    heavy = 'tensorflow keras librosa scikit-learn matplotlib seaborn voila ipywidgets nbdev fastcore'
    assert names & set(heavy.split()) == set()

def test_the_plain_install_stays_small(plain):
    files = [path for path in (plain.folder/'venv').rglob('*') if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) < 450e6

def test_help_names_every_command(plain):
    done = plain.run('emotion-nb', '--help')
    assert done.returncode == 0, done.stderr
    commands = 'predict timeline explain download train evaluate dashboard'.split()
    assert [c for c in commands if c not in done.stdout] == []

def test_the_version_names_the_model(plain):
    "By the fingerprint that the classifier shows; both ways to call the program"
    for command in (['emotion-nb'], ['python', '-m', 'emotion_nb']):
        done = plain.run(*command, '--version')
        assert done.returncode == 0, done.stderr
        said = re.fullmatch(r'emotion-nb, version (\S+), model ([0-9a-f]{12})\n', done.stdout)
        assert said, done.stdout
    shown = plain.run('python', '-c', 'from emotion_nb import EmotionClassifier as C; print(C.load())').stdout
    assert f'fingerprint {said[2]}' in shown

def test_where_the_network_for_keras_is_stands_in_one_sentence(plain):
    done = plain.run('python', '-c', "from emotion_nb import bundle as b\n"
                     "try: b.keras_file(b.load_bundle())\nexcept b.BundleError as e: print(e)")
    assert 'best_model.keras is not here' in done.stdout and 'release' in done.stdout, done.stderr

def emotion_of(clip):
    "What a RAVDESS file name says"
    emotions = 'neutral calm happy sad angry fearful disgust surprised'.split()
    return emotions[int(Path(clip).stem.split('-')[2]) - 1]

def test_a_clip_is_answered_as_json(plain, examples):
    done = plain.run('emotion-nb', 'predict', '--json', examples[0])
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)
    probabilities = answer['probabilities']
    assert len(probabilities) == 8 and abs(sum(probabilities.values()) - 1) < 1e-3
    assert answer['emotion'] == max(probabilities, key=probabilities.get)
    assert abs(answer['confidence'] - max(probabilities.values())) < 1e-3

def test_the_committed_clips_are_mostly_recognised(plain, examples):
    done = plain.run('emotion-nb', 'predict', '--json', *examples)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    right = sum(answer['emotion'] == emotion_of(clip) for answer, clip in zip(answers, examples, strict=True))
    assert right > len(examples)/2, f"{right} of {len(examples)} clips: are the labels in the bundle in order?"

def test_a_bad_file_among_good_ones_is_named_and_the_good_ones_are_answered(plain, examples, bad_file):
    done = plain.run('emotion-nb', 'predict', '--csv', examples[0], bad_file, examples[1])
    assert done.returncode == 1
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [Path(row['file']).name for row in rows] == [examples[0].name, examples[1].name]
    assert bad_file.name in done.stderr and 'Traceback' not in done.stderr

PREDICT = ("import sys; from emotion_nb import EmotionClassifier; EmotionClassifier.load().predict(sys.argv[1]);"
           "print(*sorted({name.split('.')[0] for name in sys.modules}))")

def test_a_prediction_loads_nothing_heavy_where_it_is_not_installed(plain, examples):
    done = plain.run('python', '-c', PREDICT, examples[0])
    assert done.returncode == 0, done.stderr
    assert 'onnxruntime' in done.stdout and set(done.stdout.split()) & HEAVY == set()

def test_a_prediction_loads_nothing_heavy_where_it_is_installed(examples):
    done = subprocess.run([sys.executable, '-c', PREDICT, examples[0]], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'onnxruntime' in done.stdout and set(done.stdout.split()) & HEAVY == set()

def test_what_the_plain_install_cannot_do_is_said_in_one_sentence(plain):
    done = plain.run('emotion-nb', 'dashboard', '--port', '1')
    assert done.returncode == 1 and "emotion_nb[dashboard]" in done.stderr and 'Traceback' not in done.stderr

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

@pytest.fixture
def served(with_dashboard):
    "Address and log of `emotion-nb dashboard`, running outside the checkout"
    port, log = free_port(), with_dashboard.folder/'dashboard.log'
    with log.open('w') as out:
        command = [with_dashboard.bin/'emotion-nb', 'dashboard', '--port', str(port)]
        process = subprocess.Popen(command, cwd=with_dashboard.work, env=with_dashboard.env(), stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try: yield f'http://127.0.0.1:{port}/', log, process
    finally:
        for kill in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, kill)
                process.wait(20)

def test_the_dashboard_is_served_outside_the_checkout(served):
    address, log, process = served
    page, deadline = None, time.monotonic() + 120
    while page is None:
        assert process.poll() is None, f"the dashboard ended:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"the dashboard did not answer:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                status, page = answer.status, answer.read().decode()
        except (ConnectionError, urllib.error.URLError): time.sleep(0.5)
    assert status == 200
    assert 'voila' in page.lower() and 'application/vnd.jupyter.widget-view+json' in page
    assert 'There was an error when executing cell' not in page and 'Traceback' not in page
    assert address.rstrip('/') in log.read_text(), "the address is not printed"

# --- The layers

PACKAGE = REPO/'emotion_nb'

def name_of(path):
    "The dotted name of a module inside the library"
    return '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)

MODULES = {name_of(path): ast.parse(path.read_text(encoding='utf-8')) for path in sorted(PACKAGE.rglob('*.py'))
           if path.name != '_modidx.py' and path != PACKAGE/'app'/'__init__.py'}
PAGES = [nbformat.read(path, 4) for path in sorted((REPO/'nbs').glob('[0-9]*.ipynb'))]
EXPORTED = [re.search(r'#\| default_exp (\S+)', page.cells[0].source)[1] for page in PAGES]

def at_import(tree):
    "The nodes of `tree` that run at import: neither the bodies of functions nor what type checkers read"
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and getattr(node.test, 'id', '') == 'TYPE_CHECKING': continue
        yield node
        lazy = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        now = [*getattr(node, 'decorator_list', []), *ast.iter_child_nodes(node.args)] if lazy else []
        todo += now if lazy else ast.iter_child_nodes(node)

def imported(nodes, module=''):
    "Names of the modules that `nodes` of `module` import, also by `require('x', ...)` and `import_module('x')`"
    for node in nodes:
        if isinstance(node, ast.Import): yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = ['emotion_nb', *module.split('.')[:-1]][:2 + module.count('.') - node.level]
            base = '.'.join([*(here if node.level else []), *([node.module] if node.module else [])])
            yield base
            yield from (f'{base}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, 'id', getattr(node.func, 'attr', ''))
            if name in ('require', 'import_module'): yield node.args[0].value

def own(names):
    "Modules of the library among `names`, which may go on with what is imported from one"
    parts = [name.split('.')[1:] for name in names if name.startswith('emotion_nb.')]
    return {'.'.join(p[:n]) for p in parts for n in (1, 2)} & MODULES.keys()

def test_the_modules_import_each_other_in_no_circle():
    graph = {name: own(imported(ast.walk(tree), name)) for name, tree in MODULES.items()}
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, naming the circle
    assert len(order) == len(MODULES) and graph['cli'], "the graph is empty: are the imports still found?"

@pytest.mark.parametrize('name', LIGHT)
def test_importing_what_predicts_imports_nothing_heavy(name):
    seen, todo = set(), {name, '__init__'}
    while todo:
        module = todo.pop()
        seen.add(module)
        names = set(imported(at_import(MODULES[module]), module))
        assert {n.split('.')[0] for n in names} & HEAVY == set(), f"{module} imports these at once; {name} leads there"
        todo |= own(names) - seen

def allowed(name):
    "Development packages that a module may import: fastcore, which the dashboard extra installs, in its widgets"
    return {'fastcore'} if name.startswith('app.') else set()

@pytest.mark.parametrize('name', MODULES)
def test_the_library_needs_no_development_tool(name):
    assert {n.split('.')[0] for n in imported(ast.walk(MODULES[name]), name)} & DEVELOPMENT - allowed(name) == set()

@pytest.mark.parametrize('page', range(len(PAGES)), ids=EXPORTED)
def test_a_page_needs_only_earlier_pages(page):
    later = set(EXPORTED[page + 1:])
    code = [c.source for c in PAGES[page].cells if c.cell_type == 'code']
    exported = [ast.parse(s) for s in code if re.search(r'^#\| *export', s, re.M)]
    names = own(imported(n for tree in exported for n in at_import(tree)))
    assert names & later == set(), f"{EXPORTED[page]} imports what a later page exports"
