"""A JupyterHub that believes who the filter says is calling. Its ports and folders are in the environment."""

import os
import sys

PORT, HUB_PORT, PROXY_PORT = (os.environ[f"HUB_{name}"] for name in ("PORT", "OWN_PORT", "PROXY_PORT"))
FOLDER, PROXY = os.environ["HUB_FOLDER"], os.environ["HUB_PROXY"]

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}/notebook/"
c.JupyterHub.hub_port = int(HUB_PORT)
c.JupyterHub.db_url = f"sqlite:///{FOLDER}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{FOLDER}/cookie_secret"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PROXY_PORT}"
c.ConfigurableHTTPProxy.command = PROXY.split(":")
c.ConfigurableHTTPProxy.pid_file = f"{FOLDER}/proxy.pid"

c.JupyterHub.authenticator_class = "jhub_remote_user_authenticator.remote_user_auth.RemoteUserAuthenticator"
c.RemoteUserAuthenticator.header_name = "X-Auth-Request-User"
c.Authenticator.allow_all = True

# Every user's server runs as who runs this, in a folder of its own.
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{FOLDER}/home-{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]

# A program with a token of the hub's own, which the filter cannot read.
c.JupyterHub.services = [{"name": "culler", "api_token": os.environ["HUB_TOKEN"]}]
c.JupyterHub.load_roles = [{"name": "culler", "scopes": ["list:users"], "services": ["culler"]}]
