// Asks the bundled model a question, prints the answer as it comes and the signed receipt, and has the receipt
// judged as a stranger would.
//
//     node quickstart.mjs [REQUEST.json [KEYSTORE.json]]
//
// REQUEST.json: docs/request.md. The keystore's password is taken from ATTESTLM_PASSWORD; without one the receipt is
// signed with a fresh key. The answer goes to standard error, the receipt to standard output.
import { readFileSync } from 'node:fs';
import { Model, Receipt, Signer } from 'attestlm';

const QUESTION = {
  messages: [{ role: 'user', content: 'Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. How many apples does Tom have now?' }],
  temperature: '0.7',
  seed: '7',
};

const [requestPath, keystorePath] = process.argv.slice(2);
try {
  const request = requestPath ? readFileSync(requestPath) : undefined;
  const model = await Model.bundled();
  const session = await model.createSession();
  const signer = keystorePath
    ? await Signer.fromKeystore(readFileSync(keystorePath), process.env.ATTESTLM_PASSWORD ?? '')
    : Signer.random();

  // The answer, event by event.
  const generation = session.stream(request ?? QUESTION, { signer });
  for await (const event of generation) {
    console.error(JSON.stringify(event));
  }

  // The signed receipt, as any verifier takes it.
  const { receipt } = await generation.answer();
  const document = receipt.toString();
  process.stdout.write(document);

  // Somebody else reads and judges it.
  const report = await Receipt.parse(document).verify({ model, request });
  console.error(JSON.stringify(report));
} catch (error) {
  console.error(`quickstart: ${error.message}`);
  process.exitCode = 1;
}
