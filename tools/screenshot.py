"""Save the pictures of the dashboard that the docs and the notebooks show.

    python tools/screenshot.py                  all of them, into nbs/images/
    python tools/screenshot.py phone long       some of the page: light, dark, narrow like a phone
    python tools/screenshot.py waveform table   some of its parts, as the notebooks show them
    python tools/screenshot.py --out pictures   into another folder
"""
import argparse, io, os, re, shutil, signal, subprocess, sys, sysconfig, tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile as sf
from emotion_nb.audio import SAMPLE_RATE, load_audio
from emotion_nb.core import example_clips
from emotion_nb.app.server import free_port
from PIL import Image
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT/'nbs'/'images'
MICROPHONE = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']

def command(port, *options):
    "What a user types to serve the dashboard"
    return [f'{sysconfig.get_path("scripts")}/emotion-nb', 'dashboard', '--port', str(port), *options]

@contextmanager
def serving(*options):
    "Address of a dashboard, and its process; stopped as with Ctrl-C afterwards"
    start = command(free_port('127.0.0.1', 0), *options)
    process = subprocess.Popen(start, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline()
        address = re.search(r'http://\S+', line)
        if not address: raise RuntimeError(f'The dashboard did not start: {line or "it printed nothing"}')
        yield address[0], process
    finally:
        process.send_signal(signal.SIGINT)
        try: process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

def find_chromium():
    "Path of a Chromium or Chrome, or of the one that `playwright install chromium` fetched; None where there is none"
    found = [path for name in ('chromium', 'chromium-browser', 'google-chrome') if (path := shutil.which(name))]
    if not found:
        with sync_playwright() as p: found = [path for path in [p.chromium.executable_path] if Path(path).exists()]
    return next(iter(found), None)

def launch_options(path, sound=None):
    "How to start a headless Chromium whose microphone beeps, or plays a WAV file; it refuses its sandbox to root"
    root = ['--no-sandbox'] if os.name == 'posix' and os.getuid() == 0 else []
    played = [f'--use-file-for-fake-audio-capture={sound}'] if sound else []
    return dict(executable_path=path, args=root + MICROPHONE + played)

@contextmanager
def chromium_browser(path, sound=None):
    "Headless Chromium with a microphone that beeps, or plays a WAV file"
    with sync_playwright() as p:
        browser = p.chromium.launch(**launch_options(path, sound))
        try: yield browser
        finally: browser.close()

def open_page(context, address):
    "A page of the dashboard that is ready for a file"
    page = context.new_page()
    page.goto(address)
    page.get_by_label('Choose recordings').wait_for(state='attached', timeout=60_000)
    return page

@contextmanager
def job(page):
    "Wait for the end of what is started in here"
    status = page.get_by_role('status')
    done = int(status.get_attribute('data-done'))
    yield
    expect(status).to_have_attribute('data-done', str(done + 1), timeout=120_000)

def choose(page, files):
    "Choose files, or names and bytes of some, and wait for the answer"
    with job(page): page.get_by_label('Choose recordings').set_input_files(files)

def long_recording(seconds):
    "The example clips one after the other"
    y = np.concatenate([load_audio(p) for p in example_clips().values()])
    return np.resize(y, round(seconds*SAMPLE_RATE))

def show_clip(page, folder):
    "An example and the explanation of its answer"
    with job(page): page.get_by_role('button', name='sad', exact=True).click()
    with job(page): page.get_by_role('button', name='Why this answer?').click()

def write_long(path):
    "Forty seconds in a WAV file; its path"
    sf.write(path, long_recording(40), SAMPLE_RATE)
    return path

def show_long(page, folder):
    "Forty seconds"
    choose(page, write_long(folder/'interview.wav'))

def show_many(page, folder):
    "All examples, and a file that is not a recording"
    broken = dict(name='notes.mp3', mimeType='audio/mpeg', buffer=b'no sound')
    clips = [dict(name=f'{k}.flac', mimeType='audio/flac', buffer=p.read_bytes()) for k, p in example_clips().items()]
    choose(page, [*clips, broken])

def show_live(page, folder):
    "Some seconds of the microphone"
    page.get_by_role('button', name='Live', exact=True).click()
    expect(page.get_by_text('behind the sound')).to_be_visible(timeout=60_000)
    page.wait_for_timeout(20_000)

PAGES = dict( # name: width, colour scheme, what is shown
    dashboard=(1200, 'light', show_clip), dark=(1200, 'dark', show_clip), phone=(390, 'light', show_clip),
    long=(1200, 'light', show_long), many=(1200, 'dark', show_many))

PARTS = dict( # name: what is shown, and the element of which the picture is
    upload=(show_clip, '.emotion-ways'), waveform=(show_clip, 'figure:has(svg[data-track=waveform])'),
    spectrogram=(show_clip, 'figure:has(svg[data-track=spectrogram])'), effects=(show_clip, 'svg[data-track=effects]'),
    timeline=(show_long, 'svg[data-track=timeline]'), segments=(show_long, '.emotion-scroll:has(.emotion-segments)'),
    table=(show_many, '.emotion-results'), live=(show_live, '.emotion-live'))
PART_WIDTH = 1000 # Pixels of the page from which the parts come
FEW = dict(spectrogram=64) # Parts that look the same with fewer colours

def save_picture(png, path, colours=256):
    "Save a PNG with few colours, which has about a third of the size"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(png)).convert('RGB')
    # the default method gives small swatches the colours of larger areas
    picture = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    print(f'{path}: {path.stat().st_size/1000:.0f} kB')

def take_page(page, path):
    "Save a picture of all of the app"
    page.mouse.move(0, 0)
    page.evaluate('document.activeElement.blur()')
    for _ in range(2):  # the height may depend on whether there is a scroll bar
        height = int(page.locator('.emotion-app').bounding_box()['height'])
        page.set_viewport_size(dict(width=page.viewport_size['width'], height=height))
        page.wait_for_timeout(500)
    save_picture(page.screenshot(), path)

@contextmanager
def shown(browser, address, show, width, scheme='light'):
    "A page that shows something"
    context = browser.new_context(viewport=dict(width=width, height=1200), color_scheme=scheme)
    page = open_page(context, address)
    with tempfile.TemporaryDirectory() as folder: show(page, Path(folder))
    yield page
    context.close()

def take_parts(browser, address, names, out):
    "Save pictures of some parts; those that the same page shows come from one"
    for show in dict.fromkeys(PARTS[name][0] for name in names):
        with shown(browser, address, show, PART_WIDTH) as page:
            for name in names:
                if PARTS[name][0] is not show: continue
                page.mouse.move(0, 0)
                png = page.locator(PARTS[name][1]).first.screenshot()
                save_picture(png, out/f'part-{name}.png', FEW.get(name, 256))

def main():
    parser = argparse.ArgumentParser(description='Save the pictures of the dashboard that the docs show.')
    shots = [*PAGES, *PARTS]
    parser.add_argument('shots', nargs='*', metavar='SHOT', help=f'one of {", ".join(shots)}; all if none is named')
    parser.add_argument('--out', type=Path, default=IMAGES, help='folder of the pictures')
    args = parser.parse_args()
    if unknown := set(args.shots) - set(shots): parser.error(f'no such picture: {", ".join(unknown)}')
    wanted = args.shots or shots
    path = find_chromium()
    if not path: sys.exit('No Chromium found: install it (on Debian: apt-get install chromium).')
    with (tempfile.TemporaryDirectory() as folder, serving() as (address, _),
          chromium_browser(path, write_long(Path(folder)/'voice.wav')) as browser):
        for name in (n for n in wanted if n in PAGES):
            width, scheme, show = PAGES[name]
            file = f'{name if name == "dashboard" else "dashboard-" + name}.png'
            with shown(browser, address, show, width, scheme) as page: take_page(page, args.out/file)
        take_parts(browser, address, [n for n in wanted if n in PARTS], args.out)

if __name__ == '__main__': main()
