"The dashboard's server and its visitors: who gets a page, who waits, what is refused, what happens if a kernel dies."
import asyncio, http.client, json, os, re, signal, subprocess, sys, time, uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil
import pytest
from emotion_nb import EmotionClassifier
from emotion_nb.core import EmotionError
from emotion_nb.app.server import OPEN, PASSWORD, free_port, own_folder
from emotion_nb.app.visitors import ASK_AGAIN, VISITOR
from load_test import PROTOCOL, Channel, Visitor, own_clip
from playwright.sync_api import expect
from screenshot import chromium_browser, command, open_page, serving
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

FOREIGN = re.compile(r'(?:https?:)?//[\w.-]+\.\w+', re.I)
SECRET = 'open sesame'
FORM = dict(method='POST', Content_Type='application/x-www-form-urlencoded')
GIVEN, WAITING = set(), set() # Kernels of the pages that tests were given; cookies of those who have to wait

def ask(address, path='', method='GET', body=None, **headers):
    "Status, headers and text of an answer; the path is sent as it stands, dots and all"
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    connection.request(method, url.path + path, body, {k.replace('_', '-'): v for k, v in headers.items()})
    r = connection.getresponse()
    text = r.read().decode(errors='replace')
    if '"kernelId"' in text: GIVEN.add(kernel_of(text))
    cookie = r.headers.get('Set-Cookie', '').split(';')[0]
    if r.status == 503 and cookie.startswith(VISITOR): WAITING.add(cookie)
    return r.status, r.headers, text

def kernel_of(text): return re.search(r'"kernelId": "([^"]+)"', text)[1]

def leave(address, kernel_id):
    "What a page sends when it is closed"
    return ask(address, f'voila/api/shutdown/{kernel_id}', 'POST', Cookie='_xsrf=x', X_XSRFToken='x')[0]

async def connect(address, kernel_id, protocols=(PROTOCOL,), **headers):
    "The websocket of a kernel"
    url = f'{address.replace("http", "ws", 1)}api/kernels/{kernel_id}/channels?session_id={uuid.uuid4().hex}'
    return await websocket_connect(HTTPRequest(url, headers=headers), subprotocols=list(protocols))

def refusal(address, kernel_id, **headers):
    "Status with which the websocket is refused"
    with pytest.raises(HTTPClientError) as e: asyncio.run(connect(address, kernel_id, **headers))
    return e.value.code

def kernels(process):
    "Processes of the kernels, by the id of the kernel"
    found = {}
    for k in psutil.Process(process.pid).children():
        try: found[re.search(r'kernel-([\w-]+)[.]json', ' '.join(k.cmdline()))[1]] = k
        except (psutil.Error, TypeError): pass  # it ends just now
    return found

def wait_for(condition, seconds=60):
    "Wait until it holds"
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(.1)

async def visit(address, number=0):
    "A visitor who has the page"
    visitor = Visitor(address, number)
    await visitor.open()
    GIVEN.add(visitor.kernel)
    return visitor

@pytest.fixture(scope='module')
def classifier(): return EmotionClassifier.load()

@pytest.fixture(scope='module')
def dashboard():
    "Address and process of a dashboard with two places"
    with serving('--max-visitors', '2') as (address, process): yield address, process

@pytest.fixture
def address(dashboard):
    "Of the dashboard with two places, both free"
    address, process = dashboard
    yield address
    for cookie in [*WAITING, '']:
        while GIVEN: leave(address, GIVEN.pop())
        if cookie: wait_for(lambda cookie=cookie: ask(address, Cookie=cookie)[0] == 200)
    WAITING.clear()

@pytest.fixture(scope='module')
def locked():
    "Address and process of a dashboard with a password, and the cookie of somebody who gave it"
    os.environ[PASSWORD] = SECRET
    try:
        with serving() as (address, process):
            status, headers, _ = ask(address, body='password=open+sesame', **FORM)
            assert status == 303
            yield address, process, headers['Set-Cookie']
    finally: del os.environ[PASSWORD]

@contextmanager
def served(*options, **environment):
    "A dashboard that runs in this environment; None removes a variable"
    env = {k: v for k, v in (os.environ | environment).items() if v is not None}
    line = command(free_port('127.0.0.1', 0), *options)
    process = subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try: yield process
    finally:
        if process.poll() is None: process.send_signal(signal.SIGINT); process.communicate(timeout=60)

# A server without a home folder, with a hostile one, and one that cannot work

def hostile_home(folder):
    "Settings of a user's own, each of which would break a server that reads it"
    profile, data, stop = '.ipython/profile_default', '.local/share/jupyter', 'import os; os._exit(3)'
    kernel = '{"argv": ["/bin/false"], "display_name": "x", "language": "python"}'
    for name, text in {
            '.jupyter/voila.json': '{"VoilaConfiguration": {"template": "none"', '.jupyter/jupyter_config.py': stop,
            f'{profile}/startup/00.py': stop, f'{profile}/ipython_kernel_config.py': stop, 'startup.py': stop,
            f'{data}/kernels/python3/kernel.json': kernel, f'{data}/voila/templates/lab/index.html.j2': 'own'}.items():
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        (folder/name).write_text(text)
    return dict(HOME=str(folder), PYTHONSTARTUP=str(folder/'startup.py'))

@pytest.mark.parametrize('home', ['/nonexistent', '/dev/null', 'hostile'])
def test_neither_a_missing_home_nor_the_users_own_settings_break_the_page(home, tmp_path):
    settings = hostile_home(tmp_path) if home == 'hostile' else dict(HOME=home)
    with served(**settings, JUPYTER_CONFIG_DIR=None, IPYTHONDIR=None) as process:
        address = re.search(r'http://\S+', process.stdout.readline())[0]
        status, _, text = ask(address)
        assert status == 200 and kernel_of(text) and ask(address, 'healthz')[0] == 200

def test_a_user_without_home_and_name_has_a_page(tmp_path):
    "As in a container with `--user 54321`"
    if os.getuid() != 0: pytest.skip('only root may become somebody else')
    env = {k: v for k, v in os.environ.items() if k not in ('HOME', 'TMPDIR')} | dict(PYTHONDONTWRITEBYTECODE='1')
    nobody = dict(user=54321, group=54321, extra_groups=[], env=env, cwd='/', text=True)
    try: subprocess.run([sys.executable, '-c', 'import emotion_nb'], check=True, capture_output=True, **nobody)
    except (OSError, subprocess.CalledProcessError): pytest.skip('nobody else may run this Python')
    process = subprocess.Popen(command(free_port('127.0.0.1', 0)), stdout=subprocess.PIPE, **nobody)
    try: assert ask(re.search(r'http://\S+', process.stdout.readline())[0])[0] == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

def test_without_a_temporary_folder_it_says_so(monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', '/nonexistent')
    with pytest.raises(EmotionError, match='set TMPDIR'):
        with own_folder(): pass

@pytest.mark.parametrize('module, reason', [('ipykernel_launcher', 'Kernel died'), ('anywidget', 'RuntimeError: no')])
def test_where_no_page_can_be_made_no_address_is_printed(module, reason, tmp_path):
    (tmp_path/f'{module}.py').write_text('raise RuntimeError("no")')
    # only the kernels find the broken module
    main = f'import sys; sys.path.remove({str(tmp_path)!r}); from emotion_nb.cli import main; main()'
    env = os.environ | dict(PYTHONPATH=os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get('PYTHONPATH')])]))
    line = [sys.executable, '-c', main, *command(free_port('127.0.0.1', 0))[1:]]
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.splitlines()[-1].startswith(f'Error: The dashboard cannot make its page: {reason}')

def test_opening_it_to_the_network_without_a_password_gives_a_warning():
    with served('--host', '0.0.0.0') as process:
        assert process.stdout.readline().startswith('The dashboard is at')
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1].strip() == OPEN

def test_an_empty_password_is_refused():
    env = os.environ | {PASSWORD: ''}
    done = subprocess.run(command(free_port('127.0.0.1', 0)), env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, '') and 'The password is empty' in done.stderr

# Visitors in turn

def test_when_all_places_are_taken_visitors_wait_and_come_in_by_turns(dashboard, address, classifier):
    async def story():
        first, second = await visit(address, 0), await visit(address, 1)
        running = len(kernels(dashboard[1]))
        waiting = [ask(address) for _ in range(2)]
        assert [w[0] for w in waiting] == [503, 503] and len(kernels(dashboard[1])) <= running
        for number, (_, headers, text) in enumerate(waiting, 1):
            assert f'you are number {number} in the queue' in text and 'All 2 places are taken' in text
            assert headers['Retry-After'] == str(ASK_AGAIN) and f'http-equiv="refresh" content="{ASK_AGAIN}"' in text
        assert ask(address, 'healthz')[0] == 200
        cookies = [headers['Set-Cookie'].split(';')[0] for _, headers, _ in waiting]
        _, _, text = ask(address, Cookie=cookies[1])
        assert 'you are number 2' in text
        for visitor in (first, second):
            content = own_clip(visitor.number, 0)
            shown, _ = await visitor.ask(content)
            assert shown == pytest.approx(classifier.predict(content).probabilities, abs=1e-4)
        assert leave(address, first.kernel) == 204
        wait_for(lambda: ask(address, Cookie=cookies[0])[0] == 200)
        assert ask(address, Cookie=cookies[1])[0] == 503
        leave(address, second.kernel)
        wait_for(lambda: ask(address, Cookie=cookies[1])[0] == 200)
    asyncio.run(story())

def test_a_kernel_that_is_killed_ends_its_own_visit_and_no_other(dashboard, address, classifier):
    async def story():
        victim, other = await visit(address, 0), await visit(address, 1)
        kernels(dashboard[1])[victim.kernel].kill()
        with pytest.raises(ConnectionError, match='the kernel died'):
            await asyncio.wait_for(victim.ask(own_clip(0, 0)), 30)
        content = own_clip(1, 0)
        shown, _ = await other.ask(content)
        assert shown == pytest.approx(classifier.predict(content).probabilities, abs=1e-4)
        wait_for(lambda: ask(address, f'api/kernels/{victim.kernel}')[0] == 404)
        assert ask(address)[0] == 200
    asyncio.run(story())

def test_pages_made_ahead_that_die_are_made_again(dashboard, address):
    dead = kernels(dashboard[1])
    for k in dead.values(): k.kill()
    wait_for(lambda: len(kernels(dashboard[1]).keys() - dead) == 2)
    wait_for(lambda: ask(address, 'healthz')[0] == 200)  # 503 until the next is made, where one died while it was made
    status, _, text = ask(address)
    assert status == 200 and kernel_of(text) not in dead

def test_quick_reloads_leave_no_kernels(dashboard, address):
    _, headers, _ = ask(address)
    cookie = headers['Set-Cookie'].split(';')[0]
    assert cookie.startswith(VISITOR)
    for _ in range(12): assert ask(address, Cookie=cookie)[0] == 200
    wait_for(lambda: len(kernels(dashboard[1])) <= 4)

# What a stranger may ask for

UP = '..%2f'*9
NOBODY = '6d2f3c6a-0000-4000-8000-000000000000' # Id of a kernel that is not there

@pytest.mark.parametrize('path', [
    f'voila/static/{UP}etc%2fpasswd', 'voila/static/../../../../../../../../etc/passwd', 'voila/static//etc/passwd',
    'voila/static/%2fetc%2fpasswd', f'voila/labextensions/{UP}etc/passwd', f'voila/api/themes/{UP}etc/passwd',
    'voila/templates/lab/static/../../../../../../etc/passwd', 'voila/templates/..%2f..%2fstatic/x', 'voila/tree',
    'voila/files/emotion.ipynb', 'voila/files/..%2fvoila.json', 'voila/render/emotion.ipynb', f'voila/query/{NOBODY}',
    'emotion.ipynb', 'voila.json', 'api/kernels', 'api/contents', 'api/contents/emotion.ipynb', 'api/sessions',
    'metrics', 'api/terminals', 'api/kernelspecs', f'api/kernels/{NOBODY}', 'login', 'logout', 'lab',
    '%2e%2e/%2e%2e/etc/passwd'])
def test_nothing_but_the_page_is_served(dashboard, path):
    status, _, text = ask(dashboard[0], path)
    assert status in (403, 404) and not re.search(r'root:|Traceback|File "|EmotionApp|kernelspec', text)

def test_neither_page_nor_notices_name_another_host(dashboard, address):
    pages = [ask(address) for _ in range(3)] + [ask(address, 'nowhere')]
    assert [status for status, *_ in pages] == [200, 200, 503, 404]
    for _, headers, text in pages:
        assert FOREIGN.findall(text.replace(urlsplit(address).netloc, '')) == []
        policy = dict(part.split(' ', 1) for part in headers['Content-Security-Policy'].split('; '))
        assert policy['script-src'] == "'self' blob:" and policy['default-src'] == "'none'"
        assert headers['X-Content-Type-Options'] == 'nosniff'
    for kind, rest in re.findall(r'<script([^>]*)>(.*?)</script>', pages[0][2], re.S):
        assert 'src=' in kind and not rest or 'json' in kind

def test_a_page_of_another_site_may_not_open_the_websocket(address):
    _, _, text = ask(address)
    kernel_id = kernel_of(text)
    assert refusal(address, kernel_id, Origin='http://evil.example') == 403
    async def own(): (await connect(address, kernel_id, Origin=address.rstrip('/'))).close()
    asyncio.run(own())
    assert ask(address, f'api/kernels/{kernel_id}', 'DELETE', Origin='http://evil.example')[0] in (403, 404)
    assert ask(address, f'voila/api/shutdown/{kernel_id}', 'POST', Origin='http://evil.example')[0] in (403, 404)
    assert ask(address, f'api/kernels/{kernel_id}')[0] == 200

def test_kernels_can_be_neither_listed_nor_guessed(address):
    ids = [kernel_of(ask(address)[2]) for _ in range(2)]
    assert len(set(ids)) == 2 and all(uuid.UUID(id).version == 4 for id in ids)
    assert refusal(address, str(uuid.uuid4())) == 404
    assert ask(address, 'api/kernels', 'POST', '{}')[0] in (303, 403, 405)

@pytest.mark.parametrize('protocols', [(PROTOCOL,), ()])
def test_a_visitor_cannot_run_code(address, protocols, tmp_path, classifier):
    "All messages except those of widgets are dropped, requests to execute code among them"
    trace = tmp_path/'trace'
    code = f'open({str(trace)!r}, "w")'
    content = dict(code=code, user_expressions=dict(x=code), cursor_pos=3, value=code,
                   command='evaluate', arguments=dict(expression=code))
    async def story():
        visitor = await visit(address)
        visitor.channel.connection.close()
        visitor.channel = Channel(await connect(address, visitor.kernel, protocols))
        for channel in ('shell', 'control', 'stdin'):
            for kind in ('execute_request', 'inspect_request', 'complete_request', 'debug_request', 'input_reply',
                         'history_request', 'create_subshell_request'):
                await send(visitor.channel, channel, kind)
        if protocols:
            await visitor.channel.load()
            clip = own_clip(0, 1)
            assert (await visitor.ask(clip))[0] == pytest.approx(classifier.predict(clip).probabilities, abs=1e-4)
        else: await asyncio.sleep(1)
    async def send(channel, name, kind):
        if protocols: return await channel.send(kind, content, channel=name)
        header = dict(msg_id=uuid.uuid4().hex, msg_type=kind, session='x', username='', version='5.3')
        message = dict(channel=name, header=header, parent_header={}, metadata={}, content=content)
        await channel.connection.write_message(json.dumps(message))
    asyncio.run(story())
    assert not trace.exists()

def test_what_a_kernel_prints_is_not_sent_to_browsers(address):
    async def story():
        visitor = await visit(address)
        widget = dict(comm_id='x', target_name='jupyter.widget', data=dict(state={}))  # fails with a traceback
        await visitor.channel.send('comm_open', widget)
        kinds, end = set(), time.monotonic() + 2
        while (rest := end - time.monotonic()) > 0:
            try: message = await asyncio.wait_for(visitor.channel.connection.read_message(), rest)
            except asyncio.TimeoutError: break
            kinds |= set(re.findall(rb'"msg_type": "(\w+)"', message))
            assert b'Traceback' not in message
        assert b'status' in kinds and not kinds & {b'stream', b'error'}
    asyncio.run(story())

# The password

ENDPOINTS = [
    '', 'nowhere', 'api', 'api/kernels', 'api/kernels/KERNEL', 'voila/static/voila.js', 'voila/static/page.js',
    'voila/files/x', 'voila/labextensions/anywidget/package.json', 'login', 'logout', 'emotion.ipynb', '?token=',
    '?password=open+sesame']

def test_without_the_password_everything_is_refused(locked):
    address, process, cookie = locked
    cookie = cookie.split(';')[0]
    kernel_id = kernel_of(ask(address, Cookie=cookie)[2])
    forged = cookie[:-4] + 'beef'
    for path in ENDPOINTS:
        for method in ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'):
            if method == 'POST' and path: continue  # a wrong password, which takes a second: once is enough
            path = path.replace('KERNEL', kernel_id)
            status, _, text = ask(address, path, method, Cookie=forged, Authorization='token ')
            assert status in (401, 405) and 'kernelId' not in text
    assert refusal(address, kernel_id) == refusal(address, kernel_id, Cookie=forged) == 401
    async def inside(): (await connect(address, kernel_id, Cookie=cookie)).close()
    asyncio.run(inside())
    assert ask(address, 'voila/static/page.js', Cookie=cookie)[0] == 200
    assert ask(address, 'healthz')[::2] == (200, 'ok\n')

def test_the_cookie_is_out_of_reach_and_no_kernel_knows_the_password(locked):
    _, process, cookie = locked
    assert 'HttpOnly' in cookie and 'SameSite=Strict' in cookie and SECRET not in cookie
    assert kernels(process)
    for k in kernels(process).values(): assert SECRET not in str(k.environ()) and SECRET not in ' '.join(k.cmdline())

# In a browser

@pytest.fixture(scope='module')
def browser(chromium):
    "Headless Chromium"
    with chromium_browser(chromium) as browser: yield browser

@contextmanager
def browsing(browser, address, **options):
    "The page in a browser, the id of its kernel, and the addresses that were requested"
    context, asked = browser.new_context(**options), []
    context.on('request', lambda o: asked.append(o.url))
    with context.expect_event('response', lambda r: r.url == address) as response: page = open_page(context, address)
    GIVEN.add(kernel_of(response.value.text()))
    yield page, kernel_of(response.value.text()), asked
    context.close()

def test_no_other_host_is_asked_even_without_the_policy(browser, address):
    with browsing(browser, address, bypass_csp=True) as (_, _, asked): pass
    own = address, address.replace('http', 'ws'), 'data:', 'blob:'
    assert len(asked) > 10 and [url for url in asked if not url.startswith(own)] == []

def test_the_password_opens_the_page_in_a_browser(browser, locked):
    address, *_ = locked
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_text('This page asks for a password.')).to_be_visible()
    page.get_by_label('Password').fill(SECRET)
    page.get_by_role('button', name='Open').click()
    page.get_by_role('button', name='angry', exact=True).click(timeout=60_000)
    expect(page.locator('.emotion-answer h2')).to_have_count(1, timeout=60_000)
    context.close()

ENDED = 'The connection with the server has ended: reload this page.'

def test_a_visitor_whose_kernel_dies_is_told_and_one_who_waits_comes_in(browser, dashboard, address):
    ask(address)
    with browsing(browser, address) as (page, kernel_id, _):
        other = browser.new_context().new_page()
        other.goto(address)
        expect(other.get_by_text('you are number 1 in the queue')).to_be_visible()
        kernels(dashboard[1])[kernel_id].kill()
        expect(page.get_by_role('status')).to_have_text(ENDED, timeout=30_000)
        other.get_by_label('Choose recordings').wait_for(state='attached', timeout=60_000)
        other.close(run_before_unload=True)

def test_a_page_that_is_closed_ends_its_kernel(browser, dashboard, address):
    with browsing(browser, address) as (page, kernel_id, _):
        page.close(run_before_unload=True)
        wait_for(lambda: kernel_id not in kernels(dashboard[1]), seconds=15)  # sooner than the server would by itself

# Last, because for a minute after it nobody can log in

def test_passwords_cannot_be_tried_without_end(locked):
    address = locked[0]
    tries = ThreadPoolExecutor(10).map(lambda _: ask(address, body='password=guess', **FORM)[0], range(10))
    assert set(tries) <= {401, 429}
    assert ask(address, body='password=open+sesame', **FORM)[0] == 429
    assert ask(address, Cookie=locked[2].split(';')[0])[0] == 200  # visitors who are in stay in
