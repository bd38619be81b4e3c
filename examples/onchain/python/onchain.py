"""A receipt on a chain: anchors it, or finds its anchor and has AttestLM check it and the steps it shows.

    python onchain.py anchor RECEIPT.json|BATCH.json
    python onchain.py check --signer ADDRESS --model HASH [--batch BATCH.json] RECEIPT.json

RECEIPT.json may show steps (`attestlm steps prove`, `attestlm disclose`). BATCH.json: {"root", "receipts": [{"file", "digest",
"proof"}]}. The chain is in ETH_RPC_URL, ATTESTLM_VERIFIER and ATTESTLM_REGISTRY, the compiled contracts are in
ATTESTLM_CONTRACTS, and who pays for an anchor in ETH_PRIVATE_KEY. Exit status: 0 if everything holds, 1 if something does not,
2 for wrong usage.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Tuple

from attestlm import AttestLMError, Receipt
from eth_account import Account
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractCustomError, Web3Exception

ZERO_ADDRESS = "0x" + 20 * "00"
ZERO_HASH = bytes(32)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def variable(name: str) -> str:
    if name not in os.environ:
        print(f"onchain: {name} is not set", file=sys.stderr)
        sys.exit(2)
    return os.environ[name]


class OnChain:
    def __init__(self) -> None:
        self.web3 = Web3(Web3.HTTPProvider(variable("ETH_RPC_URL")))
        self.attestlm = self.contract(variable("ATTESTLM_VERIFIER"), "AttestLM")
        self.registry = self.contract(variable("ATTESTLM_REGISTRY"), "ReceiptRegistry")

    def contract(self, address: str, name: str) -> Contract:
        compiled = read(Path(variable("ATTESTLM_CONTRACTS")) / f"{name}.json")
        return self.web3.eth.contract(address=Web3.to_checksum_address(address), abi=compiled["abi"])

    def anchor(self, path: Path) -> bool:
        root = read(path).get("root") or "0x" + Receipt.parse(path).digest.hex()
        account = Account.from_key(variable("ETH_PRIVATE_KEY"))
        transaction = self.registry.functions.anchor(root).build_transaction(
            {"from": account.address, "nonce": self.web3.eth.get_transaction_count(account.address)}
        )
        signed = account.sign_transaction(transaction)
        sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        status = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.1)["status"]
        print(f"anchor    {root} {'success' if status else 'reverted'}")
        return status == 1

    def check(self, path: Path, signer: str, model: str, batch_path: "Path | None") -> bool:
        document = read(path)
        receipt = Receipt.parse(document)
        digest = "0x" + receipt.digest.hex()
        sound = True

        def say(name: str, good: bool, text: str) -> None:
            nonlocal sound
            sound = sound and good
            print(f"{name:9} {text}")

        # Without a chain: form, signature, what we expect, and the steps.
        verdict = receipt.verify(signature_only=True, expect_signer=signer, expect_model=model).verdict.name
        say("receipt", True, digest)
        say("verdict", verdict == "verified", verdict)

        # Its anchor: its own digest's, or that of a batch it is in.
        batch = read(batch_path) if batch_path else {"root": digest, "receipts": []}
        events = self.registry.events.Anchored.get_logs(from_block=0, argument_filters={"root": batch["root"]})
        say("event", bool(events), f"{events[0]['args']['by'].lower()} in block {events[0]['blockNumber']}" if events else "none")
        if batch_path:
            proof = next((member["proof"] for member in batch["receipts"] if member["digest"] == digest), [])
            by, time = self.registry.functions.anchorOf(digest, batch["root"], proof).call()
        else:
            by, time = self.registry.functions.anchorOf(digest).call()
        say("anchor", by != ZERO_ADDRESS, f"{by.lower()} at {time}" if by != ZERO_ADDRESS else "none")

        # What a contract would ask. Zero demands nothing.
        message = {
            **document["message"],
            "issuedAt": int(document["message"]["issuedAt"]),
            "signer": Web3.to_checksum_address(document["message"]["signer"]),
        }
        terms = {
            "signer": Web3.to_checksum_address(signer),
            "model": model,
            "adapter": ZERO_HASH,
            "profile": ZERO_HASH,
            "sampler": ZERO_HASH,
            "context": ZERO_HASH,
            "scored": False,
            "allowPrefix": False,
        }
        say("check", *self.asked("check", message, document["signature"], terms))
        for step in document.get("disclosure", {}).get("stepProofs", []):
            text = bytes.fromhex(step["textHex"][2:]) if "textHex" in step else step["text"].encode()
            proof = {**{name: value for name, value in step.items() if name != "textHex"}, "text": text}
            say(f"step {step['index']}", *self.asked("checkStep", message, document["signature"], terms, proof))
        return sound

    def asked(self, name: str, *arguments: Any) -> Tuple[bool, str]:
        try:
            return True, "0x" + self.attestlm.get_function_by_name(name)(*arguments).call().hex()
        except ContractCustomError as error:
            data = bytes.fromhex(str(error.data)[2:])
            for declared in (entry for entry in self.attestlm.abi if entry["type"] == "error"):
                types = [argument["type"] for argument in declared["inputs"]]
                if data[:4] == Web3.keccak(text=f"{declared['name']}({','.join(types)})")[:4]:
                    fields = [field.rstrip(b"\0").decode() for field in self.web3.codec.decode(types, data[4:])]
                    return False, " ".join(["refused:", declared["name"], *fields])
            raise


def main() -> int:
    parser = argparse.ArgumentParser(prog="onchain")
    commands = parser.add_subparsers(dest="command", required=True)
    anchor = commands.add_parser("anchor")
    anchor.add_argument("file", type=Path)
    check = commands.add_parser("check")
    check.add_argument("--signer", required=True)
    check.add_argument("--model", required=True)
    check.add_argument("--batch", type=Path)
    check.add_argument("receipt", type=Path)
    given = parser.parse_args()
    chain = OnChain()
    if given.command == "anchor":
        return 0 if chain.anchor(given.file) else 1
    return 0 if chain.check(given.receipt, given.signer, given.model, given.batch) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AttestLMError, Web3Exception, OSError) as error:
        sys.exit(f"onchain: {error}")
