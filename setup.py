"Builds the package from `settings.ini`, the one place where name, version and requirements stand."
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup

here = Path(__file__).parent
ini = ConfigParser()
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']

extras = {name: cfg[f'{name}_requirements'].split() for name in ('dashboard', 'train', 'fuzz', 'dask')}
dev = cfg['dev_requirements'].split()
extras['dev'] = sorted({*dev, *extras['dashboard'], *extras['train'], *extras['dask']})

setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    long_description=(here/'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    url=cfg['git_url'],
    author=cfg['author'],
    author_email=cfg['author_email'],
    license='Apache-2.0',
    keywords=cfg['keywords'].split(),
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg['requirements'].split(),
    extras_require=extras,
    # The dashboard's notebook travels in the wheel, so that `emotion-nb dashboard` works outside a checkout.
    packages=['emotion_nb', 'emotion_nb.app', 'emotion_nb.dashboards'],
    package_dir={'emotion_nb': 'emotion_nb', 'emotion_nb.app': 'emotion_nb/app', 'emotion_nb.dashboards': 'dashboards'},
    package_data={'emotion_nb': ['bundled/**/*', 'examples/*', 'silero/*', 'py.typed'], 'emotion_nb.app': ['static/*'],
                  'emotion_nb.dashboards': ['*.ipynb', '*.json']},
    entry_points={'console_scripts': cfg['console_scripts'].split()},
    zip_safe=False,
)
