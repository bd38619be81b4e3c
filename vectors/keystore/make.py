#!/usr/bin/env python3
"""Writes cases.json: keystores V3 with what a reader must make of them.

    python3 -m venv venv && venv/bin/pip install eth_account && venv/bin/python make.py

The two published cases are those of the Web3 Secret Storage definition; `eth_account`
decrypts every good case here (independently of AttestLM) and wrote the ones marked so.
A keystore with a number that many readers of JSON round or refuse is given as its text.
The output changes from run to run only in the keystores that eth_account salts freshly.
"""

import copy
import json
import pathlib

from eth_account import Account

PUBLISHED_KEY = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
PUBLISHED_ID = "3198bc9c-6672-5ab3-d995-4942343ae5b6"

PBKDF2 = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": PUBLISHED_ID,
    "version": 3,
}

SCRYPT = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "r": 1,
            "p": 8,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": PUBLISHED_ID,
    "version": 3,
}


def good(name, source, keystore, password):
    key = Account.decrypt(keystore, password)
    return {
        "name": name,
        "source": source,
        "password": password,
        "keystore": keystore,
        "privateKey": "0x" + key.hex().removeprefix("0x"),
        "address": Account.from_key(key).address,
    }


def bad(name, keystore, error, password="testpassword"):
    return {"name": name, "password": password, "keystore": keystore, "error": error}


DELETE = object()


def change(base, path, value):
    keystore = copy.deepcopy(base)
    node = keystore
    for key in path[:-1]:
        node = node[key]
    if value is DELETE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return keystore


def params(base, **values):
    keystore = copy.deepcopy(base)
    keystore["crypto"]["kdfparams"].update(values)
    return keystore


def main():
    published = "Web3 Secret Storage definition"
    cases = [
        good("published-pbkdf2", published, PBKDF2, "testpassword"),
        good("published-scrypt", published, SCRYPT, "testpassword"),
    ]
    assert all(case["privateKey"] == "0x" + PUBLISHED_KEY for case in cases)

    key = bytes(range(1, 33))
    light = Account.encrypt(key, "correct horse", kdf="scrypt", iterations=4096)
    cases.append(good("eth-account-scrypt", "eth_account", light, "correct horse"))
    unicode = Account.encrypt(key, "пароль 密碼 🔑", kdf="pbkdf2", iterations=1000)
    cases.append(good("eth-account-pbkdf2-unicode-password", "eth_account", unicode, "пароль 密碼 🔑"))
    empty = Account.encrypt(key, "", kdf="pbkdf2", iterations=1000)
    cases.append(good("eth-account-empty-password", "eth_account", empty, ""))
    extra = {**light, "name": "main", "x-ethers": {"client": "ethers", "workerCount": 4}}
    cases.append(good("unknown-top-level-fields", "derived", extra, "correct horse"))
    capital = {k: v for k, v in light.items() if k != "crypto"} | {"Crypto": light["crypto"]}
    capital_case = good("capital-crypto", "derived", light, "correct horse")
    cases.append({**capital_case, "name": "capital-crypto", "keystore": capital})
    silent = {k: v for k, v in light.items() if k != "address"}
    cases.append(good("no-address", "derived", silent, "correct horse"))

    p = "keystore.crypto.kdfparams."
    cases += [
        bad("wrong-password", light, "password", "correct horsf"),
        bad("wrong-password-case", light, "password", "Correct horse"),
        bad("flipped-mac", change(PBKDF2, ["crypto", "mac"], "00" + PBKDF2["crypto"]["mac"][2:]), "password"),
        bad("flipped-ciphertext", change(PBKDF2, ["crypto", "ciphertext"], "00" * 32), "password"),
        bad("another-address", {**light, "address": "00" * 20}, "keystore.address", "correct horse"),
        bad("scrypt-n-huge", params(SCRYPT, n=2**40), p + "n"),
        bad("scrypt-n-2-63", json.dumps(params(SCRYPT, n=2**63)), "keystore"),
        bad("scrypt-n-2-53", params(SCRYPT, n=2**53), p + "n"),
        bad("scrypt-n-not-a-power", params(SCRYPT, n=262143), p + "n"),
        bad("scrypt-n-0", params(SCRYPT, n=0), p + "n"),
        bad("scrypt-n-1", params(SCRYPT, n=1), p + "n"),
        bad("scrypt-n-negative", params(SCRYPT, n=-2), p + "n"),
        bad("scrypt-n-string", params(SCRYPT, n="262144"), p + "n"),
        bad("scrypt-n-fraction", params(SCRYPT, n=0.5), p + "n"),
        bad("scrypt-r-huge", params(SCRYPT, r=2**31), p + "n"),
        bad("scrypt-r-0", params(SCRYPT, r=0), p + "r"),
        bad("scrypt-r-overflow", params(SCRYPT, r=2**53), p + "n"),
        bad("scrypt-p-huge", params(SCRYPT, p=2**30), p + "p"),
        bad("scrypt-p-0", params(SCRYPT, p=0), p + "p"),
        bad("scrypt-p-overflow", params(SCRYPT, p=2**53), p + "p"),
        bad("scrypt-work", params(SCRYPT, n=2**18, r=8, p=5), p + "p"),
        bad("pbkdf2-c-huge", params(PBKDF2, c=10_000_001), p + "c"),
        bad("pbkdf2-c-2-64", json.dumps(params(PBKDF2, c=2**64 - 1)), "keystore"),
        bad("pbkdf2-c-2-53", params(PBKDF2, c=2**53), p + "c"),
        bad("pbkdf2-c-0", params(PBKDF2, c=0), p + "c"),
        bad("pbkdf2-prf", params(PBKDF2, prf="hmac-sha512"), p + "prf"),
        bad("dklen-16", params(PBKDF2, dklen=16), p + "dklen"),
        bad("dklen-31", params(PBKDF2, dklen=31), p + "dklen"),
        bad("dklen-65", params(PBKDF2, dklen=65), p + "dklen"),
        bad("dklen-huge", params(SCRYPT, dklen=2**40), p + "dklen"),
        bad("salt-empty", params(PBKDF2, salt=""), p + "salt"),
        bad("salt-long", params(PBKDF2, salt="00" * 129), p + "salt"),
        bad("salt-not-hex", params(PBKDF2, salt="zz"), p + "salt"),
        bad("salt-odd", params(PBKDF2, salt="abc"), p + "salt"),
        bad("salt-not-ascii", params(PBKDF2, salt="éé"), p + "salt"),
        bad("kdfparams-unknown", params(PBKDF2, extra=1), "keystore.crypto.kdfparams"),
        bad("mac-short", change(PBKDF2, ["crypto", "mac"], "517e"), "keystore.crypto.mac"),
        bad("mac-empty", change(PBKDF2, ["crypto", "mac"], ""), "keystore.crypto.mac"),
        bad("mac-number", change(PBKDF2, ["crypto", "mac"], 1), "keystore.crypto.mac"),
        bad("iv-short", change(PBKDF2, ["crypto", "cipherparams", "iv"], "60"), "keystore.crypto.cipherparams.iv"),
        bad("iv-long", change(PBKDF2, ["crypto", "cipherparams", "iv"], "60" * 17), "keystore.crypto.cipherparams.iv"),
        bad("ciphertext-short", change(PBKDF2, ["crypto", "ciphertext"], "53" * 31), "keystore.crypto.ciphertext"),
        bad("ciphertext-long", change(PBKDF2, ["crypto", "ciphertext"], "53" * 33), "keystore.crypto.ciphertext"),
        bad("cipher-cbc", change(PBKDF2, ["crypto", "cipher"], "aes-128-cbc"), "keystore.crypto.cipher"),
        bad("kdf-argon2", change(PBKDF2, ["crypto", "kdf"], "argon2id"), "keystore.crypto.kdf"),
        bad("kdf-number", change(PBKDF2, ["crypto", "kdf"], 1), "keystore.crypto.kdf"),
        bad("crypto-missing", change(PBKDF2, ["crypto"], DELETE), "keystore.crypto"),
        bad("crypto-twice", {**PBKDF2, "Crypto": PBKDF2["crypto"]}, "keystore.crypto"),
        bad("crypto-list", change(PBKDF2, ["crypto"], []), "keystore.crypto"),
        bad("crypto-unknown", change(PBKDF2, ["crypto", "extra"], 1), "keystore.crypto"),
        bad("version-1", {**PBKDF2, "version": 1}, "keystore.version"),
        bad("version-string", {**PBKDF2, "version": "3"}, "keystore.version"),
        bad("version-missing", change(PBKDF2, ["version"], DELETE), "keystore.version"),
        bad("address-short", {**PBKDF2, "address": "00"}, "keystore.address"),
        bad("address-number", {**PBKDF2, "address": 1}, "keystore.address"),
        bad("a-list", [], "keystore"),
        bad("null", None, "keystore"),
    ]
    for field in ["cipher", "cipherparams", "ciphertext", "kdf", "kdfparams", "mac"]:
        cases.append(bad(f"{field}-missing", change(SCRYPT, ["crypto", field], DELETE), "keystore.crypto"))
    for field in ["dklen", "n", "r", "p", "salt"]:
        keystore = change(SCRYPT, ["crypto", "kdfparams", field], DELETE)
        cases.append(bad(f"scrypt-{field}-missing", keystore, "keystore.crypto.kdfparams"))
    for field in ["dklen", "c", "prf", "salt"]:
        keystore = change(PBKDF2, ["crypto", "kdfparams", field], DELETE)
        cases.append(bad(f"pbkdf2-{field}-missing", keystore, "keystore.crypto.kdfparams"))

    document = {"generatedBy": "vectors/keystore/make.py", "count": len(cases), "cases": cases}
    path = pathlib.Path(__file__).with_name("cases.json")
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


main()
