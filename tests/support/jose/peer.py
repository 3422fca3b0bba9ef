"""PyJWT and joserfc: one JSON list of tasks on stdin, one list of answers on stdout."""
import json
import sys

sys.path.insert(0, sys.argv[1])

import jwt
from joserfc import jwk, jws
from jwt.api_jws import PyJWS


def pyjwt_key(task):
    if "secret" in task:
        return task["secret"]
    return task.get("pem") or jwt.PyJWK(task["jwk"], algorithm=task["alg"]).key


def joserfc_key(task):
    if "secret" in task:
        return jwk.OctKey.import_key(task["secret"])
    kind = {"RS": "RSA", "PS": "RSA", "ES": "EC"}.get(task["alg"][:2], "OKP")
    return jwk.import_key(task.get("pem") or task["jwk"], kind)


def answer(task):
    library, op = task["op"].split("_")
    if library == "pyjwt" and op == "sign":
        return PyJWS().encode(task["payload"].encode(), pyjwt_key(task), algorithm=task["alg"])
    if library == "pyjwt":
        return PyJWS().decode(task["token"], pyjwt_key(task), algorithms=[task["alg"]]).decode()
    if op == "sign":
        header = {"alg": task["alg"]}
        return jws.serialize_compact(header, task["payload"], joserfc_key(task), algorithms=[task["alg"]])
    return jws.deserialize_compact(task["token"], joserfc_key(task), algorithms=[task["alg"]]).payload.decode()


def attempt(task):
    try:
        return {"ok": answer(task)}
    except Exception as error:
        return {"error": repr(error)}


json.dump([attempt(task) for task in json.load(sys.stdin)], sys.stdout)
