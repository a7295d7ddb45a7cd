"How numbers, times and predictions are written, on the command line and by the dashboard."
import csv, io, json
from pathlib import Path

import pytest

from emotion_nb.output import (clock, csv_lines, json_list, percent, points, prediction_dict, prediction_row,
                               predictions_csv, predictions_json, timeline_text)
from emotion_nb.prediction import Prediction

# The browser's JavaScript is tested with the same cases
CASES = json.loads((Path(__file__).parent/'text_cases.json').read_text(encoding='utf-8'))
CLASSES = ['calm', 'sad']
SAD = Prediction(dict(calm=.25, sad=.75), ['Very short.', 'Very quiet.'])
RESULTS = [('a, "b".wav', SAD), ('=cmd|calc.wav', ValueError('=broken')), ('-later\u2028.wav', None)]

@pytest.mark.parametrize('p, text', CASES['percent'])
def test_percent(p, text): assert percent(p) == text

@pytest.mark.parametrize('seconds, digits, text', CASES['clock'])
def test_clock(seconds, digits, text): assert clock(seconds, digits) == text

def test_percent_is_0_or_100_only_where_it_is_exact():
    shown = {percent(i/10_000) for i in range(1, 10_000)}
    assert not shown & {percent(0), percent(1)} and len(shown) == 101  # 1 to 99, and one for either end

def test_points_have_a_sign_but_where_they_are_0():
    assert [points(e) for e in (.5, -.125, 0, .0004, -.0004)] == ['+50.0', '\u221212.5', '0.0', '0.0', '0.0']

def test_a_table_for_a_spreadsheet_holds_no_formula():
    rows = list(csv.DictReader(io.StringIO(predictions_csv(RESULTS, CLASSES))))
    assert [r['file'] for r in rows] == ['a, "b".wav', "'=cmd|calc.wav", "'-later\u2028.wav"]
    assert [r['error'] for r in rows] == ['', "'=broken", 'not answered: stopped before']
    assert rows[0] | dict(file='') == dict(file='', emotion='sad', confidence='0.750000', calm='0.250000',
        sad='0.750000', warnings='Very short.; Very quiet.', no_voice='', error='')

def test_a_table_for_a_program_has_the_names_as_they_are():
    for name, result in RESULTS: assert prediction_row(name, result, escape=False)['file'] == name

def test_no_results_are_a_header_or_an_empty_list():
    assert predictions_csv([], CLASSES) == 'file,emotion,confidence,calm,sad,warnings,no_voice,error\n'
    assert list(csv_lines([])) == [] and predictions_json([]) == '[]'

@pytest.mark.parametrize('ascii', [False, True])
@pytest.mark.parametrize('n', [0, 1, 3])
def test_a_list_item_by_item_is_the_list_as_a_whole(n, ascii):
    items, out = [prediction_dict(*r) for r in RESULTS[:n]], io.StringIO()
    with json_list(out.write, ascii) as add:
        for item in items: add(item)
    assert out.getvalue() == json.dumps(items, indent=1, ensure_ascii=ascii)

def test_json_keeps_names():
    assert [r['file'] for r in json.loads(predictions_json(RESULTS))] == [name for name, _ in RESULTS]

def test_lines_come_with_their_rows():
    asked = []
    def rows():
        for i in range(3): asked.append(i); yield dict(file=i, confidence=i/8)
    lines = csv_lines(rows())
    assert not asked and next(lines) == 'file,confidence\n' and next(lines) == '0,0.000000\n' and asked == [0]

def test_a_timeline_for_a_spreadsheet_holds_no_formula():
    pd = pytest.importorskip('pandas')
    times = [pd.to_timedelta([t], unit='s') for t in (0, 3)]
    index = pd.MultiIndex.from_arrays([['=a.wav'], *times], names=['file', 'start', 'end'])
    one = pd.DataFrame(dict(emotion=['sad'], confidence=[.9]), index)
    expected = "file,start,end,emotion,confidence\n'=a.wav,0.000000,3.000000,sad,0.900000\n"
    assert timeline_text(one, one, 'segments') == timeline_text(one, one, 'windows') == expected
    row = dict(file='=a.wav', start=0, end=3, emotion='sad', confidence=.9)
    assert json.loads(timeline_text(one, one, 'json')) == dict(segments=[row], windows=[row])
