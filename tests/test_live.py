"Live: the blocks of a microphone are answered as a stream, late ones are left out, and the microphone is freed."
import asyncio, threading

import numpy as np
import pytest

from emotion_nb import EmotionClassifier
from emotion_nb.app.jobs import Job, Jobs
from emotion_nb.app.live import BlockQueue, HISTORY_SECONDS, LiveBlock, LiveMicrophone, LiveStream, LiveView, joined
from emotion_nb.app.page import EmotionApp
from emotion_nb.app.protocol import BLOCK, END, LATE_SECONDS, LIVE, STOP, USED
from emotion_nb.audio import load_audio
from emotion_nb.core import SilentError, example_clips
from emotion_nb.prediction import NO_VOICE, Prediction
from emotion_nb.stream import EmotionStream, StreamAnswer

RATE = 8000

class Fixed:
    "A classifier whose answer is known, and which waits until it may give it"
    classes_ = np.array(['calm', 'sad'])
    def __init__(self, p=.9, no_voice=None):
        self.prediction, self.free, self.asked = Prediction(dict(calm=p, sad=1 - p), (), no_voice), threading.Event(), 0
        self.free.set()

    def predict(self, x):
        self.asked += 1
        assert self.free.wait(60)
        return self.prediction

class Browser:
    "What the page does: a microphone, its messages, and what Python has sent"
    def __init__(self, start):
        self.mic, self.sent, self.at = LiveMicrophone(on_start=start), [], 0.
        self.mic.send = self.sent.append

    def say(self, kind, *buffers, **content): self.mic._on_browser(self.mic, dict(kind=kind) | content, [*buffers])

    def block(self, seconds):
        "Send a block of silence"
        samples = np.zeros(round(seconds*RATE), np.int16)
        self.say(BLOCK, memoryview(samples.tobytes()), at=self.at, rate=RATE, delay=.25)
        self.at += seconds

    @property
    def kinds(self): return [o['kind'] for o in self.sent]

async def until(condition):
    for _ in range(6000):
        if condition(): return
        await asyncio.sleep(.01)
    raise AssertionError('It did not happen within a minute.')

def listening(clf):
    "Jobs, view and browser of a page that listens"
    jobs, view = Jobs(), LiveView()
    async def listen(job): jobs.say(await view.follow(job, browser.mic, clf))
    browser = Browser(lambda: jobs.start(listen))
    return jobs, view, browser

@pytest.mark.parametrize('sizes', [[800], [1, 7, 5000], [48_000]])
def test_blocks_of_any_size_get_the_answers_of_a_stream(sizes):
    clf, rate, rng = EmotionClassifier.load(), 16_000, np.random.default_rng(0)
    voice = (32767*load_audio(example_clips()['angry'], rate)).astype(np.int16)[:rate*7//2]
    live, stream, answers, expected, i = LiveStream(clf), EmotionStream(clf, rate, skip=True), [], [], 0
    while i < len(voice):
        part = voice[i:i + rng.choice(sizes)]
        answers += filter(None, [live.push(LiveBlock(i/rate, rate, part))])
        expected += stream.push(part)[-1:]
        i += len(part)
    assert answers and [(a.end, a.emotion) for a in answers] == [(e.end, e.emotion) for e in expected]
    assert live.lost == 0

def test_a_hole_begins_the_windows_anew_and_is_counted():
    clf, ends = Fixed(), []
    live = LiveStream(clf)
    for at in (0., 1., 2., 4., 5., 6.):
        answer = live.push(LiveBlock(at, RATE, np.zeros(RATE, np.int16)))
        ends += [answer.end] if answer else []
    assert (ends, live.lost) == ([3., 7.], 1.)

def test_what_waits_is_bounded_whatever_a_visitor_sends():
    queue, block = BlockQueue(), lambda n, rate=RATE: LiveBlock(0., rate, np.zeros(n, np.int16))
    for n, rate in [(800, RATE)]*100 + [(0, RATE)]*1000 + [(800, 1e12)]*1000 + [(800, float('nan'))]*1000:
        queue.put(block(n, rate))
    waiting = queue.take()
    assert len(waiting) <= 100 and sum(len(b.samples)/b.rate for b in waiting if b.rate == RATE) <= LATE_SECONDS
    assert queue.put(block(RATE*30)) and not queue.put(block(1))  # one that is long is taken alone

def test_what_has_waited_gets_one_answer():
    blocks = [LiveBlock(i/10, RATE, np.zeros(800, np.int16)) for i in range(50)]
    [whole] = joined(blocks)
    clf = Fixed()
    assert LiveStream(clf).push(whole).end == 5. and clf.asked == 1

def test_the_view_shows_the_answer_and_stop_ends_it():
    async def visit():
        clf = Fixed()
        jobs, view, browser = listening(clf)
        browser.say(LIVE)
        for _ in range(16):
            browser.block(.25)
            await until(lambda: not browser.mic.queue.waiting)
        await until(lambda: view.seconds == 4. and browser.sent[-1]['at'] == 3.75)
        assert (view.heading, view.sure, view.proba, view.latency) == ('Calm', True, [.9, 1 - .9], .25)
        assert view.live and set(browser.kinds) == {USED} and view.history[-1] == [4., 0, .9, True]
        task = jobs.current.task
        browser.say(STOP)
        await task
        assert (jobs.message, jobs.failed, jobs.busy, view.live) == ('Live ended after 0:04.', False, False, False)
        browser.block(.25)  # a page that goes on is told to close its microphone
        assert browser.kinds[-1] == END
    asyncio.run(visit())

def test_late_blocks_are_left_out_and_that_is_shown():
    async def visit():
        clf = Fixed()
        jobs, view, browser = listening(clf)
        browser.say(LIVE)
        clf.free.clear()
        browser.block(3.)
        await until(lambda: clf.asked)
        for _ in range(100): browser.block(.1)  # ten seconds while the first answer is made
        waiting = sum(len(b.samples) for b in browser.mic.queue.waiting)/RATE
        assert 1.5 < waiting <= LATE_SECONDS
        clf.free.set()
        await until(lambda: not browser.mic.queue.waiting)
        browser.block(1.)
        await until(lambda: view.lost)
        assert view.lost == pytest.approx(10 - waiting, abs=.01)
        jobs.stop()
        await jobs.current.task
    asyncio.run(visit())

def test_another_job_takes_the_microphone_away():
    async def visit():
        jobs, view, browser = listening(Fixed())
        async def other(job): jobs.say('Done.')
        browser.say(LIVE)
        browser.block(.1)
        await until(lambda: browser.sent)
        live = jobs.current
        jobs.start(other)
        await jobs.current.task
        assert live.stopped and jobs.message == 'Done.' and browser.kinds[-1] == END
        browser.say(STOP)
        assert not jobs.current.stopped  # what the visitor stops is live, not the other job
    asyncio.run(visit())

def test_a_job_that_never_began_frees_the_microphone_too():
    browser = Browser(lambda: job)
    job = Job()
    browser.say(LIVE)
    job.stopped = True
    browser.block(.1)
    assert browser.kinds == [END] and not browser.mic.queue.waiting

def test_a_page_that_is_gone_leaves_nothing_running(monkeypatch):
    async def visit():
        jobs, view, browser = listening(Fixed())
        monkeypatch.setattr(LiveMicrophone.blocks, '__defaults__', (.05,))
        browser.say(LIVE)
        browser.block(.1)
        await jobs.current.task
        assert jobs.failed and jobs.message == 'No sound comes from the browser any more: press Live again.'
        assert browser.kinds[-1] == END and browser.mic.job is None and not view.live
    asyncio.run(visit())

@pytest.mark.parametrize('rate', [1, 1e9, float('nan')])
def test_a_sample_rate_that_cannot_be_is_one_sentence(rate):
    async def visit():
        jobs, view, browser = listening(Fixed())
        browser.say(LIVE)
        browser.say(BLOCK, bytes(200), at=0., rate=rate)
        await jobs.current.task
        assert jobs.failed and jobs.message.startswith('A stream has a sample rate of') and browser.kinds[-1] == END
    asyncio.run(visit())

def test_every_state_has_its_words_and_the_history_is_bounded():
    view, answer = LiveView(), lambda end, **kwargs: StreamAnswer(end - 3, end, **dict(prediction=None) | kwargs)
    view.begin(['calm', 'sad'])
    assert view.history == [] and view.latency == -1
    for end in range(3, 303): view.show(answer(float(end), prediction=Fixed().prediction))
    assert len(view.history) == HISTORY_SECONDS and view.latency == -1
    view.show(answer(303., prediction=Fixed(.55).prediction))
    assert (view.heading, view.sure, view.history[-1][3]) == ('Calm', True, True)
    view.show(answer(304., prediction=Fixed(.52).prediction))
    assert view.heading == 'Not sure: calm or sad' and not view.sure and '52' in view.detail
    view.show(answer(305., prediction=Fixed(no_voice='It is a bell.').prediction))
    assert (view.heading, view.detail, view.proba, view.history[-1][1]) == (NO_VOICE, 'It is a bell.', [], -1)
    view.show(answer(306., error=SilentError('The recording is silent: record again.')))
    assert view.heading == 'Silence' and 'Speak' in view.detail and view.proba == []

def test_in_the_app_a_failure_removes_the_view():
    async def visit():
        app = EmotionApp()
        app.microphone.send = lambda content: None
        app.microphone._on_browser(app.microphone, dict(kind=LIVE), [])
        await until(lambda: app.live in app.result.children)
        app.microphone._on_browser(app.microphone, dict(kind=BLOCK, at=0., rate=1), [bytes(2)])
        await app.jobs.current.task
        assert app.status.failed and app.live not in app.result.children
    asyncio.run(visit())
