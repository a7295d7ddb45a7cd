"""Visit the dashboard as many people at once would, and compare every answer with the library's.

    python tools/load_test.py                                              20 visitors, 300 s
    python tools/load_test.py --visitors 5 --seconds 30                    a short one
    python tools/load_test.py --visitors 20 --seconds 300 --write docs/load.md

Each visitor has a kernel, a cookie and clips of its own, and speaks over the websocket as the page does: it announces a
file, sends the chunks that Python requests, and reads the answer from the HTML that the page would show. Then it waits,
as if it read the answer. After some time it closes the page, and comes again as a new visitor.
"""
import argparse, asyncio, io, json, math, os, platform, random, re, sys, time, uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import soundfile as sf
from emotion_nb import EmotionClassifier, __version__
from emotion_nb.audio import SAMPLE_RATE, load_audio
from emotion_nb.core import example_clips
from emotion_nb.app.protocol import CHUNK, CHUNK_BYTES, NEXT, PENDING, REQUEST
from emotion_nb.app.server import SOON
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from screenshot import serving
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

PROTOCOL = 'v1.kernel.websocket.jupyter.org'
BARS = re.compile(r'<th[^>]*>(?:<[^>]*>)*(\w+).*?<data value="([\d.e-]+)"', re.S)

def own_clip(visitor, number):
    "A clip that no other visitor has: an example, quieter or louder, with a little noise, as 16-bit WAV"
    rng, examples = np.random.default_rng([visitor, number]), list(example_clips().values())
    y = load_audio(examples[(visitor + number) % len(examples)])
    y = np.clip(rng.uniform(.3, 1)*y/np.abs(y).max() + 1e-3*rng.standard_normal(len(y)), -1, 1)
    f = io.BytesIO()
    sf.write(f, y, SAMPLE_RATE, format='WAV')
    return f.getvalue()

class Channel:
    "The websocket of a kernel, and the widgets behind it as far as the page knows them"
    def __init__(self, connection): self.connection, self.session, self.states = connection, uuid.uuid4().hex, {}

    async def send(self, kind, content, buffers=(), channel='shell'):
        header = dict(msg_id=uuid.uuid4().hex, msg_type=kind, session=self.session, username='', version='5.3', date='')
        parts = [json.dumps(o).encode() for o in (header, {}, dict(version='1.0.0'), content)]
        await self.connection.write_message(serialize_msg_to_ws_v1([*parts, *buffers], channel), binary=True)

    async def custom(self, comm_id, content, buffers=()):
        await self.send('comm_msg', dict(comm_id=comm_id, data=dict(method='custom', content=content)), buffers)

    async def receive(self):
        "The next message for a widget: its id and the data; the states are kept up to date"
        while True:
            message = await self.connection.read_message()
            if message is None: raise ConnectionError('the server closed the connection')
            _, (header, _, _, content, *_) = deserialize_msg_from_ws_v1(message)
            kind, content = json.loads(header)['msg_type'], json.loads(content)
            if kind == 'status' and content['execution_state'] in ('dead', 'restarting'):
                raise ConnectionError('the kernel died')
            if kind not in ('comm_open', 'comm_msg'): continue
            data = content['data']
            for id, state in data.get('states', {}).items(): self.states.setdefault(id, {}).update(state['state'])
            if 'state' in data: self.states.setdefault(content['comm_id'], {}).update(data['state'])
            return content['comm_id'], data

    async def load(self):
        "Ask for all widgets, as a page does when it opens"
        control = uuid.uuid4().hex
        await self.send('comm_open', dict(comm_id=control, target_name='jupyter.widget.control', data={}))
        await self.send('comm_msg', dict(comm_id=control, data=dict(method='request_states')))
        while not self.states: await self.receive()

    def find(self, *names):
        return next(id for id, state in self.states.items() if all(name in state for name in names))

    def bars(self):
        "The probabilities in the HTML that is shown"
        values = [str(state.get('value')) for state in self.states.values()]
        shown = [value for value in values if 'emotion-answer' in value and '<data' in value]
        return {name: float(value) for name, value in BARS.findall(shown[-1])} if shown else {}

class Visitor:
    "A visitor with a browser"
    def __init__(self, address, number):
        self.address, self.number, self.waited, self.cookie, self.channel = address, number, 0, {}, None

    async def page(self, until):
        "HTML of the page, or None where it is not this visitor's turn before `until`"
        fetch = partial(AsyncHTTPClient().fetch, self.address, request_timeout=300, raise_error=False)
        while (page := await fetch(headers=self.cookie)).code == 503:
            self.waited += 1
            self.cookie = self.cookie or dict(Cookie=page.headers['Set-Cookie'].split(';')[0])
            if time.monotonic() > until: return
            await asyncio.sleep(int(page.headers['Retry-After']))
        page.rethrow()
        return page.body.decode()

    async def open(self, until=math.inf):
        "Ask for the page until it is there, then connect with its kernel; False if its turn did not come"
        if (page := await self.page(until)) is None: return False
        self.kernel = re.search(r'"kernelId": "([^"]+)"', page)[1]
        address = self.address.replace('http', 'ws', 1)
        request = HTTPRequest(f'{address}api/kernels/{self.kernel}/channels?session_id={uuid.uuid4().hex}')
        connection = await websocket_connect(request, subprotocols=[PROTOCOL], max_message_size=2**26)
        self.channel = Channel(connection)
        await self.channel.load()
        return True

    async def leave(self):
        "What a page does when it is closed"
        if not self.channel: return
        url, token = f'{self.address}voila/api/shutdown/{self.kernel}', {'Cookie': '_xsrf=x', 'X-XSRFToken': 'x'}
        await AsyncHTTPClient().fetch(url, method='POST', body='', headers=token, raise_error=False)
        self.channel.connection.close(1001, 'left')

    async def ask(self, content):
        "Choose a file: the probabilities that the page shows, and the seconds until it does"
        channel, began = self.channel, time.monotonic()
        picker, status = channel.find('accept', 'max_bytes'), channel.find('text', 'done', 'busy')
        done, view = channel.states[status]['done'], memoryview(content)
        file = dict(key='0', name='clip.wav', size=len(content))
        await channel.custom(picker, dict(kind=PENDING, skipped=0, files=[file]))
        while channel.states[status]['done'] == done:
            id, data = await channel.receive()
            message = data.get('content', {}) if id == picker else {}
            if message.get('kind') in (REQUEST, NEXT):
                chunk, view = view[:CHUNK_BYTES], view[CHUNK_BYTES:]
                await channel.custom(picker, dict(kind=CHUNK, id=message['id'], last=not view), [bytes(chunk)])
        return channel.bars(), time.monotonic() - began

class Load:
    "All visits, and their results"
    def __init__(self, args):
        self.args, self.visits, self.waited = args, 0, 0
        self.opened, self.seconds, self.wrong, self.lost = [], [], [], []

    async def visit(self, address, number, clips, until, rng):
        "One visit, which ends after `stay` seconds or at the end of all"
        visitor, began = Visitor(address, number), time.monotonic()
        try:
            if await visitor.open(until):
                self.visits += 1
                self.opened.append(time.monotonic() - began)
                end = min(until, time.monotonic() + self.args.stay*rng.uniform(.5, 1.5))
                while time.monotonic() < end: await self.answer(visitor, rng.choice(clips), rng)
        except Exception as e: self.lost.append(f'visitor {number}: {type(e).__name__}: {e}')
        self.waited += visitor.waited > 0
        with suppress(Exception): await visitor.leave()

    async def answer(self, visitor, clip, rng):
        "One answer, compared with the library's"
        content, expected = clip
        shown, seconds = await asyncio.wait_for(visitor.ask(content), 60)
        self.seconds.append(seconds)
        if set(shown) != set(expected) or max(abs(shown[k] - expected[k]) for k in shown) > 1e-4:
            self.wrong.append(f'visitor {visitor.number}: {shown} instead of {expected}')
        await asyncio.sleep(rng.uniform(.5, 1.5)*self.args.pause)

    async def come_again(self, address, number, clips, until):
        "One visit after the other"
        rng = random.Random(number)
        while time.monotonic() < until: await self.visit(address, number, clips, until, rng)

    async def run(self, address, process, clips):
        "Visit, watch the memory, and wait until the kernels of the visitors have ended"
        server, until = psutil.Process(process.pid), time.monotonic() + self.args.seconds
        visits = asyncio.gather(*(self.come_again(address, i, mine, until) for i, mine in enumerate(clips)))
        self.pss, self.peak, self.most = [], 0, 0
        while not visits.done():
            kernels = server.children()
            sizes = [size for k in kernels if (size := pss(k))]
            self.most, self.peak = max(self.most, len(kernels)), max(self.peak, sum(sizes) + pss(server))
            self.pss += sizes
            await asyncio.wait([visits], timeout=2)
        end = time.monotonic() + SOON + 30
        while len(server.children()) > 2 and time.monotonic() < end: await asyncio.sleep(1)
        self.left, self.server = len(server.children()), pss(server)

    def report(self):
        "The figures as Markdown"
        quantiles = lambda x, q, digits: ' / '.join(f'{v:.{digits}f}' for v in np.quantile(x or [np.nan], q))
        rows = {
            'visits': self.visits, 'visits that waited for a place': self.waited,
            'visits or answers lost': len(self.lost),
            'answers': len(self.seconds), 'wrong answers': len(self.wrong),
            'seconds until an answer: median, 95 %, slowest': quantiles(self.seconds, (.5, .95, 1), 2),
            'seconds until the page, waiting included: median, slowest': quantiles(self.opened, (.5, 1), 1),
            'kernels at once, those made ahead among them': self.most,
            'MB of a kernel: median, largest': quantiles([size/1e6 for size in self.pss], (.5, 1), 0),
            'MB of server and kernels at the peak': round(self.peak/1e6),
            'MB of the server alone, afterwards': round(self.server/1e6),
            'kernels left afterwards (two are made ahead)': self.left}
        return '| | |\n|:--|--:|\n' + '\n'.join(f'| {k} | {v} |' for k, v in rows.items())

    @property
    def good(self): return len(self.seconds) and not self.wrong and not self.lost and self.left <= 2

def pss(process):
    "Memory of a process, its share of what it has in common with others counted once; 0 if it has ended"
    try: return process.memory_full_info().pss
    except psutil.Error: return 0

TEXT = '''# The dashboard under load

Made by `{command}`; the tool says how a visit goes. Do not edit.

{visitors} visitors at once for {seconds:g} s, each with {clips} clips of its own. A visitor looks at an answer for
{pause:g} s on average before the next clip, stays for {stay:g} s on average, and comes again as somebody new. Version
{version}, Python {python}, {cores} cores, {memory:.0f} GB; the visitors ran on the same machine and had their part of
it. Every answer was compared with the library's, to 0.0001 of each probability. The memory of a process is its
proportional share of what it has in common with others.

{report}
'''

def main():
    parser = argparse.ArgumentParser(description='Visit the dashboard as many people at once would.')
    parser.add_argument('--visitors', type=int, default=20, help='people at once')
    parser.add_argument('--seconds', type=float, default=300, help='how long they go on asking')
    parser.add_argument('--clips', type=int, default=3, help='clips of each')
    parser.add_argument('--pause', type=float, default=5, help='seconds for which an answer is looked at, on average')
    parser.add_argument('--stay', type=float, default=60, help='seconds for which somebody stays, on average')
    parser.add_argument('--max-visitors', type=int, help='places on the server; fewer than visitors makes some wait')
    parser.add_argument('--write', type=Path, help='file for the report')
    args = parser.parse_args()
    classifier = EmotionClassifier.load()
    clips = [[(clip := own_clip(v, n), classifier.predict(clip).probabilities) for n in range(args.clips)]
             for v in range(args.visitors)]
    load = Load(args)
    with serving(*(('--max-visitors', str(args.max_visitors)) if args.max_visitors else ())) as (address, process):
        asyncio.run(load.run(address, process, clips))
    report = load.report()
    print(report, *load.lost, *load.wrong, sep='\n')
    if args.write:
        args.write.parent.mkdir(parents=True, exist_ok=True)
        machine = dict(cores=os.cpu_count(), memory=psutil.virtual_memory().total/1e9, python=platform.python_version())
        command = ' '.join(['python tools/load_test.py', *sys.argv[1:]])
        facts = vars(args) | machine | dict(command=command, version=__version__, report=report)
        args.write.write_text(TEXT.format(**facts), encoding='utf-8')
    sys.exit(not load.good)

if __name__ == '__main__': main()
