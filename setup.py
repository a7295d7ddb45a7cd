"Builds the package from `settings.ini`, the one place where name, version and requirements stand."
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup

here = Path(__file__).parent
ini = ConfigParser()
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']

optional = 'dashboard', 'train', 'parquet', 'audformat', 'dask'
extras = {name: cfg[f'{name}_requirements'].split() for name in (*optional, 'fuzz')}
dev = cfg['dev_requirements'].split()
extras['dev'] = sorted({*dev, *(r for name in optional for r in extras[name])})

def absolute(match):
    "A link of README.md as one that leads from PyPI to the same file of this version"
    before, target, after = match.groups()
    if re.match(r'[a-z][a-z0-9+.-]*:|[#/]', target, re.I): return match[0]
    path = here/target.partition('#')[0]
    kind = 'raw' if path.suffix == '.png' else 'tree' if path.is_dir() else 'blob'
    return f"{before}{cfg['git_url']}/{kind}/v{cfg['version']}/{target}{after}"

def readme():
    "README.md for PyPI"
    parts = re.split(r'(```.*?```|`[^`\n]*`)', (here/'README.md').read_text(encoding='utf-8'), flags=re.S)
    parts[::2] = [re.sub(r'(\]\(|(?:src|href)=")([^)"\s]+)([)"])', absolute, text) for text in parts[::2]]
    return ''.join(parts)

docs = cfg['doc_host'] + cfg['doc_baseurl']
status = ['Planning', 'Pre-Alpha', 'Alpha', 'Beta', 'Production/Stable', 'Mature', 'Inactive']

setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    long_description=readme(),
    long_description_content_type='text/markdown',
    project_urls={'Homepage': docs, 'Documentation': docs, 'Source': cfg['git_url'],
                  'Issues': f"{cfg['git_url']}/issues",
                  'Changelog': f"{cfg['git_url']}/blob/{cfg['branch']}/CHANGELOG.md",
                  'Model card': f"{cfg['git_url']}/blob/{cfg['branch']}/MODEL_CARD.md"},
    author=cfg['author'],
    # The model and the clips are not under the licence of the code; Silero's notice is that of the voice detector.
    license_expression=cfg['license_expression'],
    license_files=['LICENSE', 'emotion_nb/*/LICENSE*'],
    keywords=cfg['keywords'].split(),
    classifiers=[
        f"Development Status :: {cfg['status']} - {status[int(cfg['status']) - 1]}",
        'Environment :: Console',
        'Environment :: Web Environment',
        'Framework :: Jupyter',
        f"Intended Audience :: {cfg['audience']}",
        'Intended Audience :: Education',
        'Intended Audience :: Science/Research',
        f"Natural Language :: {cfg['language']}",
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3 :: Only',
        *(f'Programming Language :: Python :: {v}' for v in cfg['pythons'].split()),
        'Topic :: Multimedia :: Sound/Audio :: Speech',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Typing :: Typed'],
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg['requirements'].split(),
    extras_require=extras,
    # The dashboard's notebook travels in the wheel, so that `emotion-nb dashboard` works outside a checkout.
    packages=['emotion_nb', 'emotion_nb.app', 'emotion_nb.dashboards'],
    package_dir={'emotion_nb': 'emotion_nb', 'emotion_nb.app': 'emotion_nb/app', 'emotion_nb.dashboards': 'dashboards'},
    package_data={'emotion_nb': ['bundled*/**/*', 'examples/*', 'silero/*', 'py.typed'], 'emotion_nb.app': ['static/*'],
                  'emotion_nb.dashboards': ['*.ipynb', '*.json']},
    # What no prediction reads is in the repository and the source archive: networks for Keras, pictures, tables.
    exclude_package_data={'emotion_nb': ['bundled*/best_model.*', *(
        f'bundled*/report/{depth}{name}' for depth in ('', '**/') for name in ('*.png', 'predictions.csv'))]},
    entry_points={'console_scripts': cfg['console_scripts'].split()},
    zip_safe=False,
)
