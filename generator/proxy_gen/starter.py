"""A values file to begin with: few answers in, commented YAML out. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

LOGINS = ("dummy", "github", "google", "oidc")
STORAGES = ("dynamic", "none")


@dataclass(frozen=True)
class Answers:
    """What ``proxy-gen init`` asks; the defaults are its suggestions.

    ``host`` is the hub's public name, empty when there is no Ingress. ``memory`` is what each user
    may use, as JupyterHub writes it (``2G``). ``password`` is what everybody types with the login
    ``dummy``; an empty one lets everybody in.
    """

    login: str = "dummy"
    host: str = ""
    storage: str = "dynamic"
    memory: str = "1G"
    replicas: int = 2
    etcd_members: int = 3
    dashboard: bool = False
    password: str = field(default="", repr=False)


def write(answers: Answers) -> str:
    """Return the text of a values file; it is valid for every combination of answers."""
    parts = [_HEAD, _hub(answers), _proxy(answers), _singleuser(answers), _CULL, _ingress(answers)]
    return "\n".join(part for part in parts if part)


_HEAD = """\
# Values of a highly available JupyterHub; `proxy-gen init` wrote the beginning, the rest is yours.
#
#   proxy-gen secrets secrets.yaml        # once: draw every secret; keep that file out of git
#   proxy-gen validate values.yaml
#   helm upgrade --install hub ./chart -f values.yaml -f secrets.yaml
"""

_CULL = """\
# Stop servers that nobody has used for an hour.
cull:
  enabled: true
  timeout: 3600
"""

_DUMMY = """\
    JupyterHub:
      authenticator_class: dummy
    # One password for all, who log in under any name: for trying out only. Keep it out of git: it
    # may stand under the same path in a file of its own, given with -f. Empty lets everybody in.
    DummyAuthenticator:
      password: {password}
    Authenticator:
      allow_all: true
"""

_OAUTH = """\
    JupyterHub:
      authenticator_class: {authenticator}
    {section}:
      # {where}
      client_id: your-client-id
      # Keep it out of git: put it under the same path into a file of its own, given with -f.
      # client_secret: ...
      oauth_callback_url: https://{host}/hub/oauth_callback
{more}    Authenticator:
      # Who may log in, and who may do everything.
      allowed_users: []
      admin_users: []
"""

_OIDC_URLS = """\
      authorize_url: https://login.example.org/authorize
      token_url: https://login.example.org/token
      userdata_url: https://login.example.org/userinfo
      username_claim: preferred_username
      scope: [openid, profile]
"""


def _hub(answers: Answers) -> str:
    text = (
        "hub:\n"
        "  # Traits of JupyterHub's classes: https://jupyterhub.readthedocs.io/en/stable/reference/\n"
        "  config:\n"
    )
    if answers.login == "dummy":
        return text + _DUMMY.format(password=json.dumps(answers.password))
    authenticator, section, where, more = {
        "github": ("github", "GitHubOAuthenticator", "github.com/settings/developers", ""),
        "google": ("google", "GoogleOAuthenticator", "console.cloud.google.com", ""),
        "oidc": ("generic-oauth", "GenericOAuthenticator", "from your provider", _OIDC_URLS),
    }[answers.login]
    return text + _OAUTH.format(
        authenticator=authenticator,
        section=section,
        where=where,
        host=answers.host or "hub.example.org",
        more=more,
    )


def _proxy(answers: Answers) -> str:
    enabled = "true" if answers.dashboard else "false"
    service = "ClusterIP" if answers.host else "LoadBalancer"
    return f"""\
proxy:
  service:
    # LoadBalancer asks the cloud for a public address; ClusterIP is for use behind an Ingress.
    type: {service}
  traefik:
    # Each replica serves everybody; one may die while the others go on.
    replicas: {answers.replicas}
    dashboard:
      # Behind a user and a password, which `proxy-gen secrets` draws.
      enabled: {enabled}
  etcd:
    # Members that keep the routing table: 1, 3 (survives the loss of one) or 5 (of two).
    replicas: {answers.etcd_members}
"""


def _singleuser(answers: Answers) -> str:
    text = f"""\
singleuser:
  # The users' own image; it needs jupyterhub and jupyterlab.
  # image:
  #   name: quay.io/jupyter/scipy-notebook
  #   tag: latest
  memory:
    # What each user is promised, and what stops a server that takes more.
    guarantee: {answers.memory}
    limit: {answers.memory}
"""
    if answers.storage == "none":
        return (
            text
            + "  storage:\n    # Users' files are gone when their server stops.\n    type: none\n"
        )
    return text + "  storage:\n    # One volume per user.\n    type: dynamic\n    capacity: 10Gi\n"


def _ingress(answers: Answers) -> str:
    if not answers.host:
        return ""
    return f"""\
ingress:
  enabled: true
  hosts:
    - {answers.host}
  # TLS ends here; cert-manager, for example, fills the Secret.
  tls:
    - hosts:
        - {answers.host}
      secretName: hub-tls
"""
