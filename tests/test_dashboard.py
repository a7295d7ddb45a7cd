"The dashboard as a visitor meets it: served as a process, in headless Chromium, with the model that is shipped."
import re, signal, socket, subprocess

import numpy as np
import pytest
import soundfile as sf
from emotion_nb import EmotionClassifier
from emotion_nb.dashboard import COLOURS, FilePicker, percent
from playwright.sync_api import expect
from screenshot import choose, chromium_browser, command, open_page, serving

@pytest.fixture(scope='module')
def address():
    "Where the dashboard answers"
    with serving() as (address, _): yield address

@pytest.fixture(scope='module')
def browser(chromium):
    "Headless Chromium"
    with chromium_browser(chromium) as browser: yield browser

RECORD_SENT = """
window.sentSizes = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function(data) { window.sentSizes.push(data.byteLength ?? data.size ?? data.length); return send.call(this, data); };
"""

class Visit:
    "A page of its own, and what happened in it that nobody asked for"
    def __init__(self, context, address):
        self.address, self.foreign, self.errors = address, [], []
        context.add_init_script(RECORD_SENT)
        context.on('page', self._watch)
        self.page = open_page(context, address)
        self.status, self.heading = self.page.get_by_role('status'), self.page.locator('.emotion-answer h2')

    def _watch(self, page):
        page.on('pageerror', lambda o: self.errors.append(str(o)))
        page.on('dialog', lambda o: (self.errors.append(f'dialog: {o.message}'), o.dismiss()))
        page.on('response', lambda o: self._asked(o))
        page.on('requestfailed', lambda o: o.failure == 'csp' or self._asked(o))  # the page's own policy stopped it

    def _asked(self, o):
        if not o.url.startswith((self.address, 'data:', 'blob:')): self.foreign.append(o.url)

    @property
    def sent(self):
        "Bytes in each websocket message that the page has sent"
        return self.page.evaluate('window.sentSizes')

    def choose(self, files): choose(self.page, files)

    def answer(self):
        "Emotion, and the exact probability and shown percentage of each emotion, as they stand in the page"
        self.heading.wait_for()
        rows = self.page.locator('.emotion-answer tbody tr').all()
        names = [o.locator('th').inner_text() for o in rows]
        exact = [float(o.locator('data').get_attribute('value')) for o in rows]
        return self.heading.inner_text().lower(), dict(zip(names, exact)), dict(zip(names, [o.locator('data').inner_text() for o in rows]))

    def assert_answers(self, prediction):
        "The page shows this prediction"
        emotion, exact, shown = self.answer()
        assert emotion == prediction.emotion
        assert exact == pytest.approx(prediction.probabilities, abs=1e-4)
        assert list(exact) == sorted(exact, key=exact.get, reverse=True)
        assert shown == {k: percent(p) for k, p in exact.items()}
        expect(self.status).to_contain_text(f'{prediction.emotion}, {percent(prediction.confidence)}')

    def assert_refused(self, sentence):
        "The status says so in one sentence, and no answer stands beside it"
        expect(self.status).to_have_text(sentence)
        expect(self.heading).to_have_count(0)
        expect(self.page.locator('.emotion-app audio')).to_have_count(0)
        assert not re.search(r'Traceback|Error|File "', self.page.locator('body').inner_text())

@pytest.fixture
def visit(browser, address):
    "Somebody who has opened the page"
    context = browser.new_context(viewport=dict(width=1200, height=1000))
    visit = Visit(context, address)
    yield visit
    assert (visit.errors, visit.foreign) == ([], [])
    context.close()

@pytest.fixture(scope='module')
def classifier(): return EmotionClassifier.load()

def test_a_clip_is_answered_as_the_library_answers_it(visit, classifier, examples):
    answers = []
    for clip in examples[:3]:
        visit.choose(clip)
        visit.assert_answers(classifier.predict(clip))
        answers.append(visit.answer()[1])
    assert answers[0] != answers[1] != answers[2]

def test_a_clip_is_heard_and_seen(visit, examples):
    visit.choose(examples[0])
    visit.heading.wait_for()
    audio = visit.page.locator('.emotion-app audio')
    visit.page.wait_for_function("() => document.querySelector('.emotion-app audio').readyState > 0")
    assert audio.evaluate('o => o.duration') == pytest.approx(sf.info(examples[0]).duration, abs=.05)
    assert audio.evaluate('o => o.paused && o.controls')
    for title in ('Waveform', 'Mel spectrogram'):
        picture = visit.page.get_by_role('img', name=f'{title} of {sf.info(examples[0]).duration:.2f} s')
        visit.page.wait_for_function('o => o.complete', arg=picture.element_handle())
        assert picture.evaluate('o => o.naturalWidth') == 1280
    expect(visit.page.get_by_text(re.compile(r'Used for the answer: \d\.\d\d to \d\.\d\d s'))).to_be_visible()

def test_a_clip_of_more_than_ten_megabytes_arrives(visit, classifier, examples, tmp_path):
    y, sr = sf.read(examples[0])
    y = np.tile(y, 1 + 11_000_000//(8*len(y)))
    clip = tmp_path/'large.wav'
    sf.write(clip, y, sr, subtype='DOUBLE')
    assert clip.stat().st_size > 10*2**20
    visit.choose(clip)
    visit.assert_answers(classifier.predict(clip))
    assert max(visit.sent) > 10*2**20

def test_after_a_broken_file_the_next_one_is_answered(visit, classifier, examples, tmp_path):
    broken = tmp_path/'broken.wav'
    broken.write_bytes(b'RIFF' + bytes(1000))
    visit.choose(examples[0])
    visit.heading.wait_for()
    visit.choose(broken)
    visit.assert_refused(re.compile(r'^broken\.wav is not a recording that can be read: [^.]+\.$'))
    visit.choose(examples[1])
    visit.assert_answers(classifier.predict(examples[1]))

def test_a_silent_recording_is_said_to_be_silent(visit, tmp_path):
    sf.write(tmp_path/'silence.wav', np.zeros(22_050), 22_050)
    visit.choose(tmp_path/'silence.wav')
    visit.assert_refused(re.compile('silent'))

def test_an_oversized_file_never_travels(visit, classifier, examples, tmp_path):
    visit.choose(examples[0])
    visit.heading.wait_for()
    large = tmp_path/'opera.wav'
    with large.open('wb') as f: f.truncate(FilePicker().max_bytes + 1)
    before = sum(visit.sent)
    visit.choose(large)
    visit.assert_refused('opera.wav has 50.1 MB: choose a recording of at most 50 MB.')
    assert 0 < sum(visit.sent) - before < 100_000
    visit.choose(examples[1])
    visit.assert_answers(classifier.predict(examples[1]))

def test_a_hostile_file_name_is_text(visit, examples):
    name = '<img src=x onerror=alert(1)>.wav'
    visit.choose(dict(name=name, mimeType='audio/wav', buffer=examples[0].read_bytes()))
    visit.heading.wait_for()
    expect(visit.status).to_contain_text(name)
    visit.choose(dict(name=name, mimeType='audio/wav', buffer=b'nothing'))
    visit.assert_refused(re.compile('^' + re.escape(name)))
    expect(visit.page.locator('img[src=x]')).to_have_count(0)

def test_a_file_can_be_dropped_anywhere_on_the_page(visit, classifier, examples):
    drop = """([bytes, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        document.querySelector('h1').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    visit.page.evaluate(drop, [list(examples[1].read_bytes()), 'dropped.flac'])
    visit.assert_answers(classifier.predict(examples[1]))
    expect(visit.status).to_contain_text('dropped.flac')

def test_the_keyboard_reaches_the_picker(visit):
    for _ in range(20):
        visit.page.keyboard.press('Tab')
        if visit.page.evaluate("() => document.activeElement.type === 'file'"): break
    with visit.page.expect_file_chooser(): visit.page.keyboard.press('Space')

def test_two_visitors_get_their_own_answers(visit, browser, address, classifier, examples):
    context = browser.new_context()
    other = Visit(context, address)
    visit.choose(examples[0])
    other.choose(examples[1])
    visit.assert_answers(classifier.predict(examples[0]))
    other.assert_answers(classifier.predict(examples[1]))
    context.close()

@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_the_page_follows_the_system_and_fits_a_phone(browser, address, examples, scheme):
    context = browser.new_context(viewport=dict(width=375, height=740), color_scheme=scheme)
    page = open_page(context, address)
    choose(page, examples[0])
    page.locator('.emotion-answer h2').wait_for()
    for selector in ('body', '.emotion-app'):
        colour = page.locator(selector).evaluate('o => getComputedStyle(o).backgroundColor')
        assert '#' + ''.join(f'{int(n):02x}' for n in re.findall(r'\d+', colour)) == COLOURS['page'][scheme == 'dark']
    picture = page.locator('.emotion-figure img').first
    page.wait_for_function('o => o.complete', arg=picture.element_handle())
    assert picture.evaluate('o => o.naturalWidth') == 680  # drawn for a phone
    wide = page.evaluate("() => [...document.querySelectorAll('.emotion-app *')].filter(o => o.getBoundingClientRect().right > 375).map(o => o.outerHTML)")
    assert wide == []
    context.close()

def test_the_page_shows_no_source_and_has_a_title(visit):
    assert visit.page.title() == 'The emotion in a voice'
    assert 'EmotionApp' not in visit.page.content()

def test_ctrl_c_ends_it_without_a_word():
    with serving() as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0

def test_a_port_that_is_taken_is_said_in_one_sentence():
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
        done = subprocess.run(command(port), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f'Port {port} is taken: choose another one.') and 'Traceback' not in done.stderr
