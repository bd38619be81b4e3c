#!/usr/bin/env bash
# Makes the receipts of this folder anew. Keys and nonces are random, so they differ from those that are here; the tests name none.
#   viewer/test/receipts/make.sh ATTESTLM
set -euo pipefail
[ $# = 1 ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
attestlm=$(realpath "$1")
cd "$(dirname "$0")"
question='Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. How many apples does Tom have now?'
contract=0xc0ffee254729296a45a3885639ac7e10f9d54979

# By greedy sampling, everything disclosed: reasoning and an answer.
"$attestlm" run --prompt "$question" --receipt greedy.json
# Drawn with many parameters set, under a seed rule.
"$attestlm" run --prompt "$question" --temperature 0.7 --top-k 40 --top-p 0.95 --min-p 0.02 --repeat-penalty 1.1 --ban 5 --logit-bias 9=-1.5 \
    --stop 'apples left.' --max-tokens 200 --seed-rule "commitment:0x$(printf '11%.0s' {1..32}):0x$(printf '22%.0s' {1..32})" --receipt drawn.json
# For the verifier of a chain, with a context whose inputs are disclosed.
context=$(python3 - "$contract" <<'PY'
import sys
sys.path.insert(0, '../../../vectors/tools')
from independent import commitments as c
print('0x' + c.context(11155111, bytes.fromhex(sys.argv[1][2:]), bytes([0x4a]) * 32, bytes(32)).hex())
PY
)
"$attestlm" run --prompt "$question" --domain "11155111:$contract" --context "$context" --receipt contract.json
python3 - "$contract" <<'PY'
import json, sys
document = json.load(open('contract.json'))
document['disclosure']['contextInputs'] = {
    'chainId': 11155111, 'contract': sys.argv[1], 'jobId': '0x' + '4a' * 32, 'previousDigest': '0x' + '00' * 32}
open('contract.json', 'w').write(json.dumps(document, indent=2) + '\n')
PY
# One step of the first one; another one as a proof of its own.
"$attestlm" disclose greedy.json --steps 1 --out redacted.json
"$attestlm" disclose greedy.json --steps 2 | python3 -c '
import json, sys
(proof,) = json.load(sys.stdin)["disclosure"]["stepProofs"]
open("step-proof.json", "w").write(json.dumps({"type": "attestlm/step-proof-1", **proof}, indent=2) + "\n")'
python3 - <<'PY'
import json
# The first one without its disclosure.
document = json.load(open('greedy.json'))
del document['disclosure']
open('undisclosed.json', 'w').write(json.dumps(document, indent=2) + '\n')
PY
# A continuation that was given and scored.
"$attestlm" score --prompt "$question" --continuation ' 14' --receipt scored.json
