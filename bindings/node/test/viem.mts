// Compiled by tsc, and run as it comes out: a receipt is what viem and ethers take, without a cast.
import assert from 'node:assert/strict';
import { verifyTypedData as ethersVerify, type TypedDataDomain } from 'ethers';
import { hashTypedData, isAddressEqual, recoverTypedDataAddress, verifyTypedData, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { Model, Signer, type Receipt, type ReceiptDocument } from 'attestlm';

const account = privateKeyToAccount(`0x${'11'.repeat(32)}`);
await using model = await Model.bundled();
await using session = await model.createSession({ contextTokens: 256 });
const domain = { chainId: 1, verifyingContract: `0x${'ab'.repeat(20)}` };
for (const signer of [
  Signer.random(),
  Signer.custom(account.address, (_digest, receipt) => account.signTypedData(receipt.typedData())),
  Signer.custom(account.address, (_digest, receipt) => account.sign({ hash: receipt.digest })),
]) {
  const { receipt }: { receipt: Receipt | null } = await session.generate({ prompt: 'Tom', maxTokens: 2, domain }, { signer });
  assert.ok(receipt);
  const address: Hex = signer.address;
  const document: ReceiptDocument = receipt.toJSON();
  assert.ok(await verifyTypedData({ ...document, address }));
  assert.ok(await verifyTypedData({ ...receipt.typedData(), address: receipt.signer, signature: document.signature }));
  assert.equal(await recoverTypedDataAddress(document), address);
  assert.equal(hashTypedData(document), receipt.digest);
  assert.ok(isAddressEqual(document.message.signer, address));
  const { EIP712Domain, ...types } = document.types;
  assert.ok(EIP712Domain);
  const ethersDomain: TypedDataDomain = document.domain;
  assert.equal(ethersVerify(ethersDomain, types, document.message, document.signature), address);
}
console.log('viem: ok');
