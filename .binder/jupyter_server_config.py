"Jupyter on Binder: starts the dashboard when /emotion/ is first asked for, and lets recordings through both ways."
import tornado.websocket

MESSAGE = 64*2**20  # Bytes of a websocket message, as in dashboards/voila.json; the default of 10 MiB ends the visit
tornado.websocket._default_max_message_size = MESSAGE  # where jupyter-server-proxy looks for what the dashboard sends

c = get_config()  # noqa: F821
c.ServerApp.tornado_settings = {'websocket_max_message_size': MESSAGE}  # for what the browser sends
c.ServerProxy.servers = {'emotion': {
    'command': ['emotion-nb', 'dashboard', '--port', '{port}', '--base-url', '{base_url}emotion/'],
    'absolute_url': True,
    'timeout': 60,
    'launcher_entry': {'title': 'The emotion in a voice'}}}
