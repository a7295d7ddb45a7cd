"The dashboard as a visitor meets it: served as a process, in headless Chromium, with the model that is shipped."
import csv, io, json, os, re, signal, socket, subprocess, sys, time

import av
import numpy as np
import pytest
import soundfile as sf
from emotion_nb import EmotionClassifier
from emotion_nb.output import percent, points
from emotion_nb.adaptation import as_one_voice
from emotion_nb.annotation import ANNOTATIONS, annotation_text
from emotion_nb.prediction import NO_VOICE, verdict
from emotion_nb.audio import SAMPLE_RATE, load_audio
from emotion_nb.core import example_clips
from emotion_nb.app.protocol import CHUNK_BYTES
from emotion_nb.app.server import free_port
from emotion_nb.app.theme import COLOURS
from emotion_nb.app.upload import max_upload
from emotion_nb.timeline import segments
from nonvoices import nonvoice
from playwright.sync_api import Error as PlaywrightError, expect
from screenshot import choose, chromium_browser, command, job, launch_options, long_recording, open_page, serving

expect.set_options(timeout=60_000)  # for a busy machine
HOSTILE = '<img src=x onerror=alert(1)>.wav'

@pytest.fixture(scope='module')
def address():
    "Where the dashboard answers"
    with serving() as (address, _): yield address

@pytest.fixture(scope='module')
def browser(chromium):
    "Headless Chromium"
    with chromium_browser(chromium) as browser: yield browser

@pytest.fixture(scope='module')
def classifier(): return EmotionClassifier.load()

RECORD_SENT = """
window.sentSizes = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function(data) {
    window.sentSizes.push(data.byteLength ?? data.size ?? data.length);
    return send.call(this, data);
};
"""

class Visit:
    "A page of its own, and the errors and requests that should not have happened in it"
    def __init__(self, browser, address, **options):
        self.address, self.foreign, self.errors = address, [], []
        usual = dict(viewport=dict(width=1200, height=1000), accept_downloads=True)
        self.context = browser.new_context(**usual | options)
        self.context.add_init_script(RECORD_SENT)
        self.context.on('page', self._watch)
        self.context.set_default_timeout(60_000)
        self.page = open_page(self.context, address)
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
    def press(self, name): self.page.get_by_role('button', name=name, exact=True).click()

    def bars(self):
        "The exact value and the shown percentage of each bar of the answer"
        rows = self.page.locator('.emotion-answer tbody tr').all()
        found = {o.locator('th').inner_text(): o.locator('data') for o in rows}
        exact = {k: float(o.get_attribute('value')) for k, o in found.items()}
        return exact, {k: o.inner_text() for k, o in found.items()}

    def assert_answers(self, prediction):
        "The page shows this prediction"
        exact, shown = self.bars()
        assert self.heading.inner_text() == verdict(prediction)
        assert exact == pytest.approx(prediction.probabilities, abs=1e-4)
        assert list(exact) == sorted(exact, key=exact.get, reverse=True)
        assert shown == {k: percent(p) for k, p in exact.items()}
        expect(self.status).to_contain_text(verdict(prediction).lower())

    def assert_refused(self, sentence):
        "The status says so in one sentence, and no answer stands beside it"
        expect(self.status).to_have_text(sentence)
        expect(self.heading).to_have_count(0)
        expect(self.page.locator('.emotion-app audio')).to_have_count(0)
        assert not re.search(r'Traceback|Error|File "', self.page.locator('body').inner_text())

    def download(self, button):
        "Text of the file that a button gives"
        with self.page.expect_download() as arriving: self.press(button)
        return arriving.value.suggested_filename, arriving.value.path().read_text(encoding='utf-8')

    def close(self):
        assert (self.errors, self.foreign) == ([], [])
        self.context.close()

@pytest.fixture(scope='module')
def visit(browser, address):
    "A visitor who has opened the page, and stays for all tests"
    visit = Visit(browser, address)
    yield visit
    visit.close()

def encoded(y, sample_rate, form, codec):
    "Sound as a phone or a browser writes it"
    out = io.BytesIO()
    with av.open(out, 'w', format=form) as container:
        stream = container.add_stream(codec, rate=sample_rate, layout='mono')
        frame = av.AudioFrame.from_ndarray(y[None].astype(np.float32), format='fltp', layout='mono')
        frame.sample_rate = sample_rate
        context = stream.codec_context
        resampler = av.AudioResampler(format=context.format, layout='mono', rate=context.sample_rate,
                                      frame_size=context.frame_size)
        for f in resampler.resample(frame): container.mux(stream.encode(f))
        container.mux(stream.encode(None))
    return out.getvalue()

def test_a_clip_is_answered_as_the_library_answers_it(visit, classifier, examples):
    for clip in examples[:2]:
        visit.choose(clip)
        visit.assert_answers(classifier.predict(clip))
    first, second = (classifier.predict(clip).probabilities for clip in examples[:2])
    assert first != second

def test_a_clip_is_played_and_drawn(visit, examples):
    visit.choose(examples[0])
    seconds = sf.info(examples[0]).duration
    audio = visit.page.locator('.emotion-clip audio')
    visit.page.wait_for_function("() => document.querySelector('.emotion-clip audio').readyState > 0")
    assert audio.evaluate('o => o.duration') == pytest.approx(seconds, abs=.05)
    assert audio.evaluate('o => o.paused && o.controls && o.src.startsWith("blob:")')
    expect(visit.page.get_by_role('img', name=f'Waveform of {seconds:.2f} s')).to_contain_text('time in seconds')
    spectrogram = visit.page.get_by_role('img', name=f'Mel spectrogram of {seconds:.2f} s')
    expect(spectrogram).to_contain_text('frequency in Hz')
    expect(spectrogram).to_contain_text('time in seconds')
    for tick in ('500', '1,000', '8,000'): expect(spectrogram.get_by_text(tick, exact=True)).to_have_count(1)
    assert spectrogram.locator('image').evaluate('o => o.getBoundingClientRect().width') > 300
    expect(visit.page.get_by_text(re.compile(r'Listened to: \d\.\d\d to \d\.\d\d s'))).to_be_visible()

def test_an_example_is_one_click_away(visit, classifier):
    with job(visit.page): visit.press('angry')
    visit.assert_answers(classifier.predict(example_clips()['angry']))
    visit.page.wait_for_function("() => document.querySelector('.emotion-clip audio').readyState > 0")

@pytest.mark.parametrize('name, form, codec, rate', [
    ('talk.webm', 'webm', 'libopus', 48_000), ('talk.m4a', 'ipod', 'aac', 22_050)])
def test_what_browsers_and_phones_record_is_read(visit, classifier, examples, name, form, codec, rate):
    content = encoded(load_audio(examples[0], rate), rate, form, codec)
    visit.choose(dict(name=name, mimeType='audio/x', buffer=content))
    visit.assert_answers(classifier.predict(content))

def test_why(visit, classifier, examples):
    visit.choose(examples[0])
    with job(visit.page): visit.press('Why this answer?')
    why = classifier.explain(examples[0])
    rows = visit.page.locator('.emotion-why tbody tr').all()
    shown = {o.locator('th').inner_text().split(':')[0]: o.locator('td').last.inner_text() for o in rows}
    assert shown == {f: points(e) for f, e in zip(why.over_features.feature, why.over_features.effect)}
    expect(visit.page.locator('svg[data-track=effects] rect')).to_have_count(len(why.over_time))

def test_after_a_broken_file_the_next_one_is_answered(visit, classifier, examples):
    visit.choose(examples[0])
    visit.choose(dict(name='broken.wav', mimeType='audio/wav', buffer=b'RIFF' + bytes(1000)))
    visit.assert_refused(re.compile(r'^broken\.wav is not a recording that can be read: [^.]+\.$'))
    visit.choose(examples[1])
    visit.assert_answers(classifier.predict(examples[1]))

def test_silence_and_clipping_are_said_plainly(visit, examples, tmp_path):
    sf.write(tmp_path/'silence.wav', np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    visit.choose(tmp_path/'silence.wav')
    visit.assert_refused(re.compile('silent'))
    y = load_audio(examples[0])
    sf.write(tmp_path/'loud.wav', np.clip(10*y/np.abs(y).max(), -1, 1), SAMPLE_RATE)
    visit.choose(tmp_path/'loud.wav')
    expect(visit.page.locator('.emotion-notes')).to_contain_text('Clipped')

def test_what_is_not_a_voice_gets_no_emotion(visit, classifier, examples, tmp_path):
    sf.write(tmp_path/'bells.wav', nonvoice('melody', 1, SAMPLE_RATE, 6.), SAMPLE_RATE)
    visit.choose(tmp_path/'bells.wav')
    answer, why = visit.page.locator('.emotion-answer'), visit.page.get_by_role('button', name='Why this answer?')
    expect(visit.heading).to_have_text(NO_VOICE)
    expect(visit.status).to_have_text('bells.wav: no voice recognised.')
    expect(answer).to_contain_text(classifier.predict(tmp_path/'bells.wav').no_voice)
    expect(answer.locator('data')).to_have_count(0)
    expect(why).to_be_hidden()
    visit.choose([tmp_path/'bells.wav', examples[0]])
    expect(visit.status).to_have_text('Finished: 1 of 2 recordings answered. No voice recognised in 1.')
    visit.choose(examples[0])
    expect(why).to_be_visible()

def test_recordings_of_one_voice_are_corrected_for_it(visit, classifier, examples):
    files = [dict(name=f'{i}.flac', mimeType='audio/flac', buffer=examples[i].read_bytes()) for i in (0, 0, 0, 1, 2)]
    visit.choose(files)
    answered = lambda: [r['probabilities'] for r in json.loads(visit.download('Download JSON')[1])]
    close = lambda expected: pytest.approx([x for p in expected for x in p.probabilities.values()], abs=1e-4)
    numbers = lambda: [x for p in answered() for x in p.values()]
    plain = [classifier.predict(o['buffer']) for o in files]
    choice = visit.page.get_by_role('checkbox', name='These recordings are of one voice')
    assert numbers() == close(plain)
    choice.check()
    assert numbers() == close(as_one_voice(plain))
    assert numbers() != close(plain)
    visit.choose(files)
    expect(choice).not_to_be_checked()
    assert numbers() == close(plain)

def test_an_oversized_file_never_travels(visit, classifier, examples, tmp_path):
    visit.choose(examples[0])
    large = tmp_path/'opera.wav'
    with large.open('wb') as f: f.truncate(max_upload() + 1)
    before = sum(visit.sent)
    visit.choose(large)
    visit.assert_refused('opera.wav has 50.1 MB: choose a recording of at most 50 MB.')
    assert 0 < sum(visit.sent) - before < 10_000

def test_a_hostile_file_name_is_text(visit, classifier, examples):
    visit.choose(dict(name=HOSTILE, mimeType='audio/wav', buffer=examples[0].read_bytes()))
    visit.assert_answers(classifier.predict(examples[0]))
    expect(visit.status).to_contain_text(HOSTILE)
    expect(visit.page.locator('.emotion-answer')).to_contain_text(HOSTILE)
    visit.choose(dict(name=HOSTILE, mimeType='audio/wav', buffer=b'nothing'))
    visit.assert_refused(re.compile('^' + re.escape(HOSTILE)))
    expect(visit.page.locator('img[src=x]')).to_have_count(0)

def test_files_can_be_dropped_anywhere_on_the_page(visit, classifier, examples):
    drop = """([bytes, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
        document.querySelector('h1').dispatchEvent(drop);
    }"""
    with job(visit.page): visit.page.evaluate(drop, [list(examples[1].read_bytes()), 'dropped.flac'])
    visit.assert_answers(classifier.predict(examples[1]))
    expect(visit.status).to_contain_text('dropped.flac')

def test_of_a_folder_the_recordings_are_received(visit, examples, tmp_path):
    for name in ('a/one.flac', 'a/b/two.flac', 'a/notes.txt', 'a/._one.flac'):
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/name).write_bytes(examples[0].read_bytes())
    with job(visit.page): visit.page.get_by_label('Choose a folder').set_input_files(tmp_path/'a')
    left_out = '2 other files in the folder were left out.'
    expect(visit.status).to_have_text(f'Finished: 2 of 2 recordings answered. {left_out}')
    names = visit.page.locator('.emotion-results tbody td:first-child').all_inner_texts()
    assert names == ['a/b/two.flac', 'a/one.flac']

def test_many_files_become_a_table_that_can_be_sorted_opened_and_downloaded(visit, classifier, examples, tmp_path):
    large = tmp_path/'opera.wav'
    with large.open('wb') as f: f.truncate(max_upload() + 1)
    files = {clip.name: clip.read_bytes() for clip in examples[:3]}
    files |= {HOSTILE: examples[3].read_bytes(), '=cmd.wav': b'no sound'}
    for name, content in files.items(): (tmp_path/name).write_bytes(content)
    before = sum(visit.sent)
    visit.choose([*(tmp_path/name for name in files), large])
    assert sum(visit.sent) - before < CHUNK_BYTES
    expect(visit.status).to_have_text('Finished: 4 of 6 recordings answered. 2 could not be used; the table says why.')
    rows = visit.page.locator('.emotion-results tbody tr')
    expect(rows.nth(4)).to_contain_text('=cmd.wav is not a recording that can be read')
    expect(rows.nth(5)).to_contain_text('choose a recording of at most 50 MB')
    expected = {name: classifier.predict(content) for name, content in files.items() if name != '=cmd.wav'}
    name, text = visit.download('Download CSV')
    back = {r['file']: r for r in csv.DictReader(io.StringIO(text))}
    assert name == 'emotions.csv' and list(back) == [*expected, "'=cmd.wav", 'opera.wav']
    for file, p in expected.items():
        assert back[file]['emotion'] == p.emotion
        assert {k: float(back[file][k]) for k in p.probabilities} == pytest.approx(p.probabilities, abs=1e-4)
    assert 'is not a recording that can be read' in back["'=cmd.wav"]['error']
    as_json = json.loads(visit.download('Download JSON')[1])
    assert [r['file'] for r in as_json] == [*files, 'opera.wav']
    assert as_json[0]['probabilities'] == pytest.approx(expected[as_json[0]['file']].probabilities, abs=1e-4)
    visit.press('confidence')
    assert visit.page.get_by_role('columnheader', name='confidence').get_attribute('aria-sort') == 'descending'
    order = sorted(expected, key=lambda f: -expected[f].confidence)
    assert visit.page.locator('.emotion-results tbody td:first-child').all_inner_texts()[:4] == order
    with job(visit.page): visit.press(f'Look at {HOSTILE}')
    visit.assert_answers(expected[HOSTILE])
    expect(visit.page.locator('img[src=x]')).to_have_count(0)

def test_three_minutes_have_a_timeline_that_plays_and_can_be_stopped(visit, classifier, tmp_path):
    clip = tmp_path/'interview.wav'
    sf.write(clip, long_recording(180), SAMPLE_RATE, subtype='FLOAT')
    assert clip.stat().st_size > 10*2**20
    visit.choose(clip)
    assert max(visit.sent) < CHUNK_BYTES + 2000  # in chunks, whatever the server's limit
    timeline = classifier.predict_timeline(clip)
    expected = segments(timeline).reset_index()
    cells = 'rows => rows.map(r => [...r.cells].slice(1, 5).map(c => c.innerText.trim()))'
    shown = visit.page.locator('.emotion-segments tbody tr').evaluate_all(cells)
    clock = lambda t: '{:.0f}:{:04.1f}'.format(*divmod(round(t.total_seconds(), 1), 60))
    assert shown == [[clock(r.start), clock(r.end), r.emotion, percent(r.confidence)] for r in expected.itertuples()]
    areas = visit.page.get_by_role('img', name='Confidence in each of 8 emotions over time').locator('path[fill^=url]')
    expect(areas).not_to_have_count(0)
    name, text = visit.download('Download windows (CSV)')
    back = list(csv.DictReader(io.StringIO(text)))
    starts = [i.total_seconds() for i in timeline.index.get_level_values('start')]
    assert [float(r['start']) for r in back] == pytest.approx(starts)
    visit.page.wait_for_function("() => document.querySelector('.emotion-sound audio').readyState > 1")
    audio = visit.page.locator('.emotion-sound audio').first
    row = visit.page.locator('.emotion-segments tbody tr').nth(2)
    start, end = expected.start[2].total_seconds(), expected.end[2].total_seconds()
    row.get_by_role('button', name=re.compile('^Play')).click()
    visit.page.wait_for_function('([a, t]) => !a.paused && a.currentTime > t', arg=[audio.element_handle(), start])
    assert start < audio.evaluate('o => o.currentTime') <= end + .5
    expect(row).to_have_class('emotion-now')
    visit.page.wait_for_function('a => a.paused', arg=audio.element_handle(), timeout=1000*(end - start) + 10_000)
    assert audio.evaluate('o => o.currentTime') == pytest.approx(end, abs=.5)
    visit.page.get_by_label('Hop in seconds').fill('0.1')
    visit.page.get_by_label('Hop in seconds').press('Tab')
    with job(visit.page):
        visit.press('Listen again')
        expect(visit.page.get_by_role('progressbar')).to_be_visible()
        visit.press('Stop')
    expect(visit.status).to_contain_text(re.compile(r'stopped after \d+ of 180 s|Stopped\.'))
    expect(visit.page.get_by_role('progressbar')).to_be_hidden()
    visit.page.get_by_label('Hop in seconds').fill('1') # for the tests after this one
    visit.page.get_by_label('Hop in seconds').press('Tab')

def test_a_timeline_is_downloaded_for_every_annotator(visit, classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sf.write('interview.wav', long_recording(20), SAMPLE_RATE)
    visit.choose(tmp_path/'interview.wav')
    timeline, undated = classifier.predict_timeline('interview.wav'), lambda s: re.sub(r'DATE="[^"]*"', '', s)
    buttons = {'Download for Praat': 'TextGrid', 'Download for ELAN': 'eaf', 'Download for Audacity': 'txt',
               'Download subtitles (SRT)': 'srt', 'Download subtitles (WebVTT)': 'vtt'}
    assert set(buttons.values()) == set(ANNOTATIONS)
    for button, form in buttons.items():
        name, text = visit.download(button)
        assert name == f'emotions.{form}' and undated(text) == undated(annotation_text(timeline, form)), form

def test_the_microphone_records(visit):
    visit.press('Record')
    expect(visit.page.get_by_text(re.compile(r'0:(0[2-9]|[1-5]\d) of 5:00'))).to_be_visible()
    with job(visit.page): visit.press('Finish')
    expect(visit.heading).to_have_count(1)
    expect(visit.status).to_contain_text(re.compile(r'^recording \d\d\.\d\d\.\d\d\.wav: '))
    duration = 'o => new Promise(ok => o.readyState ? ok(o.duration) : o.onloadedmetadata = () => ok(o.duration))'
    assert visit.page.locator('.emotion-clip audio').evaluate(duration) > 1.5

KEEP_MICROPHONES = """() => {
    const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
    window.microphones = [];
    devices.getUserMedia = async wanted => {
        const stream = await open(wanted);
        window.microphones.push(...stream.getTracks());
        return stream;
    };
}"""

@pytest.fixture(scope='module')
def speaker(browser, address, chromium, tmp_path_factory):
    "A visitor who speaks into the microphone without end"
    sound = tmp_path_factory.mktemp('voice')/'voice.wav'
    sf.write(sound, long_recording(30), SAMPLE_RATE)
    speaking = browser.browser_type.launch(**launch_options(chromium, sound))
    speaker = Visit(speaking, address)
    speaker.page.evaluate(KEEP_MICROPHONES)
    yield speaker
    speaker.close()
    speaking.close()

def test_live_shows_the_emotion_of_the_microphone_until_it_is_stopped(speaker, classifier, examples):
    view, heading = speaker.page.locator('.emotion-live'), speaker.page.locator('.emotion-live h2')
    speaker.press('Live')
    expect(speaker.status).to_have_text('Listening to the microphone …')
    emotions = '|'.join([NO_VOICE, 'Not sure', *(str(c).capitalize() for c in classifier.classes_)])
    expect(heading).to_have_text(re.compile(f'^({emotions})'))
    expect(view.get_by_text(re.compile(r'the answer is \d+\.\d s behind the sound'))).to_be_visible()
    expect(view.locator('tbody tr')).to_have_count(len(classifier.classes_))
    assert [o.strip() for o in view.locator('tbody th').all_inner_texts()] == classifier.classes_.tolist()
    expect(view.get_by_role('img', name='The last minute:')).to_have_accessible_name(re.compile('of the answers'))
    expect(view.locator('[aria-live=polite]')).to_have_text(re.compile(f'^({emotions})'))
    assert max(speaker.sent) < 2**16  # short blocks
    with job(speaker.page): speaker.press('Stop live')
    expect(speaker.status).to_have_text(re.compile(r'^Live ended after \d:\d\d\.$'))
    expect(speaker.page.get_by_text('The microphone is on')).to_be_hidden()
    assert speaker.page.evaluate('microphones.map(o => o.readyState)') == ['ended']
    expect(heading).to_have_text(re.compile(f'^({emotions})'))  # the last answer stays

def test_what_is_chosen_ends_live_and_frees_the_microphone(speaker, classifier, examples):
    speaker.press('Live')
    expect(speaker.status).to_have_text('Listening to the microphone …')
    speaker.page.get_by_label('Choose recordings').set_input_files(examples[0])
    expect(speaker.status).to_contain_text(f'{examples[0].name}: ')
    speaker.assert_answers(classifier.predict(examples[0]))
    expect(speaker.page.locator('.emotion-live')).to_have_count(0)
    expect(speaker.page.get_by_role('button', name='Live', exact=True)).to_be_visible()
    assert set(speaker.page.evaluate('microphones.map(o => o.readyState)')) == {'ended'}

@pytest.mark.parametrize('button', ['Record', 'Live'])
@pytest.mark.parametrize('why, sentence', [
    ('NotAllowedError', 'was not allowed to use the microphone'), ('NotFoundError', 'No microphone was found')])
def test_why_there_is_no_microphone_is_said_in_words(visit, why, sentence, button):
    refuse = "why => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', why)); }"
    visit.page.evaluate(refuse, why)
    visit.press(button)
    alert = visit.page.get_by_role('alert').filter(has_text=f'press {button} again')
    expect(alert).to_contain_text(sentence)

def test_the_card_of_the_model_is_one_click_away(visit):
    visit.press('About the model')
    card = visit.page.locator('.emotion-model')
    expect(card).to_contain_text('CC BY-NC-SA')
    picture = card.get_by_role('img', name='Confusion matrix').first
    visit.page.wait_for_function('o => o.complete && o.naturalWidth > 100', arg=picture.element_handle())
    visit.press('About the model')
    expect(card).to_be_hidden()

def test_the_page_shows_no_source_and_has_a_title(visit):
    assert visit.page.title() == 'The emotion in a voice'
    assert 'EmotionApp' not in visit.page.content()

def test_the_keyboard_is_enough(browser, address, classifier):
    visit, reached = Visit(browser, address), []
    focused = """() => {
        const o = document.activeElement;
        return o.type === 'file' ? o.parentElement.innerText : o.innerText.trim();
    }"""
    for _ in range(40):
        visit.page.keyboard.press('Tab')
        reached.append(visit.page.evaluate(focused))
        if reached[-1] == 'Choose recordings':
            with visit.page.expect_file_chooser(): visit.page.keyboard.press('Space')
        if reached[-1] == 'sad': break
    wanted = 'About the model', 'Choose recordings', 'Choose a folder', 'Record', 'Live', 'neutral', 'sad'
    assert [o for o in wanted if o not in reached] == []
    with job(visit.page): visit.page.keyboard.press('Enter')
    visit.assert_answers(classifier.predict(example_clips()['sad']))
    visit.close()

def test_two_visitors_at_once_get_their_own_answers(visit, browser, address, classifier, examples):
    other = Visit(browser, address)
    file = lambda clip: dict(name='same-name.flac', mimeType='audio/flac', buffer=clip.read_bytes())
    with job(visit.page), job(other.page):
        visit.page.get_by_label('Choose recordings').set_input_files(file(examples[0]))
        other.page.get_by_label('Choose recordings').set_input_files(file(examples[1]))
    visit.assert_answers(classifier.predict(examples[0]))
    other.assert_answers(classifier.predict(examples[1]))
    other.close()

@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_the_page_follows_the_system_and_fits_a_phone(browser, address, examples, scheme, tmp_path):
    visit = Visit(browser, address, viewport=dict(width=375, height=740), color_scheme=scheme)
    too_wide = """() => [...document.querySelectorAll('.emotion-app *')]
        .filter(o => !o.closest('.emotion-scroll') && o.getBoundingClientRect().right > 376).map(o => o.outerHTML)"""
    (tmp_path/'broken.wav').write_bytes(b'')
    for files in (examples[0], [examples[0], tmp_path/'broken.wav']):
        visit.choose(files)
        assert visit.page.evaluate(too_wide) == []
    for selector in ('body', '.emotion-app'):
        colour = visit.page.locator(selector).evaluate('o => getComputedStyle(o).backgroundColor')
        assert '#' + ''.join(f'{int(n):02x}' for n in re.findall(r'\d+', colour)) == COLOURS['page'][scheme == 'dark']
    visit.close()

def test_limit_and_path_can_be_set(browser, examples, tmp_path):
    with serving('--max-upload-mb', '1', '--base-url', '/emotion') as (address, _):
        assert address.endswith('/emotion/')
        visit = Visit(browser, address)
        expect(visit.page.get_by_text('up to 1 MB')).to_be_visible()
        (tmp_path/'large.wav').write_bytes(bytes(1_200_000))
        visit.choose(tmp_path/'large.wav')
        visit.assert_refused('large.wav has 1.2 MB: choose a recording of at most 1 MB.')
        visit.choose(examples[0])
        expect(visit.heading).to_have_count(1)
        visit.close()

def test_jupyterlab_shows_the_same(browser, classifier, examples, tmp_path):
    cell = dict(cell_type='code', execution_count=None, id='app', metadata={}, outputs=[],
                source='from emotion_nb.dashboard import EmotionApp; EmotionApp()')
    metadata = dict(kernelspec=dict(display_name='Python 3', language='python', name='python3'))
    notebook = dict(cells=[cell], metadata=metadata, nbformat=4, nbformat_minor=5)
    (tmp_path/'app.ipynb').write_text(json.dumps(notebook))
    port = free_port('127.0.0.1', 0)
    line = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', f'--port={port}',
            '--IdentityProvider.token=', f'--ServerApp.root_dir={tmp_path}']
    env = os.environ | dict(JUPYTER_CONFIG_DIR=str(tmp_path/'config'))
    lab = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    try:
        context = browser.new_context()
        context.set_default_timeout(60_000)
        page = context.new_page()
        deadline = time.monotonic() + 120
        while True:
            try: page.goto(f'http://127.0.0.1:{port}/lab/tree/app.ipynb'); break
            except PlaywrightError:
                assert time.monotonic() < deadline and lab.poll() is None
                time.sleep(.5)
        page.get_by_title('Python 3 | Idle').or_(page.get_by_text('| Idle')).first.wait_for(timeout=60_000)
        page.locator('.jp-Notebook .cm-content').first.click()
        page.keyboard.press('Shift+Enter')
        page.get_by_label('Choose recordings').wait_for(state='attached', timeout=60_000)
        page.get_by_label('Choose recordings').set_input_files(examples[0])
        page.locator('.emotion-answer h2').wait_for()
        assert page.locator('.emotion-answer h2').inner_text() == verdict(classifier.predict(examples[0]))
        context.close()
    finally:
        lab.terminate()
        lab.wait(120)

def test_ctrl_c_ends_it_without_a_message():
    with serving() as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0

def test_a_port_that_is_taken_is_said_in_one_sentence():
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
        done = subprocess.run(command(port), capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f'Port {port} is taken: choose another one.') and 'Traceback' not in done.stderr
