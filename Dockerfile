# The dashboard as a container:
#   docker build -t emotion_nb .
#   docker run --rm --init -p 127.0.0.1:8866:8866 emotion_nb        then open http://127.0.0.1:8866
# What follows the image's name goes to `emotion-nb dashboard`, such as  --base-url /emotion/ --max-visitors 10
# With  -e EMOTION_NB_PASSWORD  before the image's name visitors have to give the password of your environment.

FROM python:3.11-slim AS build
WORKDIR /src
COPY constraints.txt settings.ini setup.py README.md LICENSE ./
COPY dashboards dashboards
COPY emotion_nb emotion_nb
RUN python -m venv /app \
 && /app/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt '.[dashboard]' \
 && /app/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
LABEL org.opencontainers.image.title="emotion_nb" \
      org.opencontainers.image.description="Recognises which of eight acted emotions a recording sounds like: the dashboard" \
      org.opencontainers.image.licenses="Apache-2.0 AND CC-BY-NC-SA-4.0"
RUN useradd --create-home --uid 1000 emotion
COPY --from=build /app /app
ENV PATH="/app/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 1000
WORKDIR /home/emotion
EXPOSE 8866
# /healthz says whether pages can be made; it starts no kernel, wants no password, and lies there also behind --base-url.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8866, timeout=8); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["emotion-nb", "dashboard", "--host", "0.0.0.0", "--port", "8866"]
