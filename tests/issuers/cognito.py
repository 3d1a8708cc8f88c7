"""A Cognito user pool, as moto's server has it.

It listens on a port that is free, or on $PORT, prints one line of JSON, with the pool and its tokens, and ends with its
standard input.
"""

import json
import logging
import os
import sys
import time
import uuid

import boto3
from joserfc import jwt
from moto.cognitoidp.models import cognitoidp_backends
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

REGION = "us-west-2"
PASSWORD = "Long-enough-1"


def client_of(cognito, pool, name):
    made = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName=name,
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    return made["UserPoolClient"]["ClientId"]


def add_user(cognito, pool, name, groups):
    cognito.admin_create_user(UserPoolId=pool, Username=name)
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    for group in groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)


def log_in(cognito, client, name):
    answer = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )
    tokens = answer["AuthenticationResult"]
    return {"access": tokens["AccessToken"], "id": tokens["IdToken"], "refresh": tokens["RefreshToken"]}


def client_credentials(issuer, pool, client, scope):
    """moto grants none to a client alone. This is what AWS describes, signed by the pool's own key."""
    now = int(time.time())
    claims = {
        "sub": client,
        "token_use": "access",
        "scope": scope,
        "auth_time": now,
        "iss": issuer,
        "exp": now + 3600,
        "iat": now,
        "version": 2,
        "jti": str(uuid.uuid4()),
        "client_id": client,
    }
    # The account is the one moto gives to everybody.
    (key,) = [backends[REGION].user_pools[pool].json_web_key for _, backends in cognitoidp_backends.items()]
    return jwt.encode({"kid": "dummy", "alg": "RS256"}, claims, key)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(os.environ.get("PORT", "0")), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    cognito = boto3.client(
        "cognito-idp",
        region_name=REGION,
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    pool = cognito.create_user_pool(PoolName="observatory")["UserPool"]["Id"]
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool}"
    portal, other = client_of(cognito, pool, "portal"), client_of(cognito, pool, "other")
    for group in ["lsst", "lsst_img"]:
        cognito.create_group(UserPoolId=pool, GroupName=group)
    add_user(cognito, pool, "alice", ["lsst", "lsst_img"])
    add_user(cognito, pool, "bob", [])
    print(
        json.dumps(
            {
                "address": f"{host}:{port}",
                "issuer": issuer,
                "pool": pool,
                "portal": portal,
                "alice": log_in(cognito, portal, "alice"),
                "bob": log_in(cognito, portal, "bob"),
                "alice_elsewhere": log_in(cognito, other, "alice"),
                "service": client_credentials(issuer, pool, portal, "observatory/read.tap"),
            }
        ),
        flush=True,
    )
    sys.stdin.read()


main()
