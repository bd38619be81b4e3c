"""Asks the bundled model a question, prints the answer as it comes and the signed receipt, and has the receipt judged
as a stranger would.

    python quickstart.py [REQUEST.json [KEYSTORE.json]]

REQUEST.json: docs/request.md. The keystore's password is taken from ATTESTLM_PASSWORD; without one the receipt is
signed with a fresh key. The answer goes to standard error, the receipt to standard output.
"""

import os
import sys
from pathlib import Path

from attestlm import AttestLMError, Model, Receipt, Request, Session, Signer

QUESTION = "Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. How many apples does Tom have now?"


def main(arguments: "list[str]") -> None:
    own = Request.from_json(Path(arguments[0]).read_bytes()) if arguments else None
    request = own or Request([{"role": "user", "content": QUESTION}], temperature="0.7", seed="7")
    with Model.bundled() as model, Session(model) as session:
        if len(arguments) > 1:
            signer = Signer.from_keystore(Path(arguments[1]), os.environ.get("ATTESTLM_PASSWORD", ""))
        else:
            signer = Signer.random()

        # The answer, event by event.
        with session.stream(request, signer=signer) as stream:
            for event in stream:
                print(event.json, file=sys.stderr)
            # The signed receipt, as any verifier takes it.
            document = stream.receipt().to_json()
        sys.stdout.write(document)

        # Somebody else reads and judges it.
        report = Receipt.parse(document).verify(model, request=own)
        print(report.json, file=sys.stderr)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (AttestLMError, OSError) as error:
        sys.exit(f"quickstart: {error}")
