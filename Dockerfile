# The dashboard as a container:
#   docker build -t emotion_nb .
#   docker run --rm --init -p 127.0.0.1:8866:8866 emotion_nb        then open http://127.0.0.1:8866
# What follows the image's name goes to `emotion-nb dashboard`, such as  --base-url /emotion/

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
      org.opencontainers.image.description="Hears how somebody feels: the dashboard" \
      org.opencontainers.image.licenses="Apache-2.0 AND CC-BY-NC-SA-4.0"
RUN useradd --create-home --uid 1000 emotion
COPY --from=build /app /app
ENV PATH="/app/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 1000
WORKDIR /home/emotion
EXPOSE 8866
# Any answer will do, also a 404 behind --base-url; the page itself would start a kernel each time.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8866, timeout=8); c.request('GET', '/voila/static/'); raise SystemExit(c.getresponse().status >= 500)"]
ENTRYPOINT ["emotion-nb", "dashboard", "--host", "0.0.0.0", "--port", "8866"]
