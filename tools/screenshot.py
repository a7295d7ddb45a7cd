"""Take the picture of the dashboard that the front page shows: a clip has been chosen and answered.

    python tools/screenshot.py                                      the picture in nbs/images/
    python tools/screenshot.py --dark --width 390 --out phone.png   another one
"""
import argparse, io, os, re, shutil, signal, subprocess, sys, sysconfig
from contextlib import contextmanager
from pathlib import Path

from emotion_nb.core import example_clips
from emotion_nb.serving import free_port
from PIL import Image
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CLIP = example_clips()['happy']
PICTURE = ROOT/'nbs'/'images'/'dashboard.png'

def command(port):
    "What a user types to serve the dashboard"
    return [f'{sysconfig.get_path("scripts")}/emotion-nb', 'dashboard', '--port', str(port)]

@contextmanager
def serving():
    "Address of a dashboard, and its process; stopped as with Ctrl-C afterwards"
    process = subprocess.Popen(command(free_port('127.0.0.1', 0)), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        said = process.stdout.readline()
        address = re.search(r'http://\S+', said)
        if not address: raise RuntimeError(f'The dashboard did not start: {said or "it said nothing"}')
        yield address[0], process
    finally:
        process.send_signal(signal.SIGINT)
        try: process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

def find_chromium():
    "Path of a Chromium or Chrome, or of the one that `playwright install chromium` fetched; None where there is none"
    found = [path for name in ('chromium', 'chromium-browser', 'google-chrome') if (path := shutil.which(name))]
    if not found:
        with sync_playwright() as p: found = [path for path in [p.chromium.executable_path] if Path(path).exists()]
    return next(iter(found), None)

@contextmanager
def chromium_browser(path):
    "Headless Chromium, which refuses its sandbox to root"
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=['--no-sandbox'] if os.name == 'posix' and os.getuid() == 0 else [])
        try: yield browser
        finally: browser.close()

def open_page(context, address):
    "A page of the dashboard that can take a file"
    page = context.new_page()
    page.goto(address)
    page.get_by_label('Choose a recording').wait_for(state='attached', timeout=60_000)
    return page

def choose(page, files):
    "Choose a file, or name and bytes of one, and wait until the page is ready for the next"
    picker = page.get_by_label('Choose a recording')
    picker.set_input_files(files)
    expect(picker).to_be_enabled(timeout=60_000)

def take_picture(page, path):
    "Save all of the app as a PNG of few colours, which is a third of the size"
    box = page.locator('.emotion-app').bounding_box()
    page.set_viewport_size(dict(width=page.viewport_size['width'], height=int(box['height'])))
    page.wait_for_function("() => [...document.querySelectorAll('.emotion-app img')].every(o => o.complete)")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(page.screenshot())).convert('RGB').quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)

def main():
    parser = argparse.ArgumentParser(description='Take the picture of the dashboard that the front page shows.')
    parser.add_argument('--out', type=Path, default=PICTURE, help='the PNG file')
    parser.add_argument('--width', type=int, default=1200, help='of the page in pixels; a phone has about 390')
    parser.add_argument('--dark', action='store_true', help='as in a dark room')
    args = parser.parse_args()
    path = find_chromium()
    if not path: sys.exit('No Chromium found: install it (on Debian: apt-get install chromium).')
    with serving() as (address, _), chromium_browser(path) as browser:
        context = browser.new_context(viewport=dict(width=args.width, height=1200), color_scheme='dark' if args.dark else 'light')
        page = open_page(context, address)
        choose(page, CLIP)
        page.locator('.emotion-figure img').nth(1).wait_for()
        take_picture(page, args.out)
    print(f'{args.out}: {args.out.stat().st_size/1000:.0f} kB')

if __name__ == '__main__': main()
