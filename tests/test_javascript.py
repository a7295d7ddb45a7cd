"The JavaScript of the app: every file loads in Chromium, pure functions answer as their Python twins, and all is tidy."
import io, json, math, re
from importlib.resources import files

import matplotlib
import numpy as np
import pytest
import soundfile as sf
from emotion_nb.app.assets import esm, exports, imports, modules, static
from emotion_nb.app.protocol import ACK_SECONDS, CHUNK_BYTES, LATE_SECONDS, MESSAGES, NUMBERS, protocol_js
from emotion_nb.app.theme import EMOTION_COLOURS, looks
from emotion_nb.core import EMOTIONS, SUFFIXES
from screenshot import chromium_browser

ORIGIN = 'http://app.test'
FILES = sorted(f.name for f in files('emotion_nb.app').joinpath('static').iterdir() if f.name.endswith('.js'))
WIDGETS = ['download.js', 'live.js', 'live_view.js', 'picker.js', 'player.js', 'recorder.js', 'status.js', 'table.js',
           'upload.js']

@pytest.fixture(scope='module')
def page(chromium):
    "An empty page from whose address the files can be imported, and nothing else"
    def answer(route):
        name = route.request.url.removeprefix(f'{ORIGIN}/')
        if name in FILES: route.fulfill(body=static(name), content_type='text/javascript')
        else: route.fulfill(body='<!doctype html>', content_type='text/html', status=404 if name else 200)
    with chromium_browser(chromium) as browser:
        page = browser.new_page()
        page.route('**/*', answer)
        page.goto(f'{ORIGIN}/')
        yield page

@pytest.fixture(scope='module')
def call(page):
    "Call an exported function of a file: `call('draw.js', 'clock', 61, 0)`"
    def call(file, function, *args):
        text = f'''async args => (await import("{ORIGIN}/{file}"))[{json.dumps(function)}](...args)'''
        return page.evaluate(text, list(args))
    return call

@pytest.fixture(scope='module')
def cases(repo): return json.loads((repo/'tests'/'text_cases.json').read_text(encoding='utf-8'))

# Every file

@pytest.mark.parametrize('name', FILES)
def test_a_file_is_a_module_that_exports_what_its_text_says(page, name):
    found = page.evaluate(f'async () => Object.keys(await import("{ORIGIN}/{name}"))')
    assert sorted(k for k in found if k != 'default') == sorted(exports(static(name)))

@pytest.mark.parametrize('name', FILES)
def test_every_import_leads_to_a_file_that_exports_the_name(name):
    assert modules(name)[-1] == name
    assert len(imports(static(name))) == len(re.findall(r'^import\b', static(name), re.MULTILINE))

@pytest.mark.parametrize('name', WIDGETS)
def test_a_widget_is_one_module_without_imports(page, name):
    load = '''async text => {
        const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
        const widget = (await import(url)).default;
        return Object.fromEntries(Object.entries(widget).map(([k, v]) => [k, typeof v]));
    }'''
    found = page.evaluate(load, esm(name))
    assert found and set(found) <= {'initialize', 'render'} and set(found.values()) == {'function'}

# The protocol

def test_the_constants_of_the_browser_are_those_of_python(page):
    assert static('protocol.js') == protocol_js()
    found = page.evaluate(f'async () => ({{...await import("{ORIGIN}/protocol.js")}})')
    kinds = {m.kind.upper(): m.kind for m in MESSAGES}
    assert found == kinds | NUMBERS

def test_every_kind_of_message_is_used_by_the_browser():
    used = {name for file in FILES for name in imports(static(file)).get('protocol.js', ())}
    assert {m.kind.upper() for m in MESSAGES} - used == {'ACK'}  # any message acknowledges

# Twins of functions in Python: the same cases for both

def test_percent(call, cases):
    for p, text in cases['percent']: assert call('draw.js', 'percent', p) == text, p

def test_clock(call, cases):
    for seconds, digits, text in cases['clock']:
        assert call('draw.js', 'clock', seconds, digits) == text, (seconds, digits)

def test_the_colours_are_those_of_magma(call):
    expected = 255*matplotlib.colormaps['magma'](np.arange(256))[:, :3]
    found = np.array([call('spectrum.js', 'magma', level) for level in (0, 28, 100, 128, 200, 255)])
    assert np.abs(found - expected[[0, 28, 100, 128, 200, 255]]).max() < 8

def test_the_colours_grow_lighter(call):
    colours = np.array([call('spectrum.js', 'magma', level) for level in range(0, 256, 15)])
    assert (np.diff(colours @ [.2126, .7152, .0722]) > 0).all()

def test_the_highest_band_is_the_top_row(page):
    found = page.evaluate(f'''async () => {{
        const {{pixels}} = await import("{ORIGIN}/spectrum.js");
        return [...pixels(new Uint8Array([0, 255, 0, 0]), 2)];
    }}''')  # two frames of two bands
    rows = np.array(found).reshape(2, 2, 4)
    assert rows[0, 0, :3].sum() > 600 and rows[1, 0, :3].sum() < 10 and (rows[..., 3] == 255).all()

def test_bins_of_a_waveform_are_pooled_by_lowest_and_highest(page):
    rng = np.random.default_rng(0)
    wave = np.sort(rng.normal(size=(11, 2)), 1).astype(np.float32)
    found = page.evaluate(f'''async wave => {{
        const {{poolBins}} = await import("{ORIGIN}/wave.js");
        return poolBins(new Float32Array(wave), 0, wave.length/2, 4);
    }}''', wave.ravel().tolist())
    expected = [[i, wave[i:i+4, 0].min(), wave[i:i+4, 1].max()] for i in range(0, 11, 4)]
    assert np.array(found) == pytest.approx(np.array(expected))

def test_the_outline_of_no_bins_is_empty(page):
    outline = f'''async bins => {{
        const {{outline}} = await import("{ORIGIN}/wave.js");
        return outline(bins, i => 10*i, amplitude => 50 - 50*amplitude);
    }}'''
    assert page.evaluate(outline, []) == ''
    assert page.evaluate(outline, [[0, -1, 1], [1, 0, 0]]) == 'M0.0 -0.4L10.0 49.6L10.0 50.4L0.0 100.4Z'

def window_rows(starts, silent, classes=2):
    "Rows as `SoundView.windows` holds them, three seconds each"
    rows = np.full((len(starts), 2 + classes), 1/classes, np.float32)
    rows[:, 0], rows[:, 1] = starts, np.add(starts, 3)
    rows[list(silent), 2:] = np.nan
    return rows

RUNS = '''async ([rows, width]) => {
    const {windowRuns} = await import("ORIGIN/timeline.js");
    return windowRuns(new Float32Array(rows.map(v => v ?? NaN)), width).map(run => run.map(w => w.start));
}'''.replace('ORIGIN', ORIGIN)

@pytest.mark.parametrize('silent, runs', [
    ((), [[0, 1, 2, 3]]), ((0,), [[1, 2, 3]]), ((3,), [[0, 1, 2]]), ((1, 2), [[0], [3]]), ((0, 2), [[1], [3]]),
    ((0, 1, 2, 3), [])])
def test_silence_ends_a_run_of_windows(page, silent, runs):
    rows = window_rows(range(4), silent)
    plain = [None if math.isnan(v) else float(v) for v in rows.ravel()]
    assert page.evaluate(RUNS, [plain, rows.shape[1]]) == runs

def test_pooled_windows_have_the_mean_of_their_probabilities(call):
    p = np.random.default_rng(0).dirichlet(np.ones(8), 5)
    run = [dict(start=i, end=i + 3, p=row.tolist()) for i, row in enumerate(p)]
    found = call('timeline.js', 'poolWindows', run, 2)
    assert [(w['start'], w['end']) for w in found] == [(0, 4), (2, 6), (4, 7)]
    for w, rows in zip(found, (p[:2], p[2:4], p[4:])): assert w['p'] == pytest.approx(rows.mean(0))
    assert call('timeline.js', 'poolWindows', run, 1) == run

def test_a_run_reaches_to_the_start_and_the_end_of_the_recording(call):
    run = [dict(start=float(i), end=i + 3., p=[1.]) for i in range(3)]
    at = lambda **whole: [w['at'] for w in call('timeline.js', 'runPoints', run, dict(hop=1) | whole)]
    assert at(start=0, seconds=5) == [0, 1.5, 2.5, 3.5, 5]
    assert at(start=-2, seconds=60) == [1, 1.5, 2.5, 3.5, 4]

def test_names_do_not_overlap(call):
    wanted = [('sad', .9, 100), ('calm', .8, 104), ('sad', .7, 200), ('sad', .6, 300), ('happy', .95, 5)]
    wanted = [dict(name=name, p=p, x=x, y=50) for name, p, x in wanted]
    placed = call('timeline.js', 'placeNames', wanted, list(EMOTIONS), dict(left=0, right=400))
    assert [(o['name'], o['x']) for o in placed] == [('calm', 104), ('sad', 200)]

@pytest.mark.parametrize('seconds, width, step', [
    (3, 600, .5), (40, 600, 5), (7200, 600, 1200), (3*3600, 200, 3600), (9e4, 200, 7200)])
def test_marks_of_time_are_round_and_have_room(call, seconds, width, step):
    assert call('draw.js', 'timeStep', seconds, width) == step

@pytest.mark.parametrize('value, digits, text', [(1.25, 1, '+1.3'), (-3, 0, '\N{MINUS SIGN}3'), (0, 1, '0.0')])
def test_signed(call, value, digits, text): assert call('draw.js', 'signed', value, digits) == text

@pytest.mark.parametrize('start, size, expected', [
    (0, 10, (0, 10, True)), (0, CHUNK_BYTES, (0, CHUNK_BYTES, True)), (0, CHUNK_BYTES + 1, (0, CHUNK_BYTES, False)),
    (CHUNK_BYTES, CHUNK_BYTES + 1, (CHUNK_BYTES, CHUNK_BYTES + 1, True)), (0, 0, (0, 0, True))])
def test_the_last_chunk_is_marked(call, start, size, expected):
    assert tuple(call('upload.js', 'nextChunk', start, size)[k] for k in ('from', 'to', 'last')) == expected

def test_of_a_folder_recordings_are_chosen_by_their_suffix(call):
    names = ['a.wav', 'B.AMR', 'notes.txt', '._a.wav', 'wav', 'c.3gp', 'd.wma']
    found = [n for n in names if call('picker.js', 'isRecording', n, list(SUFFIXES))]
    assert found == ['a.wav', 'B.AMR', 'c.3gp', 'd.wma']

def test_a_recording_is_written_as_wav(page):
    y = np.sin(np.linspace(0, 20, 500)).astype(np.float32)
    found = page.evaluate(f'''async y => {{
        const {{wavFile}} = await import("{ORIGIN}/recorder.js");
        return [...wavFile(new Float32Array(y), 22050)];
    }}''', [*y.tolist(), 2., -2.])
    back, rate = sf.read(io.BytesIO(bytes(found)), dtype='float32')
    assert rate == 22050 and back[:500] == pytest.approx(y, abs=1e-4) and back[500:] == pytest.approx([1, -1], abs=1e-4)

# Live

def test_answers_of_the_same_emotion_are_one_part_of_the_history(call):
    history = [[3, 0, .5, True], [3.5, 0, .6, False], [4, 1, .5, True], [6, 1, .5, True], [6.5, -1, 0, False]]
    found = call('live_view.js', 'historyRuns', history, .5)
    assert [(o['emotion'], o['from'], o['to']) for o in found] == [
        (0, 2.5, 3.5), (1, 3.5, 4), (1, 5.5, 6), (-1, 6, 6.5)]

def test_the_last_minute_in_words(call):
    history = [[i, emotion, .5, True] for i, emotion in enumerate((0, 1, 1, -1))]
    text = call('live_view.js', 'historyText', history, ['calm', 'sad']).replace('\N{NO-BREAK SPACE}', ' ')
    assert text == 'The last minute: sad 50 %, calm 25 %, no voice 25 % of the answers.'
    assert call('live_view.js', 'historyText', [], ['calm']) == 'The last minute: no answer yet.'

@pytest.mark.parametrize('last, text, now, read', [
    (None, '', 9, False), (None, 'Sad', 0, True), (('Sad', 0), 'Sad', 60, False), (('Sad', 0), 'Calm', 4, False),
    (('Sad', 0), 'Calm', 5, True)])
def test_screen_readers_are_not_flooded(call, last, text, now, read):
    last = last and dict(text=last[0], time=last[1])
    assert call('live_view.js', 'isAnnounced', last, text, now) is read

SENDER = f"""async () => {{
    const {{makeSender}} = await import("{ORIGIN}/live.js"), clock = performance.now, sent = [];
    let now = 0, timeouts = 0;
    performance.now = () => 1000*now;
    const model = {{send: (o, _, [b]) => sent.push([o.at, o.delay, b.byteLength])}};
    const sender = makeSender(model, () => {{ timeouts += 1; }});
    const block = seconds => {{ sender.send(new ArrayBuffer(200), 1000); now += seconds; }};
    STEPS
    performance.now = clock;
    return [sent, timeouts];
}}"""

def test_a_block_is_left_out_while_an_earlier_one_is_late(page):
    steps = """block(LATE); block(.5); block(.5);    // the first is late when the third comes
    sender.used(.1, null);                           // used, with the second: without an answer
    block(.25); sender.used(.3, .5); block(1);       // used, with an answer for sound that ended .5 s before
    """.replace('LATE', str(LATE_SECONDS))
    sent, timeouts = page.evaluate(SENDER.replace('STEPS', steps))
    assert [at for at, _, _ in sent] == pytest.approx([0, .1, .3, .4]) and timeouts == 0
    assert [delay for _, delay, _ in sent] == [None, None, None, .75]
    assert {n for _, _, n in sent} == {200}

def test_live_ends_where_python_does_not_answer(page):
    sent, timeouts = page.evaluate(SENDER.replace('STEPS', f'block({ACK_SECONDS + 1}); block(.1); block(.1);'))
    assert (len(sent), timeouts) == (1, 2)

@pytest.mark.parametrize('reason, words', [
    ('NotAllowedError', 'press Live again'), ('NotFoundError', 'No microphone was found'), ('insecure', 'HTTPS'),
    ('NotReadableError', 'in use'), ('AnotherError', 'could not be used')])
def test_every_reason_why_there_is_no_microphone_is_one_sentence(call, reason, words):
    sentence = call('microphone.js', 'whyNoMicrophone', reason, 'Live')
    assert words in sentence and sentence.count('.') == 1 and sentence.endswith('.')

def test_the_live_button_says_why_there_is_no_microphone(widget):
    press = """async ({el, sent}) => {  // a page that is neither over HTTPS nor from the same machine
        const button = el.querySelector("button"), alert = el.querySelector("[role=alert]");
        button.click();
        while (!alert.textContent) await new Promise(ok => setTimeout(ok));
        return [button.textContent, button.disabled, alert.textContent, sent.length];
    }"""
    label, disabled, sentence, sent = widget('live.js', {}, press)
    assert (label, disabled, sent) == ('Live', False, 0) and 'HTTPS' in sentence

ANSWER = dict(classes=['calm', 'sad'], looks=looks(['calm', 'sad']), heading='Sad', detail='62 % confidence', sure=True,
    proba=[.38, .62], history=[[3, 1, .62, True]], seconds=3, span=60, hop=.5, latency=.25, lost=0, live=True)

def test_the_live_view_shows_each_state(widget):
    steps = """async ({el, state, emit}) => {
        const drawn = () => new Promise(ok => requestAnimationFrame(() => requestAnimationFrame(ok)));
        const see = () => [el.querySelector("h2").textContent, el.querySelector(".emotion-muted").textContent,
            [...el.querySelectorAll("data")].map(o => o.textContent.replace("\u00a0", " ")),
            el.querySelectorAll(".emotion-best").length, el.querySelector(".emotion-notes").textContent,
            el.querySelector("[aria-live]").textContent];
        const seen = [see()];
        Object.assign(state, {heading: "Silence", sure: false, proba: [], lost: 1.5, latency: -1});
        emit("change:heading");
        await drawn();
        seen.push(see());
        Object.assign(state, {live: false});
        emit("change:live");
        await drawn();
        return [...seen, see()];
    }"""
    first, second, third = widget('live_view.js', ANSWER, steps)
    assert first == ['Sad', 'Live; the answer is 0.3 s behind the sound', ['38 %', '62 %'], 1, '', 'Sad']
    lost = '1.5 s of sound came too late and was left out: the computer or the line is too slow.'
    assert second == ['Silence', 'Live', ['\N{EN DASH}']*2, 0, lost, 'Sad']  # not read aloud so soon
    assert third[1] == 'The last answer, before live ended'

@pytest.mark.parametrize('values, descending, order', [
    (['b', '', 'a10', 'a9'], False, [3, 2, 0, 1]),
    ([.5, None, .9, .5], True, [2, 0, 3, 1]), ([.5, None, .9, .5], False, [0, 3, 2, 1])])
def test_sorting_puts_what_is_empty_last(call, values, descending, order):
    assert call('table.js', 'sortedOrder', values, descending) == order

def test_a_second_click_turns_the_order(call):
    first = call('table.js', 'nextSorting', dict(by=None, descending=False), 2)
    assert first == dict(by=2, descending=True)
    assert call('table.js', 'nextSorting', first, 2) == dict(by=2, descending=False)
    assert call('table.js', 'nextSorting', first, 0) == dict(by=0, descending=False)

# Elements

def test_text_in_an_element_is_text(page):
    found = page.evaluate(f'''async () => {{
        const {{make}} = await import("{ORIGIN}/draw.js");
        const attributes = {{title: "a", hidden: false, lang: null, tabindex: 0}};
        const o = make("p", attributes, "<img src=x>", null, false, make("path"));
        return [o.outerHTML, o.lastChild.namespaceURI];
    }}''')
    assert found == ['<p title="a" tabindex="0">&lt;img src=x&gt;<path></path></p>', 'http://www.w3.org/2000/svg']

def test_a_swatch_has_the_colour_and_the_pattern_of_its_emotion(page):
    found = page.evaluate(f'''async looks => {{
        const {{swatch}} = await import("{ORIGIN}/draw.js");
        return ["sad", "neutral"].map(name => {{
            const o = swatch(looks, name), rect = o.lastChild;
            const fills = rect.getAttribute("fill") === `url(#${{o.querySelector("pattern").id}})`;
            const path = o.querySelector("path")?.getAttribute("d") ?? "";
            return [o.querySelector("pattern rect").getAttribute("fill"), path, fills];
        }});
    }}''', looks())
    assert found == [[EMOTION_COLOURS[e], looks()[e]['path'], True] for e in ('sad', 'neutral')]

# Widgets, with a model that keeps its traits and what is sent

MODEL = """async ([text, state]) => {
    const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"})), handlers = {}, sent = [];
    for (const [name, value] of Object.entries(state)) {  // as anywidget gives `Bytes` traits
        if (value?.floats) state[name] = new DataView(new Float32Array(value.floats).buffer);
        if (value?.bytes) state[name] = new DataView(new Uint8Array(value.bytes).buffer);
    }
    const model = {
        get: name => state[name], set: (name, value) => { state[name] = value; }, save_changes() {},
        on: (names, f) => names.split(" ").forEach(name => (handlers[name] ??= []).push(f)),
        send: (content, _, buffers) => sent.push([content, buffers?.map(o => o.byteLength)]),
    };
    const el = document.createElement("div"), widget = (await import(url)).default;
    const emit = (name, ...args) => handlers[name]?.forEach(f => f(...args));
    document.body.replaceChildren(el);
    widget.initialize?.({model});
    widget.render?.({model, el});
    return await (STEPS)({model, el, emit, sent, state});
}"""

@pytest.fixture(scope='module')
def widget(page):
    "Show a widget of a file with some traits, and call a function with it: `widget('status.js', {}, '({el}) => ...')`"
    return lambda file, traits, steps: page.evaluate(MODEL.replace('STEPS', steps), [esm(file), traits])

LINE = dict(text='Listening …', failed=False, busy=True, progress=.5, done=3, stoppable=True)

def test_the_status_line_shows_its_state(widget):
    seen = """({el, state, emit}) => {
        const see = () => [...el.children].map(o => o.hidden ? "" : o.textContent || o.value);
        const first = see();
        Object.assign(state, {busy: false, text: "Done."});
        emit("change:busy");
        return [first, see(), el.firstChild.dataset.done];
    }"""
    assert widget('status.js', LINE, seen) == [['Listening …', .5, 'Stop'], ['Done.', '', ''], '3']

def test_stop_is_sent_once_and_a_timeout_is_said(widget):
    stopped = """({el, sent}) => {
        el.lastElementChild.click();
        dispatchEvent(new Event("emotion-timeout"));
        return [sent.map(([o]) => o.kind), el.lastElementChild.hidden, el.firstChild.textContent];
    }"""
    kinds, hidden, text = widget('status.js', LINE, stopped)
    assert (kinds, hidden) == (['stop'], True) and text.startswith('The server does not answer')

def test_a_file_is_sent_chunk_by_chunk(widget):
    sent = """async ({emit, sent}) => {
        const say = message => emit("msg:custom", message);
        const answers = async n => { while (sent.length < n) await new Promise(ok => setTimeout(ok)); };
        globalThis.emotionFiles.set("k", new File([new Uint8Array((1 << 20) + 5)], "a.wav"));
        say({kind: "request", id: 1, key: "k"});
        await answers(1);
        say({kind: "next", id: 1});
        await answers(2);
        say({kind: "next", id: 1});      // after the last: nothing
        say({kind: "request", id: 2, key: "unknown"});
        say({kind: "request", id: 3, key: "k"});
        await answers(4);
        say({kind: "cancel", id: 3});
        say({kind: "next", id: 3});      // cancelled: nothing
        say({kind: "request", id: 4, key: "k"});
        await answers(5);
        return sent.map(([o, sizes]) => [o.kind, o.id, o.last ?? null, sizes ?? null]);
    }"""
    assert widget('upload.js', {}, sent) == [
        ['chunk', 1, False, [CHUNK_BYTES]], ['chunk', 1, True, [5]], ['unreadable', 2, None, None],
        ['chunk', 3, False, [CHUNK_BYTES]], ['chunk', 4, False, [CHUNK_BYTES]]]

def test_of_a_recording_every_picture_is_drawn(widget):
    drawn = """({el, sent}) => {
        const tracks = [...el.querySelectorAll("svg[data-track]")].map(o => o.dataset.track);
        el.querySelector(".emotion-segments td:last-child button").click();
        return [tracks, el.querySelectorAll(".emotion-segments tbody tr").length, sent.map(([o]) => o)];
    }"""
    traits = dict(seconds=4, peak=1, used=[[1, 3]], bands=2, ticks=[[0, '500']], classes=['sad', 'calm'], looks=looks(),
        segments=[[0, 4, 'sad', .75]], inspectable=1, effects=[[0, 1, .2], [1, 2, -.1]], captions={}, key='none',
        wave=dict(floats=[-1, 1, -.5, .5]), spectrum=dict(bytes=[0, 255, 9, 9]),
        windows=dict(floats=[0, 3, .75, .25, 1, 4, .75, .25]))
    tracks, rows, sent = widget('player.js', traits, drawn)
    assert (tracks, rows) == (['waveform', 'timeline', 'effects', 'spectrogram'], 1)
    assert sent == [dict(kind='request_sound'), dict(kind='inspect', start=0, end=4)]

# What a linter would say

def code(text):
    "A file without its comments and the contents of its strings"
    text = re.sub(r'(?<!:)//.*', '', re.sub(r'/\*.*?\*/', '', text, flags=re.DOTALL))
    return re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)

@pytest.mark.parametrize('name', [*FILES, 'app.css', 'notice.css'])
def test_lines_are_short_and_clean(name):
    for n, line in enumerate(static(name).splitlines(), 1):
        assert len(line) <= 120, f'{name}:{n} has {len(line)} characters'
        assert '\t' not in line and line == line.rstrip(), f'{name}:{n}'

@pytest.mark.parametrize('name', FILES)
def test_no_var_and_no_loose_comparison(name):
    assert not re.search(r'\bvar\b|\beval\b|(?<![=!])==(?!=)|!=(?!=)', code(static(name)))

@pytest.mark.parametrize('name', FILES)
def test_what_is_imported_is_used(name):
    text = static(name)
    body = code(text)[code(text).rindex('from ""') if imports(text) else 0:]
    for names in imports(text).values():
        for n in names: assert re.search(rf'\b{n}\b', body), f'{name}: {n}'

@pytest.mark.parametrize('name', FILES)
def test_what_is_exported_is_imported_elsewhere_or_tested(name, repo):
    elsewhere = {n for file in FILES for n in imports(static(file)).get(name, ())}
    tested = (repo/'tests'/'test_javascript.py').read_text(encoding='utf-8')
    for n in exports(static(name)): assert n in elsewhere or re.search(rf'\b{n}\b', tested), f'{name}: {n}'

@pytest.mark.parametrize('name', FILES)
def test_an_exported_function_says_its_types(name):
    for before in re.split(r'^export (?:async )?function ', static(name), flags=re.MULTILINE)[:-1]:
        assert before.endswith('*/\n'), f'{name}: …{before[-60:]}'

def test_the_style_sheet_is_read_to_its_end(page):
    count = 'css => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); return sheet.cssRules.length; }'
    assert page.evaluate(count, static('app.css') + 'p { color: red; }') == page.evaluate(count, static('app.css')) + 1
    last = static('app.css').rindex('\n@media')
    assert page.evaluate(count, static('app.css')[:last]) + 1 == page.evaluate(count, static('app.css'))
